/** Answers of workers are not to be believed: what is no answer is refused, and named, before it is read. */
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { ensureTensorflow, packageVersion } from '../../../lib/binding/loader.js';
import * as ke from '../../../lib/index.js';
import { type Answer, card, DTYPES, floats, lyingWorker, truth } from './lying_worker.js';

const MODEL = fileURLToPath(new URL('../../../demo/model', import.meta.url));
const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

const addon = await ensureTensorflow();
const tensorflow = await addon.loadLibrary(addon.loadedPath() as string);
const good = { package: packageVersion(), tensorflow, threads: 1, devices: [] };

type Part = 'whether it is a worker' | 'card' | 'whether weights are known' | 'result';

/** The model's prediction of one sample, by a worker that tells the truth but for `lies`. */
async function predictWith(lies: Partial<Record<Part, Answer>>): Promise<ke.Tensor> {
  const worker = await lyingWorker((fetch, all): Answer => {
    const desk = !fetch.includes('/') && all.length === 1;
    if (desk && fetch.startsWith('VarIsInitializedOp')) return lies['whether it is a worker'] ?? truth;
    if (desk && fetch.startsWith('ReadVariableOp')) return lies.card ?? card(JSON.stringify(good));
    if (fetch.includes('known')) return lies['whether weights are known'] ?? truth;
    return lies.result ?? floats([1, model.outputs[0]?.shape?.[1] as number]);
  });
  open.push(worker.close);
  const strategy = ke.distribute.multiWorker({ workers: [worker.address], timeoutMs: 2000, retries: 2 });
  const model = await ke.loadModel(MODEL, { strategy });
  open.push(() => model.close());
  const shape = [1, ...((model.inputs[0] as ke.TensorSpec).shape as number[]).slice(1)];
  const size = shape.reduce((product, dim) => product * dim, 1);
  return (await model.predict(ke.tensor(new Float32Array(size), shape))) as ke.Tensor;
}

test('one that tells the truth is a worker', async () => {
  expect((await predictWith({})).shape[0]).toBe(1);
});

const none = { dtype: DTYPES.bool, dims: [0], content: Buffer.alloc(0) };
const versions = (name: string) => card(JSON.stringify({ package: name, tensorflow: '2', threads: 1 }));

const devices = (count: number, name: string) =>
  card(JSON.stringify({ ...good, devices: Array.from({ length: count }, () => ({ name })) }));

test.each<[string, Partial<Record<Part, Answer>>, string, RegExp]>([
  [
    'an empty tensor for whether it is one',
    { 'whether it is a worker': none },
    'FAILED_PRECONDITION',
    /cannot be read/,
  ],
  ['no text', { card: floats([]) }, 'FAILED_PRECONDITION', /not a string/],
  ['no JSON', { card: card('{"package": ') }, 'FAILED_PRECONDITION', /cannot be read/],
  ['no versions', { card: card('[]') }, 'FAILED_PRECONDITION', /cannot be read/],
  ['a version for a terminal', { card: versions('\u001b[2J') }, 'FAILED_PRECONDITION', /cannot be read/],
  ['a version of a megabyte', { card: versions('1'.repeat(1e6)) }, 'FAILED_PRECONDITION', /cannot be read/],
  ['thousands of devices', { card: devices(5000, '/device:GPU:0') }, 'FAILED_PRECONDITION', /cannot be read/],
  ['a device for a terminal', { card: devices(1, '\u001b[2J') }, 'FAILED_PRECONDITION', /cannot be read/],
  ['an empty tensor for known weights', { 'whether weights are known': none }, 'DATA_LOSS', /weights/],
  [
    'another dtype',
    { result: { ...floats([1, 10]), dtype: DTYPES.double, content: Buffer.alloc(80) } },
    'DATA_LOSS',
    /127\.0\.0\.1:\d+ .*float64/,
  ],
  ['another shape', { result: floats([1, 999]) }, 'DATA_LOSS', /127\.0\.0\.1:\d+ .*999/],
  ['more rows', { result: floats([7, 10]) }, 'INVALID_ARGUMENT', /shape \(7, 10\) for 1 rows/],
  [
    'a tensor that is none',
    { result: { ...floats([1, 10]), content: Buffer.alloc(3) } },
    'INVALID_ARGUMENT',
    /TensorProto/,
  ],
])('%s', async (_, lies, code, message) => {
  const error = await predictWith(lies).catch((thrown) => thrown);
  expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  expect(error.message.length).toBeLessThan(1000);
});

test('what TensorFlow ends runs with whose connection broke is a loss: others compute them', async () => {
  for (const status of [1, 2]) {
    const error = await predictWith({ result: { status, message: 'Stream removed' } }).catch(
      (thrown) => thrown,
    );
    expect(error).toBeInstanceOf(ke.WorkerError);
    expect(error).toMatchObject({ attempts: 3, samples: { first: 0, count: 1 } });
    expect(error.message).toMatch(
      /^Sample 0 was lost 3 times, the last time with 127\.0\.0\.1:\d+: Stream removed/,
    );
  }
});
