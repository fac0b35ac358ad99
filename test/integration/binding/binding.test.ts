import { constants } from 'node:buffer';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Addon, NativeFunction, NativeTensor } from '../../../lib/binding/contract.js';
import { ensureTensorflow } from '../../../lib/binding/loader.js';
import { callers, doubling, loadAddon, looping, slow } from './addon.mjs';
import { failure, floats, valuesOf } from './native_values.js';

const BUSY = new URL('./busy.mjs', import.meta.url);

let addon: Addon;
let double: NativeFunction;
let library: string;

beforeAll(async () => {
  library = (await ensureTensorflow()).loadedPath() ?? '';
  addon = loadAddon();
  await addon.loadLibrary(library);
  double = await doubling(addon);
});

function turns(count: number): NativeTensor {
  const tensor = addon.allocate('int32', []);
  new Int32Array(tensor.buffer, tensor.byteOffset, 1)[0] = count;
  return tensor;
}

describe('loadLibrary', () => {
  it('is idempotent, and refuses a second library', async () => {
    expect(await addon.loadLibrary(library)).toMatch(/^\d+\.\d+\.\d+/);
    const error = await failure(() => addon.loadLibrary('/nowhere/libtensorflow.so'));
    expect(error).toMatchObject({ code: 'FAILED_PRECONDITION', op: '' });
    expect(error.message).toContain(library);
  });

  it('rejects what is no path', async () => {
    const error = await failure(() => addon.loadLibrary(5 as never));
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toBe('Expected a string for path but received 5');
  });
});

describe('NativeTensor', () => {
  it('is aligned memory of its shape, counted until it is released', () => {
    const before = addon.memory();
    const tensor = addon.allocate('float32', [3, 4]);
    expect(tensor).toMatchObject({ dtype: 'float32', shape: [3, 4], byteOffset: 0, byteLength: 48 });
    expect(addon.memory().liveTensors).toBe(before.liveTensors + 1);
    expect(addon.memory().liveBytes).toBe(before.liveBytes + 48);
    const view = valuesOf(tensor);
    tensor.release();
    tensor.release();
    expect(view.length).toBe(0);
    expect(tensor.byteLength).toBe(0);
    expect(addon.memory()).toEqual(before);
  });

  it('tells the engine about its memory, by delta', () => {
    const before = process.memoryUsage().external;
    const tensor = addon.allocate('uint8', [64 << 20]);
    expect(process.memoryUsage().external - before).toBeGreaterThan(63 << 20);
    tensor.release();
    expect(process.memoryUsage().external - before).toBeLessThan(1 << 20);
  });

  it('may be empty', async () => {
    const empty = addon.allocate('float32', [0, 4]);
    expect(empty.buffer.byteLength).toBe(0);
    const [output] = await double.run([empty], { shardSize: 8 });
    expect(output?.shape).toEqual([0, 4]);
    empty.release();
    expect((await failure(() => double.run([empty], { shardSize: 8 }))).code).toBe('FAILED_PRECONDITION');
  });

  it('cannot be made or faked by hand', async () => {
    const tensor = floats(addon, 1);
    const Constructor = tensor.constructor as new (value?: unknown) => NativeTensor;
    expect(() => new Constructor()).toThrow('NativeTensor cannot be constructed by hand');
    expect(() => new Constructor({})).toThrow(TypeError);
    for (const fake of [{}, Object.create(tensor), double, null, undefined, 'x']) {
      const error = await failure(() => double.run([fake as NativeTensor], { shardSize: 1 }));
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toMatch(/^Expected a NativeTensor for feeds\[0\] but received /);
    }
  });

  it('refuses its getters and methods on objects of other classes', () => {
    const prototype = Object.getPrototypeOf(floats(addon, 1)) as object;
    for (const name of ['dtype', 'shape', 'byteOffset', 'byteLength']) {
      const get = Object.getOwnPropertyDescriptor(prototype, name)?.get;
      expect(() => get?.call(double), name).toThrow(TypeError);
      expect(() => get?.call({}), name).toThrow(TypeError);
    }
    const { release } = prototype as NativeTensor;
    expect(() => release.call(double as never)).toThrow(TypeError);
  });

  it('refuses bad dtypes and shapes', async () => {
    const refused = async (dtype: unknown, shape: unknown) =>
      (await failure(() => addon.allocate(dtype as never, shape as never))).message;
    expect(await refused('float', [1])).toMatch(
      /^Expected one of float32, float64, .* for dtype but received 'float'$/,
    );
    expect(await refused('float32', 3)).toBe('Expected an array of integers for shape but received 3');
    expect(await refused('float32', [-1])).toBe(
      'Expected an integer of at least 0 for shape[0] but received -1',
    );
    expect(await refused('float32', [1.5])).toBe(
      'Expected an integer of at least 0 for shape[0] but received 1.5',
    );
    expect(await refused('string', [1])).toContain('no fixed size');
    expect(await failure(() => addon.allocate('float32', [2 ** 50]))).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
    });
    // What Node.js does not hold in one buffer, it frees itself: this ended the process. The memory is never touched.
    if (constants.MAX_LENGTH <= 2 ** 33) {
      const error = await failure(() => addon.allocate('uint8', [constants.MAX_LENGTH + 1]));
      expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
      expect(error.message).toContain('larger than an ArrayBuffer');
    }
    expect(await failure(() => addon.allocate('float32', [2 ** 40, 2 ** 40]))).toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });
});

