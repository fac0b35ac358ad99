/** A loop whose turns do not need each other, in a run that has this process for itself and in one that has not. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as ke from '../../../lib/index.js';
import { load, random, raw } from '../helpers/explain_fixture.js';
import { tinyModel, tinySamples } from '../helpers/tiny_reference.js';

type Progress = ke.engine.StepProgress;
type Symbolic = ke.graph.Symbolic;

const { ops, batchJacobian } = ke.graph;
const { cams } = ke.methods;
const TURNS = 40;
/** Turns that take minutes, of which a list can be made. */
const MANY = 3_000_000;

/** What `turn` gives for the activations (N, ...) in each of `turns` turns, as one map more. */
function turning(turns: number, turn: (activations: Symbolic, i: Symbolic) => Symbolic): ke.Method {
  return function turning({ model, inputs }) {
    const [logits, activations] = model(inputs, 2);
    const all = ops.mapRange(turns, (i) => turn(activations, ops.cast(i, 'float32')));
    return { logits, maps: ops.multiply(activations, ops.reduceSum(all)) };
  };
}

/** The Jacobian of ten units: (N, ...positions, 10). */
function tenUnits({ model, inputs }: ke.graph.MethodArguments): ke.graph.MethodResult {
  const [logits, activations] = model(inputs, 2);
  const mixed = ops.tanh(ops.reduceMean(activations, [1, 2]));
  const scales = ops.constant(Array.from({ length: 10 }, (_, unit) => Math.sin(unit + 1)));
  const units = ops.multiply(ops.reduceSum(mixed, -1, { keepdims: true }), scales);
  const maps = batchJacobian(units, inputs, { each: (g) => ops.reduceSum(ops.abs(g), -1) });
  return { logits, maps: ops.transpose(maps, [0, 2, 3, 1]) };
}

describe.each(['keras2', 'keras3'])('turns of a loop at once: %s', (keras) => {
  let model: ke.Model;
  let alone: ke.Model;
  let x: ke.Tensor;
  beforeAll(async () => {
    const [several, one] = [2, 1].map((interOp) => ke.loadModel(tinyModel(keras), { threads: { interOp } }));
    model = ke.inspection.expose(await (several as Promise<ke.Model>));
    alone = ke.inspection.expose(await (one as Promise<ke.Model>));
    x = firstOf(tinySamples());
  });
  afterAll(() => Promise.all([model?.close(), alone?.close()]));

  it.each<[string, ke.AnyMethod, object]>([
    ['Score-CAM', cams.scorecam, { maskBatchSize: 1 }],
    ['the gradients of ten units', tenUnits, {}],
    ['mapRange', turning(TURNS, (activations, i) => ops.reduceSum(ops.sin(ops.add(activations, i)))), {}],
  ])('%s gives the same bits alone, beside others, and by one thread', async (_, method, parameters) => {
    const run = async (network: ke.Model) => {
      const options = { ...raw, ...parameters, postprocessing: null };
      const { logits, maps } = await ke.explain(method as ke.Method, network, x, [[1]], options);
      return [logits.data, (maps as ke.Tensor).data];
    };
    const expected = await run(alone);
    for (let i = 0; i < 5; ++i) expect(await run(model)).toEqual(expected);
    const crowd = await Promise.all(Array.from({ length: 8 }, () => run(model)));
    for (const each of crowd) expect(each).toEqual(expected);
  });
});

describe('turns of a loop at once', () => {
  let model: ke.Model;
  beforeAll(async () => {
    model = await load({ threads: { interOp: 2 } });
  });
  afterAll(() => model.close());

  const slowly = (turns: number) =>
    turning(turns, (activations, i) => ops.reduceSum(ops.add(activations, i)));

  it('grow to their total', async () => {
    const seen: Progress[] = [];
    const turns = 100_000;
    const options = { ...raw, onProgress: (progress: Progress) => void seen.push(progress) };
    await ke.explain(slowly(turns), model, random(1), null, options);
    expect(seen.at(-1)).toEqual({ step: 0, done: turns, total: turns });
    seen.forEach(({ done, total }, i) => {
      expect(total).toBe(turns);
      expect(done).toBeGreaterThan(seen[i - 1]?.done ?? -1);
    });
  });

  it('end with their signal, and the model goes on', async () => {
    const controller = new AbortController();
    const onProgress = () => controller.abort();
    const options = { ...raw, signal: controller.signal, onProgress };
    const running = ke.explain(slowly(MANY), model, random(1), null, options);
    await expect(running).rejects.toBeInstanceOf(ke.CancelledError);
    await ke.explain(slowly(3), model, random(1), null, raw);
  });

  it('all end where the model is closed under them', async () => {
    const other = await load({ threads: { interOp: 2 } });
    const options = { ...raw, onProgress: () => other.close() };
    const { maps } = await ke.explain(slowly(100_000), other, random(1), null, options);
    const expected = await ke.explain(slowly(100_000), model, random(1), null, raw);
    expect((maps as ke.Tensor).data).toEqual((expected.maps as ke.Tensor).data);
    expect(other.closed).toBe(true);
  });
});

/** The first sample alone. */
function firstOf(samples: ke.Tensor): ke.Tensor {
  const [count = 1, ...shape] = samples.shape;
  return ke.tensor((samples.data as Float32Array).slice(0, samples.data.length / count), [1, ...shape]);
}
