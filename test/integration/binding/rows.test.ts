/** Ranges of rows into a run, targets out of it, and rows copied from tensor to tensor. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Addon, NativeFunction, NativeRunOptions, NativeTensor } from '../../../lib/binding/contract.js';
import { ensureTensorflow } from '../../../lib/binding/loader.js';
import { callers, doubling, loadAddon, slow } from './addon.mjs';

const ROWS = fileURLToPath(new URL('./rows.mjs', import.meta.url));

let addon: Addon;
let double: NativeFunction;
let library: string;

beforeAll(async () => {
  library = (await ensureTensorflow()).loadedPath() ?? '';
  addon = loadAddon();
  await addon.loadLibrary(library);
  double = await doubling(addon);
});

afterAll(() => double.close());

const valuesOf = ({ buffer, byteOffset, byteLength }: NativeTensor) =>
  new Float32Array(buffer, byteOffset, byteLength / 4);

/** (rows, columns) of 0, 1, 2, ..., or of `fill`. */
function floats(rows: number, { fill, columns = 4 }: { fill?: number; columns?: number } = {}): NativeTensor {
  const tensor = addon.allocate('float32', [rows, columns]);
  const values = valuesOf(tensor);
  for (let i = 0; i < values.length; i++) values[i] = fill ?? i;
  return tensor;
}

async function failure(action: () => Promise<unknown>): Promise<Error & { code?: string; op?: string }> {
  return action().then(
    () => expect.unreachable('nothing was thrown'),
    (error) => error,
  );
}

/** The bytes that `action` copied, by the counters. */
async function copies(action: () => Promise<unknown>): Promise<{ in: number; out: number }> {
  const before = addon.memory();
  await action();
  const after = addon.memory();
  return {
    in: after.copiedInBytes - before.copiedInBytes,
    out: after.copiedOutBytes - before.copiedOutBytes,
  };
}

describe('a range of rows', () => {
  it('is read where it is, if it begins at 64 bytes, and copied by its shards if not', async () => {
    const x = floats(40);
    const [output] = await double.run([x], { shardSize: 8, begin: 4, rows: 8 });
    expect(output?.shape).toEqual([8, 4]);
    expect([...valuesOf(output as NativeTensor)]).toEqual(Array.from({ length: 32 }, (_, i) => 2 * (16 + i)));
    expect(await copies(() => double.run([x], { shardSize: 8, begin: 4, rows: 8 }))).toEqual({
      in: 0,
      out: 0,
    });

    const [copied] = await double.run([x], { shardSize: 8, begin: 5, rows: 3 });
    expect([...valuesOf(copied as NativeTensor)]).toEqual(Array.from({ length: 12 }, (_, i) => 2 * (20 + i)));
    expect(await copies(() => double.run([x], { shardSize: 8, begin: 5, rows: 3 }))).toEqual({
      in: 48,
      out: 0,
    });
  });

  it('goes to the end by default, and may be empty', async () => {
    const x = floats(10);
    expect((await double.run([x], { shardSize: 4, begin: 7 }))[0]?.shape).toEqual([3, 4]);
    expect((await double.run([x], { shardSize: 4, begin: 10 }))[0]?.shape).toEqual([0, 4]);
    expect((await double.run([x], { shardSize: 4, rows: 0 }))[0]?.shape).toEqual([0, 4]);
  });

  it('is refused where the feed does not have it', async () => {
    const x = floats(10);
    for (const range of [{ begin: 11 }, { begin: 8, rows: 3 }, { rows: 11 }]) {
      const error = await failure(() => double.run([x], { shardSize: 4, ...range }));
      expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', op: 'x' });
      expect(error.message).toContain("feed 'x' has 10 rows");
    }
    for (const range of [{ begin: -1 }, { rows: -1 }, { rows: 1.5 }, { begin: '1' }]) {
      expect(await failure(() => double.run([x], { shardSize: 4, ...range } as never))).toBeInstanceOf(
        TypeError,
      );
    }
  });

  it('is of every feed with rows, and of no scalar', async () => {
    const trace = addon.createTrace();
    const x = trace.placeholder('float32', [null, 4], 'x');
    const y = trace.placeholder('float32', [null, 4], 'y');
    const scale = trace.placeholder('float32', [], 'scale');
    const [sum] = trace.op('AddV2', [x.id, y.id], {});
    const [scaled] = trace.op('Mul', [sum?.id ?? -1, scale.id], {});
    const run = await trace.compile([scaled?.id ?? -1], { intraOp: 1, strategy: callers(addon, 2) });
    const half = addon.allocate('float32', []);
    valuesOf(half)[0] = 0.5;
    const [output] = await run.run([floats(9), floats(9), half], { shardSize: 1, begin: 2, rows: 3 });
    expect([...valuesOf(output as NativeTensor)]).toEqual(Array.from({ length: 12 }, (_, i) => 8 + i));
    run.close();
  });
});