describe('NativeTrace', () => {
  it('infers shapes and dtypes, and refuses what TensorFlow refuses', async () => {
    const trace = addon.createTrace();
    const x = trace.placeholder('float32', [null, 4], 'x');
    expect(x).toEqual({ id: x.id, dtype: 'float32', shape: [null, 4] });
    const axes = trace.constant('int32', [1], new Int32Array([1]));
    expect(trace.op('Sum', [x.id, axes.id], { keep_dims: true })[0]).toMatchObject({ shape: [null, 1] });
    expect(trace.placeholder('uint8', null, 'any').shape).toBeNull();
    const unknown = await failure(() => trace.op('NoSuchOp', [], {}));
    expect(unknown.message).toContain('NoSuchOp');
    expect(unknown.code).toBe('INVALID_ARGUMENT');
    expect((await failure(() => trace.op('Neg', [999], {}))).code).toBe('INVALID_ARGUMENT');
  });

  it('checks its arguments', () => {
    const trace = addon.createTrace();
    const x = trace.placeholder('float32', [null, 4], 'x');
    const attrs = (value: unknown) => () => trace.op('Neg', [x.id], { a: value as never });
    expect(() => trace.placeholder('float32', [1], undefined as never)).toThrow('Expected a string for name');
    expect(() => trace.op('Neg', [x.id], null as never)).toThrow(
      'Expected an object for attrs but received null',
    );
    expect(() => trace.op('Neg', ['0' as never], {})).toThrow("for inputs[0] but received '0'");
    expect(attrs({})).toThrow('for attrs.a but received an object');
    expect(attrs(7)).toThrow('for attrs.a but received 7');
    expect(attrs({ ints: [1, 'x'] })).toThrow("Expected an integer for attrs.a.ints[1] but received 'x'");
    expect(attrs({ dtype: 'none' })).toThrow('for attrs.a.dtype');
    expect(() => trace.constant('float32', [2], new Float32Array(3))).toThrow('has 8 bytes; received 12');
    expect(() => trace.constant('float32', [2], [1, 2] as never)).toThrow(
      'Expected a typed array, Buffer or DataView',
    );
    expect(() => trace.callModel({} as never, [], [])).toThrow('Expected a NativeModel for model');
    expect(() => trace.endJacobian(double as never, 0)).toThrow('Expected a NativeTrace for body');
    expect(() => trace.endJacobian(addon.createTrace(), 0)).toThrow('body belongs to another trace');
  });

  it('records nothing more once it is compiled, nor do its bodies', async () => {
    const trace = addon.createTrace();
    const x = trace.placeholder('float32', [null, 4], 'x');
    const body = trace.body();
    const compiled = trace.compile([x.id], { intraOp: 1, strategy: callers(addon, 1) });
    expect(() => body.placeholder('float32', [], 'y')).toThrow('the trace is compiled');
    expect(
      (await failure(() => trace.compile([x.id], { intraOp: 1, strategy: callers(addon, 1) }))).code,
    ).toBe('FAILED_PRECONDITION');
    (await compiled).close();
  });

  it('refuses bad session options', async () => {
    const trace = addon.createTrace();
    const x = trace.placeholder('float32', [null, 4], 'x');
    const compile = (options: unknown) => failure(() => trace.compile([x.id], options as never));
    expect((await compile(undefined)).message).toBe('Expected an object for options but received undefined');
    expect((await compile({ intraOp: 0, strategy: callers(addon, 1) })).message).toContain('options.intraOp');
    expect((await compile({ intraOp: 1e6, strategy: callers(addon, 1) })).message).toContain(
      'options.intraOp',
    );
    expect((await compile({ intraOp: 1, strategy: {} })).message).toContain('a NativeStrategy');
    const checked = await compile({ intraOp: 1, strategy: callers(addon, 1), checkNumerics: 'yes' });
    expect(checked.message).toBe("Expected a boolean for options.checkNumerics but received 'yes'");
  });

  it('takes a string constant as the bytes of one string', async () => {
    const trace = addon.createTrace();
    const text = trace.constant('string', [], new TextEncoder().encode('seven b'));
    const [length] = trace.op('StringLength', [text.id], {});
    const run = await trace.compile([length?.id ?? -1], { intraOp: 1, strategy: callers(addon, 1) });
    const [output] = await run.run([], { shardSize: 1 });
    expect(new Int32Array(output?.buffer as ArrayBuffer)[0]).toBe(7);
  });
});

