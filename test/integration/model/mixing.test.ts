/**
 * Models whose samples see each other: every batch of the caller is computed whole. The graphs, and the outputs of
 * whole batches, are from TensorFlow (scripts/fixtures/make_mixing.py).
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import * as ke from '../../../lib/index.js';
import type { NestedArray } from '../../../lib/tensor/tensor.js';

interface Expected {
  readonly mixes: boolean;
  readonly x: NestedArray;
  readonly y: NestedArray;
}

const pathOf = (name: string) => fileURLToPath(new URL(`../../fixtures/mixing/${name}`, import.meta.url));
const graphs = Object.entries(
  JSON.parse(readFileSync(pathOf('expected.json'), 'utf8')) as Record<string, Expected>,
);
const cases = Object.fromEntries(graphs) as Record<string, Expected>;

/** Four replicas: without the analysis, each computes one of four samples. */
const load = (name: string, options: ke.LoadModelOptions = {}) =>
  ke.loadModel(pathOf(`${name}.pb`), { threads: { interOp: 4 }, ...options });

const inputOf = (name: string) => ke.tensor((cases[name] as Expected).x);

function expectClose(actual: ke.Tensor, expected: ArrayLike<number>): void {
  expect(actual.data).toHaveLength(expected.length);
  for (let i = 0; i < expected.length; i++) {
    expect(Math.abs((actual.data[i] as number) - (expected[i] as number))).toBeLessThan(2e-5);
  }
}

test.each(graphs)(
  '%s: the graph tells whether samples mix, and a batch has its own outputs',
  async (name, { mixes, x, y }) => {
    using model = await load(name);
    expect(model.mixesSamples).toBe(mixes);
    const outputs = (await model.predict(ke.tensor(x))) as ke.Tensor;
    expectClose(outputs, ke.tensor(y).data as Float32Array);
  },
);

test('a view mixes samples only if its own outputs do', async () => {
  using model = await load('max_of_batch', { outputs: ['y', 'x'] });
  expect(model.mixesSamples).toBe(true);
  const inputs = model.withOutputs([{ name: 'x:0', dtype: 'float32', shape: [null, 4, 4, 2] }]);
  expect(inputs.mixesSamples).toBe(false);
});

describe('a model that mixes samples', () => {
  test('computes the steps of a source one by one, whatever `stepsPerExecution` is', async () => {
    using model = await load('max_of_batch', { stepsPerExecution: 4 });
    const x = inputOf('max_of_batch');
    const parts = [x.rows(0, 1), x.rows(1, 4)];
    const outputs = (await model.predict(parts.values())) as ke.Tensor;
    const first = (await model.predict(x.rows(0, 1))) as ke.Tensor;
    const rest = (await model.predict(x.rows(1, 4))) as ke.Tensor;
    expectClose(outputs, [...(first.data as Float32Array), ...(rest.data as Float32Array)]);
  });

  test('answers each call of an explainer alone', async () => {
    using model = await load('max_of_batch');
    const x = inputOf('max_of_batch');
    const { gradients } = ke.methods.gradient;
    const alone = await ke.explain(gradients, model, x, null, { batchSize: 1, verbose: 0 });
    const explainer = ke.createExplainer(gradients, model, { maxBatchSize: 8, maxDelayMs: 20 });
    await explainer.warmUp();
    const results = await Promise.all([0, 1, 2, 3].map((i) => explainer.explain(x.rows(i, i + 1))));
    expect(explainer.stats().batchSizes.max).toBe(1);
    for (const [i, { logits, maps }] of results.entries()) {
      expectClose(logits, alone.logits.rows(i, i + 1).data as Float32Array);
      expectClose(maps, alone.maps.rows(i, i + 1).data as Float32Array);
    }
    await explainer.close();
  });

  test('Score-CAM masks every sample of the batch by its own channel, in one pass per channel', async () => {
    using model = await load('max_of_batch', { inputs: ['x'], outputs: ['y', 'Conv2D'] });
    const x = inputOf('max_of_batch');
    const { ops } = ke.graph;
    const plain: ke.Method = ({ model: network, inputs, indices }) => {
      const [logits, activations] = network(inputs, 2);
      const masks = ops.unstack(ke.filters.normalize(activations), -1).map((mask) => {
        const wide = ops.expandDims(mask, -1);
        const [seen] = network(ops.multiply(inputs, wide));
        const scores = ke.inspection.gatherUnits(seen, indices);
        return ops.multiply(ops.expandDims(ops.expandDims(scores, 1), 1), wide);
      });
      return { logits: ke.inspection.gatherUnits(logits, indices), maps: ops.addN(masks) };
    };
    const options = { resizing: false, verbose: 0 } as const;
    const units = [
      [3, 0],
      [1, 2],
      [0, 1],
      [2, 2],
    ];
    const expected = await ke.explain(plain, model, x, units, options);
    const { maps } = await ke.explain(ke.methods.cams.scorecam, model, x, units, options);
    expectClose(maps, expected.maps.data as Float32Array);
  });

  test('smooth adds noise to the batch as it is', async () => {
    using model = await load('moments_of_batch');
    const x = inputOf('moments_of_batch');
    const options = { resizing: false, verbose: 0 } as const;
    const { gradients } = ke.methods.gradient;
    const smooth = ke.methods.meta.smooth(gradients, { repetitions: 3, noise: 0 });
    const { logits, maps } = await ke.explain(smooth, model, x, null, options);
    const expected = await ke.explain(gradients, model, x, null, options);
    expectClose(logits, expected.logits.data as Float32Array);
    expectClose(maps, expected.maps.data as Float32Array);
  });
});
