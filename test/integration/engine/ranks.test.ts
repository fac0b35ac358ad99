/** Signals (N, L, C) and volumes (N, D, H, W, C): every method, over one and three axes of positions. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as ke from '../../../lib/index.js';
import { sumOfTerms } from '../../../lib/metrics/completeness.js';

const { cams, gradient, meta } = ke.methods;
const UNITS = [
  [2, 0],
  [1, 1],
];

describe.each([
  ['signals', [12, 2], [6]],
  ['volumes', [4, 6, 8, 2], [2, 3, 4]],
] as const)('%s', (name, shape, small) => {
  const positions = shape.slice(0, -1);
  const spatialAxis = positions.map((_, i) => i - positions.length - 1);
  const options = { spatialAxis, verbose: 0 } as const;
  const count = small.reduce<number>((product, size) => product * size, 1);
  let model: ke.Model;
  let exposed: ke.Model;
  let x: ke.Tensor;

  beforeAll(async () => {
    model = await ke.loadModel(fileURLToPath(new URL(`../../fixtures/tiny/${name}`, import.meta.url)));
    exposed = ke.inspection.expose(model);
    const size = shape.reduce<number>((product, each) => product * each, 2);
    x = ke.tensor(
      Float32Array.from({ length: size }, (_, i) => Math.sin(1.7 * i) + Math.cos(0.3 * i)),
      [2, ...shape],
    );
  });
  afterAll(() => model?.close());

  const explain = (method: ke.AnyMethod, more: object = {}) =>
    ke.explain(method as ke.Method, exposed, x, UNITS, { ...options, ...more });

  test('Grad-CAM is CAM by the number of positions', async () => {
    const cam = await explain(cams.cam, { resizing: false });
    const gradcam = await explain(cams.gradcam, { resizing: false });
    expect(cam.maps.shape).toEqual([2, ...small, 2]);
    expectClose(
      gradcam.maps,
      [...(cam.maps.data as Float32Array)].map((value) => value / count),
    );
  });

  test('Score-CAM is what a loop over the channels gives', async () => {
    const { ops } = ke.graph;
    const plain: ke.Method = ({ model: network, inputs, indices }) => {
      const [outputs, activations] = network(inputs, 2);
      const masks = ke.filters.normalize(activations, spatialAxis);
      const maps = ops.unstack(masks, -1).map((mask) => {
        const whole = interpolated(ops.expandDims(mask, -1), small, positions);
        const [seen] = network(ops.multiply(inputs, whole));
        let scores = ke.inspection.gatherUnits(seen, indices);
        for (const _ of positions) scores = ops.expandDims(scores, 1);
        return ops.multiply(scores, whole);
      });
      return { logits: outputs, maps: ops.addN(maps) };
    };
    const expected = await explain(plain, { resizing: false });
    const { maps } = await explain(cams.scorecam, { maskBatchSize: 3 });
    expect(maps.shape).toEqual([2, ...positions, 2]);
    expectClose(maps, [...(expected.maps.data as Float32Array)]);
  });

  test('full gradients are complete', async () => {
    const { logits, maps } = await ke.explain(sumOfTerms, model, x, UNITS, { ...options, resizing: false });
    expectClose(maps, [...(logits.data as Float32Array)]);
  });

  test.each([
    ['gradcampp', cams.gradcampp],
    ['gradients', gradient.gradients],
    ['fullGradients', gradient.fullGradients],
    ['gradients_smooth', meta.smooth(gradient.gradients, { repetitions: 3 })],
    ['gradcam_tta', meta.tta(cams.gradcam, { scales: [0.5, 2] })],
    ['scorecam_tta', meta.tta(cams.scorecam, { scales: [], hflip: true })],
  ])('%s gives maps of the size of the input', async (_, method) => {
    const { maps } = await explain(method, { postprocessing: ke.filters.absoluteNormalize });
    expect(maps.shape).toEqual([2, ...positions, 2]);
    const values = [...(maps.data as Float32Array)];
    expect(Math.max(...values)).toBeGreaterThan(0.5);
    expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
  });

  test('axes that are not those of the positions are refused', async () => {
    const wrong = { spatialAxis: [-3, -2, -1].slice(0, 4 - positions.length) };
    const mend = `Set \`spatialAxis\` to [${spatialAxis.join(', ')}].`;
    for (const method of [...ke.methods.cams.METHODS, ...gradient.METHODS]) {
      await expect(explain(method, wrong), method.name).rejects.toThrow(mend);
    }
    const pooled = ke.inspection.expose(model, 'gap');
    const cam = ke.explain(cams.gradcam, pooled, x, UNITS, options);
    await expect(cam).rejects.toThrow('Expose a tensor with positions');
  });

  test('only bilinear resizing is for other than images', async () => {
    const tta = meta.tta(cams.gradcam, { resizeMethod: 'nearest' });
    await expect(explain(tta)).rejects.toThrow("resized bilinearly, not by 'nearest'");
  });
});

/** x (N, ...from, C) to (N, ...to, C) by a matrix per axis: linear, sampled at the centres of positions. */
function interpolated(x: ke.graph.Symbolic, from: readonly number[], to: readonly number[]) {
  const { ops } = ke.graph;
  return from.reduce((result, inputs, i) => {
    const outputs = to[i] as number;
    const matrix = Array.from({ length: outputs }, (_, row) => {
      const center = Math.min(Math.max(((row + 0.5) * inputs) / outputs - 0.5, 0), inputs - 1);
      return Array.from({ length: inputs }, (_, column) => Math.max(0, 1 - Math.abs(center - column)));
    });
    const axes = 'nxyzc'.slice(0, from.length + 1).concat('c');
    const axis = axes[i + 1] as string;
    return ops.einsum(`${axes},o${axis}->${axes.replace(axis, 'o')}`, result, matrix);
  }, x);
}

function expectClose(received: ke.Tensor, expected: readonly number[]): void {
  const range = Math.max(...expected) - Math.min(...expected);
  expect(received.size).toBe(expected.length);
  expected.forEach((value, i) => {
    expect(Math.abs(Number(received.data[i]) - value) / range).toBeLessThan(1e-5);
  });
}