describe('NativeFunction', () => {
  it('joins shards in order, and copies only where it must', async () => {
    const x = floats(addon, 10);
    const expected = Array.from({ length: 40 }, (_, i) => 2 * i);
    const before = addon.memory();
    const [whole] = await double.run([x], { shardSize: 10 });
    expect([...valuesOf(whole as NativeTensor)]).toEqual(expected);
    expect(addon.memory().copiedInBytes).toBe(before.copiedInBytes);
    expect(addon.memory().copiedOutBytes).toBe(before.copiedOutBytes);
    const [joined] = await double.run([x], { shardSize: 3 });
    expect(joined?.shape).toEqual([10, 4]);
    expect([...valuesOf(joined as NativeTensor)]).toEqual(expected);
    expect(addon.memory().copiedOutBytes).toBe(before.copiedOutBytes + 160);
  });

  it('keeps a feed alive that is released in the middle of the run', async () => {
    const x = floats(addon, 2000);
    const running = double.run([x], { shardSize: 1 });
    x.release();
    const [output] = await running;
    expect(valuesOf(output as NativeTensor)[7999]).toBe(2 * 7999);
  });

  it('never hands out memory that it shares with a feed', async () => {
    const trace = addon.createTrace();
    const x = trace.placeholder('float32', [null, 4], 'x');
    const run = await trace.compile([x.id], { intraOp: 1, strategy: callers(addon, 1) });
    const feed = floats(addon, 2);
    const [output] = await run.run([feed], { shardSize: 2 });
    valuesOf(output as NativeTensor).fill(-1);
    expect(valuesOf(feed)[1]).toBe(1);
    run.close();
  });

  // From Node 21 on. (structuredClone only copies foreign memory.)
  const { transfer } = ArrayBuffer.prototype as { transfer?: () => ArrayBuffer };
  it.skipIf(transfer === undefined)('refuses a feed whose buffer was transferred away', async () => {
    const x = floats(addon, 2);
    const taken = transfer?.call(x.buffer) as ArrayBuffer;
    const error = await failure(() => double.run([x], { shardSize: 2 }));
    expect(error.code).toBe('FAILED_PRECONDITION');
    expect(error.message).toContain('detached or transferred');
    x.release();
    expect(new Float32Array(taken)[7]).toBe(7);
  });

  it('rejects feeds that do not fit, before it runs', async () => {
    const message = async (feeds: unknown, options: unknown = { shardSize: 1 }) =>
      (await failure(() => double.run(feeds as never, options as never))).message;
    expect(await message([])).toBe('the function takes 1 feeds (x); received 0');
    expect(await message([addon.allocate('uint8', [1, 4])])).toContain("feed 'x' has another dtype");
    expect(await message([addon.allocate('float32', [1, 5])])).toContain(
      'expected (null, 4), received (1, 5)',
    );
    expect(await message(5)).toBe('Expected an array of NativeTensors for feeds but received 5');
    expect(await message([floats(addon, 1)], 1)).toContain('Expected an object for options');
    expect(await message([floats(addon, 1)], { shardSize: 0 })).toContain(
      'for options.shardSize but received 0',
    );
    expect(await message([floats(addon, 1)], { shardSize: 1, run: {} })).toContain(
      'Expected a NativeRun for options.run',
    );
  });

  it('rejects with the node at fault', async () => {
    const trace = addon.createTrace();
    const x = trace.placeholder('float32', null, 'x');
    const shape = trace.constant('int32', [2], new Int32Array([-1, 7]));
    const [y] = trace.op('Reshape', [x.id, shape.id], {});
    const run = await trace.compile([y?.id ?? -1], { intraOp: 1, strategy: callers(addon, 1) });
    expect(await failure(() => run.run([floats(addon, 1)], { shardSize: 1 }))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      op: expect.stringContaining('Reshape'),
    });
  });

  it('rejects with what gave NaN or Inf where numerics are checked', async () => {
    const trace = addon.createTrace();
    const x = trace.placeholder('float32', [null, 4], 'x');
    const [log] = trace.op('Log', [x.id], {});
    const options = { intraOp: 2, strategy: callers(addon, 2), checkNumerics: true };
    const run = await trace.compile([log?.id ?? -1], options);
    expect((await run.run([floats(addon, 3, 1)], { shardSize: 1 }))[0]?.shape).toEqual([3, 4]);
    const error = await failure(() => run.run([floats(addon, 3, -7)], { shardSize: 1 }));
    expect(error).toMatchObject({
      code: 'INVALID_ARGUMENT',
      op: 'Log',
      numerics: { type: 'Log', ofModel: false, pass: 'forward', value: 'NaN' },
    });
    run.close();
  });

  it('is cancelled between shards', async () => {
    const run = await slow(addon);
    const control = addon.createRun();
    const running = run.run([addon.allocate('float32', [500, 600])], { shardSize: 1, run: control });
    setTimeout(() => control.cancel(), 20);
    expect((await failure(() => running)).code).toBe('CANCELLED');
    expect(control.progress()).toEqual({ done: 0, total: 0 });
    run.close();
  });

  it('says how many turns of its loop are done, and is cancelled between two', async () => {
    const endless = 100_000_000;
    const loop = await looping(addon);
    const control = addon.createRun();
    expect(control.progress()).toEqual({ done: 0, total: 0 });
    const running = loop.run([turns(endless)], { shardSize: 1, run: control });
    running.catch(() => undefined);
    while (control.progress().done < 100) await sleep(1);
    const { done, total } = control.progress();
    expect(done).toBeGreaterThanOrEqual(100);
    expect(total).toBe(endless);
    control.cancel();
    expect(await failure(() => running)).toMatchObject({ code: 'CANCELLED' });
    expect(control.progress().done).toBeLessThan(endless);

    const another = addon.createRun();
    const [last] = await loop.run([turns(7)], { shardSize: 1, run: another });
    expect(new Int32Array(last?.buffer as ArrayBuffer, last?.byteOffset, 1)[0]).toBe(7);
    expect(another.progress()).toEqual({ done: 7, total: 7 });
    loop.close();
  });

  it('ends its loops with the environment', async () => {
    const worker = new Worker(BUSY, { workerData: { library, ending: 'loop' } });
    await new Promise((resolve) => worker.once('message', resolve));
    await worker.terminate();
    const loop = await looping(addon);
    expect(await loop.run([turns(3)], { shardSize: 1 })).toHaveLength(1);
    loop.close();
  });

  it('ends its runs when it is closed, and takes no more', async () => {
    const run = await doubling(addon);
    const running = run.run([floats(addon, 1000)], { shardSize: 1 });
    run.close();
    run.close();
    expect((await running)[0]?.shape).toEqual([1000, 4]);
    expect((await failure(() => run.run([floats(addon, 1)], { shardSize: 1 }))).message).toBe(
      'the function is closed',
    );
  });

  it('takes a thousand runs at once', async () => {
    const outputs = await Promise.all(
      Array.from({ length: 1000 }, (_, i) => double.run([floats(addon, 3, i)], { shardSize: 1 + (i % 3) })),
    );
    for (const [i, [output]] of outputs.entries()) {
      expect([...valuesOf(output as NativeTensor)]).toEqual(
        Array.from({ length: 12 }, (_, k) => 2 * (i + k)),
      );
    }
  });

  it('leaves the event loop free', async () => {
    const run = await slow(addon);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await run.run([addon.allocate('float32', [8, 600])], { shardSize: 1 });
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(20);
    run.close();
  });
});

