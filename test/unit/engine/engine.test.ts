import { describe, expect, it } from 'vitest';
import type { NativeFunction } from '../../../lib/binding/contract.js';
import { checkOwnParameters, keyOf, NotedParameters } from '../../../lib/engine/params.js';
import { partialExplain } from '../../../lib/engine/partial_explain.js';
import type { AnyMethod } from '../../../lib/graph/method.js';
import { cams, gradient, meta } from '../../../lib/methods/index.js';
import { withInputs } from '../../../lib/methods/meta/transformed.js';
import { FunctionCache } from '../../../lib/model/function_cache.js';
import { untilAborted } from '../../../lib/support/signal.js';

class FakeFunction implements NativeFunction {
  closed = false;
  run = () => Promise.resolve([]);
  runNow = () => null;
  close(): void {
    this.closed = true;
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('FunctionCache', () => {
  it('compiles once for one recording, also when asked twice at once', async () => {
    const cache = new FunctionCache();
    let compiled = 0;
    const compile = async () => {
      compiled += 1;
      await settled();
      return new FakeFunction();
    };
    const [a, b] = await Promise.all([cache.lend('one', compile), cache.lend('one', compile)]);
    expect(compiled).toBe(1);
    expect(a.function).toBe(b.function);
  });

  it('keeps eight functions, and closes a dropped function after its last use', async () => {
    const cache = new FunctionCache();
    const functions = Array.from({ length: 10 }, () => new FakeFunction());
    const leases = [];
    for (const [i, made] of functions.entries()) leases.push(await cache.lend(`f${i}`, async () => made));
    await settled();
    expect(cache.size).toBe(8);
    expect(functions.map(({ closed }) => closed)).not.toContain(true);
    for (const lease of leases) lease.release();
    leases[0]?.release();
    await settled();
    expect(functions.map(({ closed }) => closed)).toEqual([true, true, ...Array(8).fill(false)]);
  });

  it('recalls a remembered function until the function is dropped', async () => {
    const cache = new FunctionCache();
    const first = new FakeFunction();
    cache.remember('key', 'f0');
    expect(cache.recall('key')).toBeNull();
    (await cache.lend('f0', async () => first)).release();
    cache.remember('key', 'f0');
    expect((await cache.recall('key'))?.function).toBe(first);
    for (let i = 1; i <= 8; i++) await cache.lend(`f${i}`, async () => new FakeFunction());
    expect(cache.recall('key')).toBeNull();
  });

  it('remembers no more than 64 keys of a function, the last used', async () => {
    const cache = new FunctionCache();
    const made = new FakeFunction();
    (await cache.lend('f', async () => made)).release();
    // As many as closures that are written where they are passed.
    for (let i = 0; i < 1000; i++) {
      cache.remember(`closure ${i}`, 'f');
      expect((await cache.recall('closure 0'))?.function).toBe(made);
    }
    expect(cache.recall('closure 999')).not.toBeNull();
    expect(cache.recall('closure 937')).not.toBeNull();
    expect(cache.recall('closure 936')).toBeNull();
  });

  it('does not keep a failed compilation', async () => {
    const cache = new FunctionCache();
    await expect(cache.lend('bad', () => Promise.reject(new Error('no memory')))).rejects.toThrow(
      'no memory',
    );
    await settled();
    expect(cache.size).toBe(0);
    const mended = new FakeFunction();
    expect((await cache.lend('bad', async () => mended)).function).toBe(mended);
  });

  it('closes all, lent out or still compiling', async () => {
    const cache = new FunctionCache();
    const [lent, late] = [new FakeFunction(), new FakeFunction()];
    await cache.lend('lent', async () => lent);
    let finish: (made: FakeFunction) => void = () => undefined;
    const compiling = new Promise<FakeFunction>((resolve) => {
      finish = resolve;
    });
    const pending = cache.lend('late', () => compiling);
    cache.close();
    finish(late);
    await pending;
    await settled();
    expect([lent.closed, late.closed]).toEqual([true, true]);
  });
});

describe('keyOf', () => {
  it('is equal for equal data in any order of keys', () => {
    expect(keyOf({ a: [1, 'x'], b: { c: true } })).toBe(keyOf({ b: { c: true }, a: [1, 'x'] }));
    expect(keyOf({ a: undefined })).toBe(keyOf({}));
  });

  it('differs for different data', () => {
    const keys = [
      1,
      '1',
      1n,
      [1],
      ['1'],
      { a: 1 },
      { a: '1' },
      null,
      undefined,
      'null',
      true,
      -0,
      0,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      'NaN',
      [],
      {},
      [[]],
    ];
    expect(new Set(keys.map(keyOf)).size).toBe(keys.length);
    expect(keyOf({ 'a:1,b': 2 })).not.toBe(keyOf({ a: 1, b: 2 }));
  });

  it('tells functions and instances by identity', () => {
    const make = () => () => 1;
    const [f, g] = [make(), make()];
    expect(keyOf(f)).toBe(keyOf(f));
    expect(keyOf(f)).not.toBe(keyOf(g));
    expect(keyOf(new Date(0))).not.toBe(keyOf(new Date(0)));
  });
});

describe('parameters of a method without a descriptor', () => {
  const read = (params: object, method: (args: Record<string, unknown>) => unknown) => {
    const noted = new NotedParameters(params);
    method(noted.note({ model: 1, ...params }));
    noted.checkAllRead(method as never, ['batchSize', 'steps']);
  };

  it('accepts parameters that the method reads, one by one or all at once', () => {
    expect(() => read({ power: 2 }, ({ power }) => power)).not.toThrow();
    expect(() => read({ power: 2 }, ({ model, ...rest }) => [model, rest])).not.toThrow();
    expect(() => read({ power: 2 }, (args) => ({ ...args }))).not.toThrow();
  });

  it('gives the method the values', () => {
    const seen: unknown[] = [];
    read({ power: 2, base: undefined }, ({ power, base }) => seen.push(power, base));
    expect(seen).toEqual([2, undefined]);
  });

  it('tells which parameter the method does not read, and the option that was meant', () => {
    const sharpened = ({ power }: Record<string, unknown>) => power;
    expect(() => read({ powr: 2 }, sharpened)).toThrow('The method sharpened does not read "powr".');
    expect(() => read({ batch_size: 2 }, ({ power }) => power)).toThrow('should be "batchSize"');
    expect(() => read({ colour: 2 }, ({ power }) => power)).toThrow('Unknown option "colour".');
    // A name that the method does read, beside the misspelled one, is offered.
    expect(() => read({ power: 2, powr: 2 }, sharpened)).toThrow('should be "power".');
  });

  it("refuses names of the engine's arguments, and does not suggest them", () => {
    const method = ({ model, power }: Record<string, unknown>) => [model, power];
    expect(() => read({ model: 2 }, method)).toThrow(
      'Unknown option "model". Expected one of: batchSize, steps.',
    );
  });

  it('are noted through a meta method', () => {
    const noted = new NotedParameters({ power: 2, colour: 3 });
    const args = noted.note({ inputs: 'x', allInputs: ['x'], power: 2, colour: 3 });
    const copy = withInputs(args as never, 'noisy' as never) as unknown as Record<string, unknown>;
    expect([copy.inputs, copy.allInputs, copy.power]).toEqual(['noisy', ['noisy'], 2]);
    expect(() => noted.checkAllRead((() => 0) as never, [])).toThrow('"colour"');
  });
});

describe('parameters of a described method', () => {
  const check = (method: AnyMethod, params: object) => () =>
    checkOwnParameters(method, params, ['batchSize', 'steps']);

  it('are refused by name, with the name that was meant', () => {
    expect(check(cams.scorecam, { maskBatchSiz: 3 })).toThrow('should be "maskBatchSize"');
    expect(check(cams.scorecam, { batch_size: 3 })).toThrow('should be "batchSize"');
    expect(check(cams.gradcam, { model: 3 })).toThrow(
      'Unknown option "model". Expected one of: batchSize, steps.',
    );
    expect(check(cams.scorecam, { ['__proto__']: 3, maxChannels: 3 })).toThrow('"__proto__"');
  });

  it('are refused by type and bounds', () => {
    expect(check(cams.scorecam, { maskBatchSize: '3' })).toThrow(TypeError);
    expect(check(cams.scorecam, { maskBatchSize: 0 })).toThrow(RangeError);
    expect(check(cams.scorecam, { maskBatchSize: 3, maxChannels: null })).not.toThrow();
  });

  it('are those of the inner method inside a meta method', () => {
    const twice = meta.tta(meta.smooth(cams.scorecam));
    expect(check(twice, { maxChannels: 3 })).not.toThrow();
    expect(check(twice, { maxChannel: 3 })).toThrow('should be "maxChannels"');
    expect(check(twice, { repetitions: 3 })).toThrow('"repetitions"');
  });

  it('are not checked for a method without a descriptor', () => {
    expect(
      check(
        meta.smooth(() => ({}) as never),
        { anything: 3 },
      ),
    ).not.toThrow();
  });
});

describe('partialExplain', () => {
  it('is named after its method', () => {
    expect(partialExplain(cams.gradcam).name).toBe('gradcam_explain');
  });

  it('refuses values that are no method or no options', () => {
    expect(() => partialExplain('gradcam' as never)).toThrow('Expected a function for argument `method`');
    expect(() => partialExplain(cams.gradcam, 3 as never)).toThrow('argument `defaults`');
    expect(() => partialExplain(cams.gradcam, [] as never)).toThrow('argument `defaults`');
  });

  it.each([3, 'fast', [1]])('refuses %o for the options of a call', async (options) => {
    const call = partialExplain(cams.gradcam)(null as never, [], null, options as never);
    await expect(call).rejects.toThrow('Expected an object of options for argument `options`');
  });
});

describe('METHODS', () => {
  it.each([
    [cams, ['cam', 'gradcam', 'gradcampp', 'scorecam']],
    [gradient, ['gradients', 'fullGradients']],
    [meta, ['smooth', 'tta']],
  ])('lists the methods of a group', ({ METHODS }, names) => {
    expect(METHODS.map(({ name }) => name)).toEqual(names);
  });
});

describe('untilAborted', () => {
  const never = new Promise<never>(() => undefined);

  it('settles with the result or the error of the work', async () => {
    const { signal } = new AbortController();
    await expect(untilAborted(Promise.resolve(3), signal)).resolves.toBe(3);
    await expect(untilAborted(Promise.resolve(3), undefined)).resolves.toBe(3);
    await expect(untilAborted(Promise.reject(new Error('failed')), signal)).rejects.toThrow('failed');
  });

  it('ends at once when aborted, before or during the work', async () => {
    const cancelled = { name: 'CancelledError', code: 'CANCELLED', cause: 'enough' };
    await expect(untilAborted(never, AbortSignal.abort('enough'))).rejects.toMatchObject(cancelled);
    const controller = new AbortController();
    const waiting = untilAborted(never, controller.signal);
    controller.abort('enough');
    await expect(waiting).rejects.toMatchObject(cancelled);
  });
});