describe('a target', () => {
  it('gets the rows of every shard by one copy, and is what the run resolves with', async () => {
    for (const shardSize of [1, 3, 100]) {
      const target = floats(12, { fill: -1 });
      const [output] = await double.run([floats(10)], {
        shardSize,
        begin: 2,
        rows: 7,
        into: [{ tensor: target, row: 3 }],
      });
      expect(output).toBe(target);
      const expected = Array.from({ length: 48 }, (_, i) => (i < 12 || i >= 40 ? -1 : 2 * (8 + i - 12)));
      expect([...valuesOf(target)]).toEqual(expected);
    }
    const options: NativeRunOptions = { shardSize: 4, into: [{ tensor: floats(8), row: 0 }] };
    expect(await copies(() => double.run([floats(8)], options))).toEqual({ in: 0, out: 128 });
  });

  it('is filled by several runs at once', async () => {
    const target = floats(400, { fill: -1 });
    const x = floats(400);
    await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        double.run([x], { shardSize: 2, begin: 4 * i, rows: 4, into: [{ tensor: target, row: 4 * i }] }),
      ),
    );
    expect([...valuesOf(target)]).toEqual(Array.from({ length: 1600 }, (_, i) => 2 * i));
  });

  it('may be given for some fetches only', async () => {
    const trace = addon.createTrace();
    const x = trace.placeholder('float32', [null, 4], 'x');
    const [sum] = trace.op('AddV2', [x.id, x.id], {});
    const [negative] = trace.op('Neg', [x.id], {});
    const run = await trace.compile([sum?.id ?? -1, negative?.id ?? -1], {
      intraOp: 1,
      strategy: callers(addon, 2),
    });
    const target = floats(2);
    const [own, given] = await run.run([floats(2)], {
      shardSize: 1,
      into: [null, { tensor: target, row: 0 }],
    });
    expect(given).toBe(target);
    expect([...valuesOf(target)]).toEqual([-0, -1, -2, -3, -4, -5, -6, -7]);
    expect(valuesOf(own as NativeTensor)[7]).toBe(14);
    run.close();
  });

  it('that does not fit is refused before anything runs, with the fetch and both shapes', async () => {
    const x = floats(4);
    const into = async (tensor: unknown, row: unknown = 0) =>
      await failure(() => double.run([x], { shardSize: 2, into: [{ tensor, row }] as never }));
    const { op } = await into(addon.allocate('float32', [4, 5]));
    expect(op).toMatch(/:0$/);
    const refusals: [NativeTensor, number, string][] = [
      [addon.allocate('float64', [4, 4]), 0, 'another dtype: expected float32, received float64'],
      [addon.allocate('float32', [4, 5]), 0, 'another shape: expected (null, 4), received (4, 5)'],
      [addon.allocate('float32', [16]), 0, 'another shape: expected (null, 4), received (16)'],
      [addon.allocate('float32', []), 0, 'another shape: expected (null, 4), received ()'],
      [
        addon.allocate('float32', [4, 4]),
        1,
        'has shape (4, 4): the 4 rows of the run, from row 1 on, do not fit',
      ],
      [x, 0, 'shares memory with a feed'],
    ];
    for (const [tensor, row, problem] of refusals) {
      const error = await into(tensor, row);
      expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', op });
      expect(error.message).toContain(`the target of fetch '${op}'`);
      expect(error.message).toContain(problem);
    }
    expect(await into(5)).toBeInstanceOf(TypeError);
    expect(await into(floats(4), -1)).toBeInstanceOf(TypeError);
    const two = await failure(() => double.run([x], { shardSize: 1, into: [null, null] }));
    expect(two.message).toContain('for each of 1 fetches; received 2');
    expect(await failure(() => double.run([x], { shardSize: 1, into: 5 as never }))).toBeInstanceOf(
      TypeError,
    );
    const released = floats(4);
    released.release();
    expect((await into(released)).code).toBe('FAILED_PRECONDITION');
  });

  it('is refused as soon as the shape of the rows is known', async () => {
    const trace = addon.createTrace();
    const x = trace.placeholder('float32', null, 'x');
    const [sum] = trace.op('AddV2', [x.id, x.id], {});
    const run = await trace.compile([sum?.id ?? -1], { intraOp: 1, strategy: callers(addon, 1) });
    const target = floats(4, { fill: -1, columns: 5 });
    const error = await failure(() =>
      run.run([floats(4)], { shardSize: 2, into: [{ tensor: target, row: 0 }] }),
    );
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', op: expect.stringMatching(/:0$/) });
    expect(error.message).toContain('the fetch has shape (2, 4), the target (4, 5)');
    expect([...valuesOf(target)]).toEqual(Array(20).fill(-1));
    run.close();
  });

  it('needs feeds with rows', async () => {
    const trace = addon.createTrace();
    const x = trace.constant('float32', [1, 4], new Float32Array([1, 2, 3, 4]));
    const run = await trace.compile([x.id], { intraOp: 1, strategy: callers(addon, 1) });
    expect(
      (await failure(() => run.run([], { shardSize: 1, into: [{ tensor: floats(1), row: 0 }] }))).message,
    ).toContain('has no rows to take');
    expect((await failure(() => run.run([], { shardSize: 1, begin: 1 }))).message).toContain(
      'no feed has rows',
    );
    run.close();
  });

  it('may be released in the middle of the run, and dropped', async () => {
    const x = addon.allocate('float32', [4, 600]);
    const run = await slow(addon);
    const released = addon.allocate('float32', [4, 600]);
    const running = run.run([x], { shardSize: 1, into: [{ tensor: released, row: 0 }] });
    released.release();
    expect((await running)[0]?.byteLength).toBe(0);
    const [kept] = await run.run([x], {
      shardSize: 1,
      into: [{ tensor: addon.allocate('float32', [4, 600]), row: 0 }],
    });
    expect(kept?.byteLength).toBe(9600);
    run.close();
  });
});