describe('loadModel', () => {
  it('rejects bad options and missing directories', async () => {
    expect((await failure(() => addon.loadModel({} as never))).message).toBe(
      'Expected a string for options.path but received undefined',
    );
    expect(
      (await failure(() => addon.loadModel({ path: '/nowhere', tags: 'serve' } as never))).message,
    ).toContain('options.tags');
    expect((await failure(() => addon.loadModel({ path: '/nowhere' }))).code).toBe('NOT_FOUND');
  });
});

describe('an environment that ends in the middle of a run', () => {
  function worker(ending: string): Promise<Worker> {
    const started = new Worker(BUSY, { workerData: { library, ending } });
    return new Promise((resolve, reject) => {
      started.once('message', () => resolve(started));
      started.once('error', reject);
    });
  }

  it('is a worker that is terminated, while another and the main thread go on', async () => {
    const [first, second] = await Promise.all([worker('wait'), worker('wait')]);
    await first.terminate();
    const [output] = await double.run([floats(addon, 2)], { shardSize: 1 });
    expect(output?.shape).toEqual([2, 4]);
    await second.terminate();
  });

  it('is a worker that exits', async () => {
    const busy = await worker('exit');
    expect(await new Promise((resolve) => busy.once('exit', resolve))).toBe(7);
  });

  const run = (ending: string) =>
    spawnSync(process.execPath, [fileURLToPath(BUSY), library, ending], {
      encoding: 'utf8',
      timeout: 50_000,
    });

  it('is a process that exits: the code is kept', () => {
    expect(run('exit')).toMatchObject({ status: 7, signal: null });
  });

  it('is a process with an uncaught exception', () => {
    const { status, signal, stderr } = run('throw');
    expect({ status, signal }).toEqual({ status: 1, signal: null });
    expect(stderr).toContain('thrown in the middle of a run');
  });

  it('is a process that waits for pending runs, and then ends by itself', () => {
    expect(run('end')).toMatchObject({ status: 0, signal: null, stdout: 'refused\n' });
  });

  it('is a process that is told to terminate', async () => {
    const stdio = ['ignore', 'ignore', 'inherit', 'ipc'] as const;
    const child = spawn(process.execPath, [fileURLToPath(BUSY), library, 'wait'], { stdio: [...stdio] });
    expect(await once(child, 'message')).toEqual(['busy', undefined]);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([null, 'SIGTERM']);
  });
});
