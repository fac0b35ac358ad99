/** Bad input and bad models: what `explain` and `loadModel` refuse, and how. */
import { cp, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import * as ke from '../../../lib/index.js';
import { Pace } from '../../../lib/support/pace.js';
import { fixture, load, raw } from '../helpers/explain_fixture.js';

const { gradcam } = ke.methods.cams;
const { ops } = ke.graph;

let model: ke.Model;
beforeAll(async () => {
  model = await load();
});
afterAll(() => model.close());

describe('bad input is a typed error before anything runs', () => {
  const x = ke.tensor(new Float32Array(16), [2, 2, 2, 2]);
  const nan = ke.tensor(new Float32Array(16).fill(Number.NaN, 9, 10), [2, 2, 2, 2]);
  const infinite = ke.tensor(new Float32Array(16).fill(Infinity, 9, 10), [2, 2, 2, 2]);

  it.each<[string, unknown[], new (...args: never[]) => Error, string]>([
    [
      'rank',
      [ke.tensor(new Float32Array(8), [2, 2, 2])],
      RangeError,
      'Add the axis of samples: [1, 2, 2, 2].',
    ],
    ['size', [ke.tensor(new Float32Array(12), [1, 2, 2, 3])], RangeError, 'axis 3 must be 2'],
    ['dtype', [ke.tensor(new Uint8Array(8), [1, 2, 2, 2], 'bool')], TypeError, 'values of dtype float32'],
    ['NaN', [nan], RangeError, 'NaN at [1, 0, 0, 1] (sample 1)'],
    ['Infinity', [infinite], RangeError, 'Infinity at [1, 0, 0, 1] (sample 1)'],
    ['empty batch', [ke.tensor(new Float32Array(0), [0, 2, 2, 2])], RangeError, 'at least one sample'],
    ['no tensor', [42], TypeError, 'but received 42 of type number'],
    ['y out of range', [x, [[0], [3]]], RangeError, 'Expected a unit from 0 to 2 for argument `y[1][0]`'],
    ['y of the wrong length', [x, [[0]]], RangeError, 'for each of the 2 samples'],
    ['y of fractions', [x, [[0.5], [1]]], TypeError, 'Expected integers'],
    [
      'unknown option',
      [x, null, { batch_size: 3 }],
      TypeError,
      'Misspelled option "batch_size" should be "batchSize"',
    ],
    ['batchSize', [x, null, { batchSize: -1 }], RangeError, 'argument `batchSize`'],
    ['resizing', [x, null, { resizing: [0, 3] }], RangeError, 'argument `resizing`'],
    ['resizing of a kind', [x, null, { resizing: 'yes' }], TypeError, 'argument `resizing`'],
    ['postprocessing', [x, null, { postprocessing: 'normalize' }], TypeError, 'Pass a filter'],
    ['spatialAxis', [x, null, { spatialAxis: [] }], RangeError, 'argument `spatialAxis`'],
    ['indicesAxis', [x, null, { indicesAxis: 'last' }], TypeError, 'argument `indicesAxis`'],
    ['verbose', [x, null, { verbose: 5 }], TypeError, 'argument `verbose`'],
    ['callbacks', [x, null, { callbacks: 3 }], TypeError, 'argument `callbacks`'],
    ['signal', [x, null, { signal: 'now' }], TypeError, 'an AbortSignal for argument `signal`'],
    ['force', [x, null, { force: 1 }], TypeError, 'argument `force`'],
    ['options', [x, null, 3], TypeError, 'argument `options`'],
  ])('%s', async (_, args, expected, message) => {
    const run = vi.fn();
    const begun = { onPredictBegin: run };
    const [input, y, options] = args;
    const given = typeof options === 'object' ? { callbacks: [begun], ...options } : options;
    const failure = ke.explain(gradcam, model, input as ke.Tensor, y as null, given as object);
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toBeInstanceOf(expected);
    if (!String(message).includes('batch_size')) expect(run).not.toHaveBeenCalled();
  });

  it('method and model', async () => {
    await expect(ke.explain('gradcam' as never, model, x)).rejects.toThrow(
      'Expected a function for argument `method`',
    );
    await expect(ke.explain(gradcam, {} as ke.Model, x)).rejects.toThrow(
      'a model from `loadModel` for argument `model`',
    );
  });

  it('a model that is not exposed', async () => {
    const whole = await load({ outputs: ['logits'] });
    await expect(ke.gradcam(whole, x)).rejects.toMatchObject({
      name: 'GraphError',
      message: expect.stringContaining('Expose the activations first'),
    });
    whole.close();
  });

  it('a closed model, which closes twice', async () => {
    const closed = await load();
    closed.close();
    closed.close();
    expect(closed.closed).toBe(true);
    for (const use of [ke.explain(gradcam, closed, x), closed.predict(x), ke.gradcam(closed, x)]) {
      await expect(use).rejects.toMatchObject({ name: 'ModelError', code: 'CLOSED' });
    }
    expect(() => ke.inspection.expose(closed, 0, 0)).toThrow(Error);
  });

  it('a model that is closed under a call which waits for its turn', async () => {
    const closing = await load();
    // Integers are not looked through for NaN, which would wait before.
    const counts = ke.tensor(new Uint8Array(16), [2, 2, 2, 2]);
    await closing.predict(counts);
    setImmediate(() => closing.close());
    // A slice of the event loop's turn, used up: the run is put off to the next turn.
    new Pace();
    for (const end = performance.now() + 1; performance.now() < end; );
    await expect(closing.predict(counts)).rejects.toMatchObject({ name: 'ModelError', code: 'CLOSED' });
  });

  it('a method that is no method', async () => {
    const wrong = (method: unknown, message: string) =>
      expect(ke.explain(method as ke.Method, model, x, null, raw)).rejects.toThrow(message);
    await wrong(() => 3, 'to return { logits, maps } of symbolic tensors but it returned 3');
    await wrong(async () => ({}), 'it must not be async');
    await wrong(() => ({ logits: 1, maps: 2 }), 'but it returned an object {logits, maps}');
    await wrong(() => {
      throw new Error('of the user');
    }, 'of the user');
    const filter = () => 3 as never;
    await expect(ke.explain(gradcam, model, x, null, { ...raw, postprocessing: filter })).rejects.toThrow(
      'Expected `postprocessing` to return a symbolic tensor but it returned 3',
    );
  });

  it('a parameter that the method does not have', async () => {
    const failure = ke.explain(ke.methods.gradient.gradients, model, x, null, {
      ...raw,
      gradientFiltr: ops.abs,
    } as object);
    await expect(failure).rejects.toThrow('Misspelled option "gradientFiltr" should be "gradientFilter".');
  });
});

describe('bad models are typed errors', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keras-explainable-'));
  });
  afterEach(() => rm(directory, { recursive: true }));
  const copy = async () => {
    await cp(fixture('saved_model'), directory, { recursive: true });
    return directory;
  };

  it('missing directory', async () => {
    await expect(ke.loadModel(join(directory, 'nothing'))).rejects.toMatchObject({
      name: 'ModelError',
      code: 'NOT_FOUND',
    });
  });

  it('a directory without a model', async () => {
    await expect(ke.loadModel(directory)).rejects.toMatchObject({ name: 'ModelError', code: 'NOT_FOUND' });
  });

  it('truncated saved_model.pb', async () => {
    await copy();
    await truncate(join(directory, 'saved_model.pb'), 1000);
    await expect(ke.loadModel(directory)).rejects.toMatchObject({ name: 'ModelError', code: 'DATA_LOSS' });
  });

  it('garbage', async () => {
    const file = join(directory, 'model.pb');
    await writeFile(file, 'this is no GraphDef');
    await expect(ke.loadModel(file)).rejects.toMatchObject({ name: 'ModelError' });
  });

  it('missing variables', async () => {
    await copy();
    await rm(join(directory, 'variables'), { recursive: true });
    await expect(ke.loadModel(directory)).rejects.toMatchObject({ name: 'ModelError', code: 'NOT_FOUND' });
  });

  it('a signature that does not exist, with those that do', async () => {
    await expect(ke.loadModel(fixture('saved_model'), { signature: 'predict' })).rejects.toThrow(
      /serving_default/,
    );
  });

  it('tags that do not exist', async () => {
    await expect(ke.loadModel(fixture('saved_model'), { tags: ['train'] })).rejects.toMatchObject({
      name: 'ModelError',
    });
  });

  it('tensors that do not exist', async () => {
    await expect(load({ outputs: ['lgits'] })).rejects.toThrow(/lgits/);
  });

  it.each([
    ['path', 3, {}, 'Expected a non-empty string for argument `path`'],
    ['option', 'model', { signatures: 'x' }, 'Misspelled option "signatures" should be "signature"'],
    ['threads', 'model', { threads: { intraop: 1 } }, 'Misspelled option "intraop" should be "intraOp"'],
    ['thread count', 'model', { threads: { interOp: 0 } }, 'argument `threads.interOp`'],
    ['tags', 'model', { tags: 'serve' }, 'Expected an array of names for argument `tags`'],
  ])('%s', async (_, path, options, message) => {
    await expect(ke.loadModel(path as string, options as object)).rejects.toThrow(message);
  });
});
