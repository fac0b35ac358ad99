/** Promises of the addon are settled once, whatever the program has done to JavaScript's own objects. */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Addon, NativeFunction } from '../../../lib/binding/contract.js';
import { ensureTensorflow } from '../../../lib/binding/loader.js';
import { doubling, loadAddon } from './addon.mjs';
import { failure, floats, valuesOf } from './native_values.js';

let addon: Addon;
let double: NativeFunction;
let library: string;

beforeAll(async () => {
  library = (await ensureTensorflow()).loadedPath() ?? '';
  addon = loadAddon();
  await addon.loadLibrary(library);
  double = await doubling(addon);
});

const PROTOTYPES = { error: Error.prototype, object: Object.prototype };

afterEach(() => {
  for (const name of ['code', 'op', 'then']) {
    for (const prototype of Object.values(PROTOTYPES)) Reflect.deleteProperty(prototype, name);
  }
});

describe('an error', () => {
  it.each(['error', 'object'] as const)(
    'is whole though the program has put setters on the %s',
    async (which) => {
      const refuse = () => {
        throw new RangeError('not to be set');
      };
      for (const name of ['code', 'op']) {
        Object.defineProperty(PROTOTYPES[which], name, {
          configurable: true,
          get: () => 'mine',
          set: refuse,
        });
      }
      // One of each way: in the background, from a run, at once.
      const missing = failure(() => addon.loadModel({ path: '/nowhere' }));
      const wrong = failure(() => double.run([floats(addon, 1, 3), floats(addon, 1)], { shardSize: 1 }));
      const working = double.run([floats(addon, 1, 3)], { shardSize: 1 });
      expect((await missing).code).toBe('NOT_FOUND');
      expect((await wrong).code).toBe('INVALID_ARGUMENT');
      expect(await failure(() => addon.allocate('float32', [-1]))).not.toHaveProperty(
        'message',
        'not to be set',
      );
      // What came with them is delivered, too.
      const [doubled] = await working;
      expect(Array.from(valuesOf(doubled as never))).toEqual([6, 8, 10, 12]);
    },
  );
});

describe('a result', () => {
  it('whose `then` throws rejects, and others are delivered', async () => {
    let reads = 0;
    const runs = Array.from({ length: 20 }, () => double.run([floats(addon, 1)], { shardSize: 1 }));
    const settled = runs.map((run) => run.then(() => 'given').catch((error: Error) => error.message));
    Object.defineProperty(Object.prototype, 'then', {
      configurable: true,
      get() {
        // The promises of others (of vitest) resolve with arrays, too.
        if (!Array.isArray(this) || typeof this[0]?.byteOffset !== 'number') return undefined;
        reads += 1;
        throw new RangeError('no thenable');
      },
    });
    while (reads < 1) await new Promise((resolve) => setImmediate(() => resolve(undefined)));
    Reflect.deleteProperty(Object.prototype, 'then');
    const outcomes = new Set(await Promise.all(settled));
    expect(outcomes).toContain('no thenable');
    expect([...outcomes].every((each) => each === 'no thenable' || each === 'given')).toBe(true);
  });

  it('that ends its worker while the promise is resolved ends the worker alone', async () => {
    for (let i = 0; i < 5; i++) {
      const path = fileURLToPath(new URL('settle.mjs', import.meta.url));
      const worker = new Worker(path, { workerData: { library } });
      const [code] = await once(worker, 'exit');
      expect(code).toBe(7);
    }
    const [doubled] = await double.run([floats(addon, 1, 3)], { shardSize: 1 });
    expect(Array.from(valuesOf(doubled as never))).toEqual([6, 8, 10, 12]);
  });
});
