/** The package as it was built, tiny models, and what is computed with them. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
export const ke = await import(path.join(ROOT, 'dist', 'index.js'));

const fixture = (...names) => path.join(ROOT, 'test', 'fixtures', ...names);
export const FROZEN = fixture('tiny', 'frozen.pb');
export const SAVED = fixture('tiny', 'saved_model');
/** Of several layers, 16x16. */
export const KERAS = fixture('reference', 'keras3', 'tiny');

const OUTPUTS = { inputs: ['x'], outputs: ['logits', 'activations'] };
export const loadFrozen = (options = {}) => ke.loadModel(FROZEN, { ...OUTPUTS, ...options });

/** `n` samples of the frozen and the saved model. */
export const samples = (n) =>
  ke.tensor(
    Float32Array.from({ length: n * 8 }, (_, i) => Math.sin(i * i)),
    [n, 2, 2, 2],
  );
/** Maps as the method returns them. Each call has a new options object, and nothing may retain the object. */
export const raw = (more = {}) => ({ resizing: false, verbose: 0, ...more });
export const { gradcam } = ke.methods.cams;
export const { ops } = ke.graph;

/** Activations, after as many turns of a loop as the largest value of the batch says. */
export function looping({ model, inputs }) {
  const [logits, activations] = model(inputs, 2);
  const turns = ops.cast(ops.reduceMax(inputs, [0, 1, 2, 3]), 'int32');
  const [left] = ops.forRange(turns, (_, value) => [ops.multiply(value, 1)], [0]);
  return { logits, maps: ops.add(activations, left) };
}
/** A sample that keeps `looping` busy until it is ended. */
export const endless = (n = 1) => ke.tensor(new Float32Array(n * 8).fill(2 ** 27), [n, 2, 2, 2]);

/** Fails in the run, where a value is above 1000: there is no such row to gather. */
export function strict({ model, inputs }) {
  const [logits, activations] = model(inputs, 2);
  const row = ops.cast(ops.greater(ops.reduceMax(inputs, [0, 1, 2, 3]), 1000), 'int32');
  return { logits, maps: ops.add(activations, ops.gather(ops.constant([0]), row)) };
}
export const poison = (n = 1) => ke.tensor(new Float32Array(n * 8).fill(5000), [n, 2, 2, 2]);
