/** `jitCompile`: the same by XLA. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import * as ke from '../../../lib/index.js';

const MODEL = fileURLToPath(new URL('../../fixtures/reference/keras3/convolutional', import.meta.url));

async function explain(options: ke.LoadModelOptions) {
  using model = await ke.loadModel(MODEL, options);
  const shape = [2, ...(model.inputs[0]?.shape?.slice(1) ?? []).map((size) => size ?? 32)];
  const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i * i));
  const x = ke.tensor(values, shape);
  const { maps } = await ke.gradcam(ke.inspection.expose(model), x, [[0], [1]], { verbose: 0 });
  return Array.from(maps.data as Float32Array);
}

test('XLA computes, and gives the same maps', async () => {
  const [plain, compiled] = [await explain({}), await explain({ jitCompile: true })];
  const range = Math.max(...plain) - Math.min(...plain);
  expect(range).toBeGreaterThan(0);
  const apart = plain.map((value, i) => Math.abs(value - (compiled[i] as number)) / range);
  expect(Math.max(...apart)).toBeLessThan(1e-5);
  // Its kernels round otherwise than TensorFlow's own: were all bits equal, it would not have computed.
  expect(Math.max(...apart)).toBeGreaterThan(0);
});

test('is refused where XLA has no say', async () => {
  await expect(ke.loadModel(MODEL, { jitCompile: true, runEagerly: true })).rejects.toThrow(
    /false for argument `jitCompile`/,
  );
  const strategy = ke.distribute.multiWorker({ workers: ['localhost:2222'] });
  await expect(ke.loadModel(MODEL, { jitCompile: true, strategy })).rejects.toThrow(
    /false for argument `jitCompile`/,
  );
  await expect(ke.loadModel(MODEL, { jitCompile: 1 as never })).rejects.toThrow(/`jitCompile`/);
});
