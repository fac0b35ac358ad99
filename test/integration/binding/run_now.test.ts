/** What is done on the JavaScript thread where that is sooner done, and what never is. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Addon, NativeFunction, NativeTensor } from '../../../lib/binding/contract.js';
import { ensureTensorflow } from '../../../lib/binding/loader.js';
import { doubling, loadAddon } from './addon.mjs';
import { failure, floats, valuesOf } from './native_values.js';

let addon: Addon;
let double: NativeFunction;

beforeAll(async () => {
  const library = (await ensureTensorflow()).loadedPath() ?? '';
  addon = loadAddon();
  await addon.loadLibrary(library);
  double = await doubling(addon);
});

/** Runs `double` until its runs are known to be short. */
async function runNow(x: NativeTensor): Promise<NativeTensor[]> {
  for (let i = 0; i < 10_000; i++) {
    const outputs = double.runNow([x], { shardSize: 1 });
    if (outputs !== null) return outputs;
    await double.run([x], { shardSize: 1 });
  }
  throw new Error('no run was short');
}

describe('runNow', () => {
  it('gives at once what `run` gives, and throws what it rejects with', async () => {
    const [doubled] = await runNow(floats(addon, 1, 3));
    expect(Array.from(valuesOf(doubled as NativeTensor))).toEqual([6, 8, 10, 12]);
    expect(double.runNow([floats(addon, 2)], { shardSize: 2 })).toBeNull();
    const released = floats(addon, 1);
    released.release();
    expect((await failure(() => double.runNow([released], { shardSize: 1 }))).code).toBe(
      'FAILED_PRECONDITION',
    );
    expect((await failure(() => double.runNow([], { shardSize: 1 }))).code).toBe('INVALID_ARGUMENT');
    const target = floats(addon, 3);
    const into = [{ tensor: target, row: 1 }];
    expect(double.runNow([floats(addon, 1, 3)], { shardSize: 1, into })).toEqual([target]);
    expect(Array.from(valuesOf(target)).slice(4, 8)).toEqual([6, 8, 10, 12]);
  });
});

describe('findNotFinite', () => {
  it('gives the position of the first NaN or infinite element', async () => {
    const x = floats(addon, 1000);
    expect(await addon.findNotFinite(x)).toBe(-1);
    valuesOf(x)[3001] = Number.NaN;
    expect(await addon.findNotFinite(x)).toBe(3001);
    valuesOf(x)[3000] = -Infinity;
    expect(await addon.findNotFinite(x)).toBe(3000);
    valuesOf(x)[3000] = 0;
    const looking = addon.findNotFinite(x);
    x.release();
    expect(await looking).toBe(3001);
    expect((await failure(() => addon.findNotFinite(x))).code).toBe('FAILED_PRECONDITION');
  });
});
