/** What the tests of `createExplainer` share: samples of the tiny model, and methods that take long or fail. */
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, vi } from 'vitest';
import * as ke from '../../../lib/index.js';

type Symbolic = ke.graph.Symbolic;

const { ops } = ke.graph;
export const frozen = fileURLToPath(new URL('../../fixtures/tiny/frozen.pb', import.meta.url));
export const raw = { resizing: false } as const;

export const load = (threads?: ke.ThreadOptions) =>
  ke.loadModel(frozen, { inputs: ['x'], outputs: ['logits', 'activations'], ...(threads && { threads }) });
/** Sample `i` of endlessly many, (1, 2, 2, 2). */
export const sample = (i: number) =>
  ke.tensor(
    Float32Array.from({ length: 8 }, (_, k) => Math.sin(i * 8 + k) * 3),
    [1, 2, 2, 2],
  );
export const values = ({ logits, maps }: ke.ExplainResult) => [...logits.data, ...maps.data].map(Number);

/** Activations, after as many turns of a loop as the largest value of the batch says. */
export const looping: ke.Method = function looping({ model: network, inputs }) {
  const [logits, activations] = network(inputs, 2);
  const turns = ops.cast(ops.reduceMax(inputs, [0, 1, 2, 3]), 'int32');
  const [left] = ops.forRange(turns, (_, value) => [ops.multiply(value as Symbolic, 1)], [0]);
  return { logits, maps: ops.add(activations, left as Symbolic) };
};
/** A sample that keeps `looping` busy until it is ended: for minutes. */
export const endless = () => ke.tensor(new Float32Array(8).fill(2 ** 27), [1, 2, 2, 2]);

/** Fails for a batch with a value above 1000 in it: there is no such row to gather. */
export const strict: ke.Method = function strict({ model: network, inputs }) {
  const [logits, activations] = network(inputs, 2);
  const row = ops.cast(ops.greater(ops.reduceMax(inputs, [0, 1, 2, 3]), 1000), 'int32');
  return { logits, maps: ops.add(activations, ops.gather(ops.constant([0]), row)) };
};
export const nanSample = () => ke.tensor(new Float32Array(8).fill(Number.NaN), [1, 2, 2, 2]);
export const poison = () => ke.tensor(new Float32Array(8).fill(5000), [1, 2, 2, 2]);

/** The tiny model, and the same computing one part at a time. */
export let model: ke.Model;
export let single: ke.Model;
let explainers: ke.Explainer[] = [];
/** `createExplainer`; what it makes is closed after the test. */
export const create = ((...args: Parameters<typeof ke.createExplainer>) => {
  const explainer = ke.createExplainer(...args);
  explainers.push(explainer);
  return explainer;
}) as typeof ke.createExplainer;
beforeAll(async () => {
  [model, single] = await Promise.all([load(), load({ interOp: 1 })]);
});
afterEach(async () => {
  await Promise.all(explainers.map((each) => each.close({ timeout: 0 })));
  explainers = [];
});
afterAll(() => {
  model.close();
  single.close();
});

/** An explainer whose model computes one part at a time, and that is busy until `end` is called. */
export async function busy(options: ke.ExplainerOptions = {}) {
  const explainer = create(looping, single, { ...raw, ...options });
  const controller = new AbortController();
  const held = explainer.explain(endless(), null, { signal: controller.signal });
  const ended = expect(held).rejects.toMatchObject({ code: 'CANCELLED' });
  await vi.waitFor(() => expect(explainer.stats().inFlight).toBe(1));
  const end = async () => {
    controller.abort();
    await ended;
  };
  return { explainer, end };
}

/** What `explain` gives for sample `i` alone. */
export const expected = async (i: number, y?: number[][]) =>
  values(await ke.explain(ke.methods.cams.gradcam, model, sample(i), y, { ...raw, verbose: 0 }));