describe('rows of several runs', () => {
  it('are joined in memory that the first run makes, each row copied once', async () => {
    const rows = addon.createRows(400);
    expect(rows.tensor).toBeNull();
    const x = floats(400);
    const run = (i: number) =>
      double.run([x], { shardSize: 3, begin: 4 * i, rows: 4, into: [{ rows, row: 4 * i }] });
    let outputs: NativeTensor[][] = [];
    const copied = await copies(async () => {
      outputs = await Promise.all(Array.from({ length: 100 }, (_, i) => run(i)));
    });
    // The second shard of a run begins between 64 bytes.
    expect(copied).toEqual({ in: 100 * 16, out: 400 * 16 });
    expect([...valuesOf(rows.tensor as NativeTensor)]).toEqual(Array.from({ length: 1600 }, (_, i) => 2 * i));
    for (const [output] of outputs) expect(output).toBe(rows.tensor);
  });

  it('must be of one shape and dtype, and must fit', async () => {
    const trace = addon.createTrace();
    const x = trace.placeholder('float32', null, 'x');
    const [sum] = trace.op('AddV2', [x.id, x.id], {});
    const run = await trace.compile([sum?.id ?? -1], { intraOp: 1, strategy: callers(addon, 2) });
    const rows = addon.createRows(4);
    await run.run([floats(2)], { shardSize: 1, into: [{ rows, row: 0 }] });
    const other = await failure(() =>
      run.run([floats(2, { columns: 5 })], { shardSize: 1, into: [{ rows, row: 2 }] }),
    );
    expect(other).toMatchObject({ code: 'INVALID_ARGUMENT', op: expect.stringMatching(/:0$/) });
    expect(other.message).toContain('rows of different shapes in different parts, (4, 4) and (4, 5)');
    const long = await failure(() => run.run([floats(3)], { shardSize: 1, into: [{ rows, row: 2 }] }));
    expect(long.message).toContain('is of 4 rows: the 3 rows of the run, from row 2 on, do not fit');
    expect(
      await failure(() => run.run([floats(1)], { shardSize: 1, into: [{ rows: 5, row: 0 }] as never })),
    ).toBeInstanceOf(TypeError);
    expect(() => addon.createRows(-1)).toThrow('for rows');
    expect(valuesOf(rows.tensor as NativeTensor)[7]).toBe(14);
    run.close();
  });

  it('outlive the one who asked for them, in the middle of a run', async () => {
    const run = await slow(addon);
    const x = addon.allocate('float32', [4, 600]);
    const [whole] = await run.run([x], { shardSize: 1, into: [{ rows: addon.createRows(4), row: 0 }] });
    expect(whole?.byteLength).toBe(9600);
    run.close();
  });
});

