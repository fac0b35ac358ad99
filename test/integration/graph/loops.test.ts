/**
 * Models and Jacobians inside loops, as smooth and tta record them: each turn must give what a call of its own gives.
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as ke from '../../../lib/index.js';

type Symbolic = ke.graph.Symbolic;
const { ops, batchJacobian, gradient } = ke.graph;
const SAMPLES = [
  [1, 0, 2, 1, 3, 1, -1, 0],
  [0.5, -2, 1, 1, 0, 3, 2, -1],
];

let loaded: ke.Model;
let model: ke.Model;
beforeAll(async () => {
  loaded = await ke.loadModel(fileURLToPath(new URL('../../fixtures/tiny/saved_model', import.meta.url)));
  model = ke.inspection.expose(loaded);
});
afterAll(() => loaded.close());

const batch = (scale = 1) =>
  ke.tensor(
    SAMPLES.flat().map((value) => value * scale),
    [2, 2, 2, 2],
    'float32',
  );
const raw = { postprocessing: null, resizing: false, verbose: 0 } as const;

/** Grad-CAM of every unit: (N, 2, 2, 3). */
const cam = (network: ke.graph.SymbolicModel, x: Symbolic): Symbolic => {
  const [logits, activations] = network(x, 2);
  const weights = batchJacobian(logits, activations, { each: (g) => ops.reduceMean(g, [1, 2]) });
  return ops.einsum('bhwk,buk->bhwu', activations, weights);
};
const scaled = (x: Symbolic, turn: Symbolic) => ops.multiply(x, ops.add(ops.cast(turn, 'float32'), 1));

/** The maps of a method, beside those that Grad-CAM gives alone for inputs of each of `scales`, in its order. */
async function compare(method: ke.Method, scales: readonly number[]): Promise<[number[], number[]]> {
  const { maps } = await ke.explain(method, model, batch(), null, raw);
  const alone: number[] = [];
  for (const scale of scales) {
    const result = await ke.explain(ke.methods.cams.gradcam, model, batch(scale), null, raw);
    alone.push(...((result.maps as ke.Tensor).data as Float32Array));
  }
  return [[...((maps as ke.Tensor).data as Float32Array)], alone];
}

/** (T, N, 2, 2, 3) -> (N, 2, 2, T * 3), which `explain` takes for maps; and back, to (T, N, 2, 2, 3). */
const asMaps = (turns: Symbolic) => ops.reshape(ops.transpose(turns, [1, 2, 3, 0, 4]), [-1, 2, 2, 12]);
const fromMaps = (values: readonly number[]) =>
  [0, 1, 2, 3].flatMap((turn) =>
    Array.from({ length: 8 }, (_, position) => values.slice(position * 12 + turn * 3).slice(0, 3)).flat(),
  );

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i] as number, 5);
  });
}

describe('a model and its Jacobian in a loop', () => {
  it('give in every turn of mapRange what they give alone', async () => {
    const method: ke.Method = ({ model: network, inputs }) => ({
      logits: network(inputs)[0],
      maps: asMaps(ops.mapRange(4, (i) => cam(network, scaled(inputs, i)))),
    });
    const [turns, alone] = await compare(method, [1, 2, 3, 4]);
    expectClose(fromMaps(turns), alone);
  });

  it('may stand in a loop of a loop', async () => {
    const method: ke.Method = ({ model: network, inputs }) => {
      const rows = ops.mapRange(2, (row) =>
        ops.mapRange(2, (column) => cam(network, scaled(inputs, ops.add(ops.multiply(row, 2), column)))),
      );
      return { logits: network(inputs)[0], maps: asMaps(ops.reshape(rows, [4, -1, 2, 2, 3])) };
    };
    const [turns, alone] = await compare(method, [1, 2, 3, 4]);
    expectClose(fromMaps(turns), alone);
  });

  it('add up in forRange', async () => {
    const method: ke.Method = ({ model: network, inputs }) => {
      const first = cam(network, inputs);
      const [maps] = ops.forRange(
        2,
        (i, sum) => [ops.add(sum as Symbolic, cam(network, scaled(inputs, ops.add(i, 1))))],
        [first],
      );
      return { logits: network(inputs)[0], maps: maps as Symbolic };
    };
    const [sum, alone] = await compare(method, [1, 2, 3]);
    expectClose(
      sum,
      sum.map((_, i) => (alone[i] as number) + (alone[24 + i] as number) + (alone[48 + i] as number)),
    );
  });

  it('differentiate in the loop what was called around it', async () => {
    const method: ke.Method = ({ model: network, inputs }) => {
      const [logits, activations] = network(inputs, 2);
      const weights = ops.mapRange(3, (unit) =>
        ops.reduceMean(gradient(ops.gather(logits, unit, { axis: 1 }), activations), [1, 2]),
      );
      return { logits, maps: ops.einsum('bhwk,ubk->bhwu', activations, weights) };
    };
    const [maps, alone] = await compare(method, [1]);
    expectClose(maps, alone);
  });

  it('compose as meta methods do', async () => {
    const { smooth, tta } = ke.methods.meta;
    const { gradcam } = ke.methods.cams;
    const noiseless = tta(smooth(gradcam, { repetitions: 3, noise: 0 }), { scales: [], hflip: false });
    const { maps } = await ke.explain(noiseless, model, batch(), null, raw);
    const { maps: alone } = await ke.explain(gradcam, model, batch(), null, raw);
    expectClose(
      [...((maps as ke.Tensor).data as Float32Array)],
      [...((alone as ke.Tensor).data as Float32Array)],
    );
  });
});
