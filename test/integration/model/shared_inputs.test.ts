/** Inputs of shape (), which all samples share: switches of TensorFlow 1. See scripts/fixtures/make_imports.py. */
import { describe, expect, it } from 'vitest';
import * as ke from '../../../lib/index.js';
import { expectClose, expectedOf, inputsOf, type Plain, pathOf } from './imported.js';

const NAME = 'keras3/tf1_switches';
const expected = expectedOf(NAME);
const x = inputsOf(expected).x as ke.Tensor;
const y = expected.outputs.y as Plain;
/** The outputs are proportional to `keep_prob`. */
const scaled = (factor: number, rows = y.data): Plain => ({
  ...y,
  shape: [rows.length / 2, 2],
  data: rows.map((value) => value * factor),
});

const load = (options: ke.LoadModelOptions = {}) => ke.loadModel(pathOf(NAME), options);
const RAW = { verbose: 0, resizing: false, postprocessing: null } as const;

describe('a scalar input', () => {
  it('is a number or a boolean, by name or in the order of the inputs', async () => {
    using model = await load();
    const names = model.inputs.map(({ name }) => name);
    expect(names).toEqual(['is_training', 'keep_prob', 'x']);
    const predict = async (inputs: ke.Inputs) => (await model.predict(inputs, { batchSize: 1 })) as ke.Tensor;
    expectClose(await predict({ x, keep_prob: 0.5, is_training: false }), y, 'by name');
    expectClose(await predict([false, 0.25, x]), scaled(0.5), 'in order');
    using other = await load({ inputs: ['keep_prob', 'is_training', 'x'] });
    expectClose((await other.predict([0.25, false, x])) as ke.Tensor, scaled(0.5), 'a number first');
    expectClose(
      await predict({ x, keep_prob: ke.tensor([2], []), is_training: false }),
      scaled(4),
      'a tensor',
    );
  });

  it.each<[unknown, RegExp]>([
    [ke.tensor([0.5]), /a number or a tensor of shape \(\), .* for argument `x\[1\]` but received \(1\)/],
    ['0.5', /for argument `x.keep_prob`/],
    [undefined, /all inputs .* none for "keep_prob"/],
  ])('refuses %s', async (value, message) => {
    using model = await load();
    const inputs = { x, keep_prob: value, is_training: false } as ke.Inputs;
    await expect(model.predict(inputs)).rejects.toThrow(message);
  });

  it('refuses a number for an input that has samples, and for a switch that is a boolean', async () => {
    using model = await load();
    await expect(model.predict({ x: 1, keep_prob: 1, is_training: false })).rejects.toThrow(/argument `x.x`/);
    await expect(model.predict({ x, keep_prob: 1, is_training: 2 })).rejects.toThrow(
      /bool values for argument `x.is_training` but received 2/,
    );
    await expect(model.predict({ x, keep_prob: 1, is_training: ke.tensor([1], []) })).rejects.toThrow(
      /values of dtype bool/,
    );
  });

  it('differs between the steps of a source, whatever `stepsPerExecution` is', async () => {
    using model = await load({ stepsPerExecution: 4 });
    const step = (row: number, keep: number) => ({
      x: { x: x.rows(row, row + 1), keep_prob: keep, is_training: false },
    });
    const steps = [step(0, 0.5), step(1, 0.5), step(0, 1), step(1, 0.25)];
    const [first = [], second = []] = [y.data.slice(0, 2), y.data.slice(2)];
    const rows = [
      ...first,
      ...second,
      ...first.map((value) => 2 * value),
      ...second.map((value) => value / 2),
    ];
    expectClose((await model.predict(steps.values())) as ke.Tensor, scaled(1, rows), 'steps');
  });

  it('beside an aligned tensor causes no copy of its rows', async () => {
    using model = await load();
    const aligned = ke.allocate([1, 5, 5, 2]);
    aligned.data.set(x.rows(0, 1).data as Float32Array);
    const before = ke.memory().copiedInBytes;
    const outputs = await model.predict({ x: aligned, keep_prob: 0.5, is_training: false });
    expect(ke.memory().copiedInBytes - before).toBe(5); // a float32 and a bool
    expectClose(outputs as ke.Tensor, scaled(1, y.data.slice(0, 2)), 'outputs');
  });

  it('is computed by several replicas and by workers', async () => {
    const rows = ke.tensor(
      Float32Array.from([x, x, x].flatMap(({ data }) => [...data].map(Number))),
      [6, 5, 5, 2],
    );
    const inputs = { x: rows, keep_prob: 0.5, is_training: false };
    const repeated = scaled(1, [...y.data, ...y.data, ...y.data]);
    using model = await load({ threads: { interOp: 3 } });
    expectClose((await model.predict(inputs)) as ke.Tensor, repeated, 'replicas');
    await using workers = await ke.distribute.localWorkers(1, { threads: 1 });
    const strategy = ke.distribute.multiWorker({ workers });
    using remote = await load({ strategy });
    expectClose((await remote.predict(inputs)) as ke.Tensor, repeated, 'workers');
  });
});

describe('explaining a model with scalar inputs', () => {
  it('explains the first input that has samples', async () => {
    using model = await load();
    const inputs = { x, keep_prob: 0.5, is_training: false };
    const { maps } = await ke.explain(ke.methods.gradient.gradients, model, inputs, null, {
      ...RAW,
      gradientFilter: (gradient: ke.graph.Symbolic) => gradient,
    });
    expectClose(maps as ke.Tensor, expected.gradients as Plain, 'gradients');
    await expect(
      ke.explain(ke.methods.gradient.gradients, model, inputs, null, { input: 'keep_prob' }),
    ).rejects.toThrow(/an input with an axis of samples for argument `input` but received "keep_prob"/);
  });

  it('Score-CAM masks the samples alone', async () => {
    using model = await load();
    using exposed = ke.inspection.expose(model, 'conv');
    const maps = async (inputs: ke.Inputs, batchSize: number) => {
      const options = { ...RAW, batchSize, weighting: 'score' } as const;
      return (await ke.explain(ke.methods.cams.scorecam, exposed, inputs, null, options)).maps as ke.Tensor;
    };
    const whole = await maps({ x, keep_prob: 0.5, is_training: false }, 2);
    const single = await maps({ x, keep_prob: 1, is_training: false }, 1);
    const doubled = {
      dtype: 'float32',
      shape: whole.shape,
      data: [...whole.data].map((value) => 2 * Number(value)),
    };
    expectClose(single, doubled, 'maps');
  });

  it('an explainer joins only calls with equal values', async () => {
    using model = await load();
    await using explainer = ke.createExplainer(ke.methods.gradient.gradients, model, {
      maxDelayMs: 50,
      resizing: false,
      postprocessing: null,
    });
    const call = (keep: number) =>
      explainer.explain({ x: x.rows(0, 1), keep_prob: keep, is_training: false });
    const found = await Promise.all([0.5, 0.5, 1, 1].map(call));
    const [half, other, one] = found.map(({ logits }) => [...logits.data].map(Number));
    const [first = Number.NaN] = half ?? [];
    expect(other).toEqual(half);
    expect((one as number[])[0]).toBeCloseTo(2 * first, 5);
    expect(explainer.stats().batches).toBe(2);
  });
});