describe('copyRows', () => {
  it('copies rows and counts them', async () => {
    const target = floats(6, { fill: -1 });
    const source = floats(6);
    expect(await copies(() => addon.copyRows(target, 1, source, 2, 3))).toEqual({ in: 0, out: 48 });
    expect([...valuesOf(target)]).toEqual(
      Array.from({ length: 24 }, (_, i) => (i < 4 || i >= 16 ? -1 : 8 + i - 4)),
    );
    expect(await copies(() => addon.copyRows(target, 0, source, 0, 6, 'in'))).toEqual({ in: 96, out: 0 });
    expect([...valuesOf(target)]).toEqual([...valuesOf(source)]);
    expect(await copies(() => addon.copyRows(target, 5, source, 5))).toEqual({ in: 0, out: 16 });
    expect(await copies(() => addon.copyRows(target, 6, source, 6))).toEqual({ in: 0, out: 0 });
  });

  it('copies within one tensor', async () => {
    const tensor = floats(5);
    await addon.copyRows(tensor, 1, tensor, 0, 4);
    expect([...valuesOf(tensor)]).toEqual([0, 1, 2, 3, ...Array.from({ length: 16 }, (_, i) => i)]);
  });

  it('does not mind what is released meanwhile', async () => {
    const [target, source] = [floats(1 << 18), floats(1 << 18)];
    const copying = addon.copyRows(target, 0, source);
    source.release();
    target.release();
    await copying;
  });

  it('refuses rows that do not fit, with both shapes', async () => {
    const target = floats(4);
    const message = async (...args: unknown[]) =>
      await failure(() => (addon.copyRows as (...args: unknown[]) => Promise<void>)(...args));
    const refusals: [unknown[], string][] = [
      [[target, 0, addon.allocate('int32', [4, 4])], 'their dtypes differ'],
      [[target, 0, addon.allocate('float32', [4, 5])], 'their row shapes differ'],
      [[target, 0, addon.allocate('float32', [])], 'a scalar has no rows'],
      [[target, 1, floats(4)], '4 rows from row 0 to row 1 are more than there are'],
      [[target, 0, floats(2), 1, 2], '2 rows from row 1 to row 0'],
      [[target, 9, floats(2), 9, 0], 'are more than there are'],
    ];
    for (const [args, problem] of refusals) {
      const error = await message(...args);
      expect(error.code).toBe('INVALID_ARGUMENT');
      expect(error.message).toContain('float32 (4, 4)');
      expect(error.message).toContain(problem);
    }
    expect((await message(target, -1, target)).message).toContain('for row');
    expect((await message(target, 0, 5)).message).toContain('a NativeTensor for source');
    expect((await message(target, 0, target, 0, 1, 'up')).message).toContain("'in' or 'out' for direction");
    const released = floats(1);
    released.release();
    expect((await message(target, 0, released)).message).toBe('source was released');
  });
});

describe('where external buffers are refused', () => {
  it('ranges are copied in alone, targets show the new rows in their buffers', () => {
    const child = spawnSync(process.execPath, [ROWS, library], {
      encoding: 'utf8',
      env: { ...process.env, KERAS_EXPLAINABLE_NO_EXTERNAL_BUFFERS: '1' },
    });
    expect(child.stderr.replace(/^(WARNING|I0000).*\n/gm, '')).toBe('');
    const doubled = Array.from({ length: 12 }, (_, i) => 2 * (160 + i));
    expect(JSON.parse(child.stdout)).toEqual({
      same: true,
      values: [...Array(4).fill(-1), ...doubled, ...Array(4).fill(-1)],
      // Three rows of 16 bytes: read from JavaScript's memory, and cut into aligned shards again; joined, then written.
      run: [48 + 16, 48 + 48],
      gone: 0,
      joined: [0, 0, 0, 0, 40, 41, 42, 43, 44, 45, 46, 47, 0, 0, 0, 0],
      copy: [0, 32],
      rows: Array.from({ length: 24 }, (_, i) => 2 * i),
      one: true,
    });
  });
});
