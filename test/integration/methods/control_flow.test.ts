/** Gradients through loops and branches, against GradientTape in float64 (scripts/fixtures/make_control_flow.py). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as ke from '../../../lib/index.js';
import { difference, FIXTURES, load, read, repeated, sample } from '../helpers/control_flow.js';

const { graph } = ke;
const RAW = { resizing: false, verbose: 0 } as const;
/** Of the range of the expected gradient. */
const TOLERANCE = 1e-5;

/** (N, U, ...) -> maps (N, ..., U). */
function mapsOfUnits(gradients: ke.graph.Symbolic): ke.graph.Symbolic {
  const rank = gradients.shape?.length as number;
  return graph.ops.transpose(gradients, [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1]);
}

/** The gradient of each unit by the inputs. */
const jacobian: ke.Method = ({ model, inputs }) => {
  const [logits] = model(inputs);
  return { logits, maps: mapsOfUnits(graph.batchJacobian(logits, inputs)) };
};

/** The gradient of each unit by the activations of an exposed model. */
const jacobianOfActivations: ke.Method = ({ model, inputs }) => {
  const [logits, activations] = model(inputs, 2);
  return { logits, maps: mapsOfUnits(graph.batchJacobian(logits, activations)) };
};

/** The gradient of one unit. The backward pass is then not in the loop over units. */
const first: ke.Method = ({ model, inputs }) => {
  const [logits] = model(inputs);
  const unit = graph.ops.slice(logits, [0, 0], [-1, 1]);
  return { logits, maps: graph.ops.expandDims(graph.gradient(unit, inputs), -1) };
};

/** (U, N, ...) -> (N, ..., U). */
function unitsLast(gradients: ke.Tensor): ke.Tensor {
  const [units, count, ...shape] = gradients.shape as [number, number, ...number[]];
  const size = gradients.data.length / units;
  const data = new Float32Array(gradients.data.length);
  for (let u = 0; u < units; ++u) {
    for (let i = 0; i < size; ++i) data[i * units + u] = gradients.data[u * size + i] as number;
  }
  return ke.tensor(data, [count, ...shape, units]);
}

async function mapsOf(method: ke.Method, model: ke.Model, x: ke.Tensor, options = {}): Promise<ke.Tensor> {
  const { maps } = await ke.explain(method, model, x, null, { ...RAW, ...options });
  return maps as ke.Tensor;
}

const DIFFERENTIABLE = FIXTURES.filter(
  (name) => !name.startsWith('frozen_v1') && !name.startsWith('embedded'),
);

describe.each(DIFFERENTIABLE)('%s', (fixture) => {
  let model: ke.Model;
  let x: ke.Tensor;
  let expected: ke.Tensor;
  beforeAll(async () => {
    model = await load(fixture);
    x = await read(fixture, 'x');
    expected = unitsLast(await read(fixture, 'gradients'));
  });
  afterAll(() => model?.close());

  it('has the gradients of GradientTape', async () => {
    expect(difference(await mapsOf(jacobian, model, x), expected)).toBeLessThan(TOLERANCE);
  });

  it('has the same gradients for one sample as among others', async () => {
    const alone = await mapsOf(jacobian, model, sample(x, 1));
    expect(difference(alone, sample(expected, 1))).toBeLessThan(TOLERANCE);
  });

  it('has the gradient of one unit alone', async () => {
    const maps = await mapsOf(first, model, x);
    const units = expected.shape.at(-1) as number;
    const values = (expected.data as Float32Array).filter((_, i) => i % units === 0);
    expect(difference(maps, ke.tensor(values, maps.shape as number[]))).toBeLessThan(TOLERANCE);
  });

  it('has the same gradients with numerics checks', async () => {
    const checked = await load(fixture, { runEagerly: true });
    expect(difference(await mapsOf(jacobian, checked, x), expected)).toBeLessThan(TOLERANCE);
    checked.close();
  });
});

it.each(['embedded_k2', 'embedded_k3'])('%s has the gradients by its embedding', async (fixture) => {
  const model = await load(fixture);
  const exposed = ke.inspection.expose(model, [['embedding']]);
  const maps = await mapsOf(jacobianOfActivations, exposed, await read(fixture, 'x'));
  expect(difference(maps, unitsLast(await read(fixture, 'gradients')))).toBeLessThan(TOLERANCE);
  model.close();
});

describe.each(['lstm_k3', 'gru_k2', 'nested_k3', 'cond_k2', 'scan_k3'])('%s elsewhere', (fixture) => {
  it('has the same gradients on workers', async () => {
    const workers = await ke.distribute.localWorkers(1, { threads: 1 });
    const model = await load(fixture, { strategy: ke.distribute.multiWorker({ workers }) });
    try {
      const x = repeated(await read(fixture, 'x'), 4);
      const expected = repeated(unitsLast(await read(fixture, 'gradients')), 4);
      expect(difference(await mapsOf(jacobian, model, x, { batchSize: 5 }), expected)).toBeLessThan(
        TOLERANCE,
      );
    } finally {
      model.close();
      await workers.close();
    }
  });

  it('has the same gradients by an explainer', async () => {
    const model = await load(fixture);
    const explainer = ke.createExplainer(jacobian, model, { resizing: false });
    try {
      const x = await read(fixture, 'x');
      const expected = unitsLast(await read(fixture, 'gradients'));
      const answers = await Promise.all([0, 1, 2].map((i) => explainer.explain(sample(x, i))));
      for (const [i, { maps }] of answers.entries()) {
        expect(difference(maps as ke.Tensor, sample(expected, i))).toBeLessThan(TOLERANCE);
      }
    } finally {
      await explainer.close();
      model.close();
    }
  });

  it('has the mean of equal gradients in the loop of smooth', async () => {
    const model = await load(fixture);
    const x = await read(fixture, 'x');
    const smooth = ke.methods.meta.smooth(jacobian, { repetitions: 2, noise: 0 });
    const expected = unitsLast(await read(fixture, 'gradients'));
    expect(difference(await mapsOf(smooth, model, x), expected)).toBeLessThan(TOLERANCE);
    model.close();
  });
});
