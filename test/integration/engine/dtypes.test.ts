/**
 * Models of other dtypes than float32: every method, on networks that compute in float16 between layers of float32
 * (Keras' 'mixed_float16'), in float64, or from bytes. The expected maps are the methods' formulas in float32, with the
 * model called as it is.
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as ke from '../../../lib/index.js';
import { sumOfTerms } from '../../../lib/metrics/completeness.js';

const { cams, gradient, meta } = ke.methods;
const { ops } = ke.graph;
const raw = { resizing: false, verbose: 0 } as const;
const UNITS = [
  [2, 0],
  [1, 1],
];

const float32 = (x: ke.graph.Symbolic) => ops.cast(x, 'float32');

/** Logits and activations in float32, and the Jacobian (N, U, H, W, K). */
function parts({ model, inputs, indices }: ke.MethodArguments) {
  const [outputs, activations] = model(inputs, 2);
  const logits = ke.inspection.gatherUnits(outputs, indices);
  return {
    logits: float32(logits),
    activations: float32(activations),
    jacobian: float32(ke.graph.batchJacobian(logits, activations)),
  };
}

const alongPositions = (x: ke.graph.Symbolic) => ops.expandDims(ops.expandDims(x, 1), 1);

const CAMS = { gradcam: cams.gradcam, gradcampp: cams.gradcampp, scorecam: cams.scorecam };
const PLAIN: Record<string, ke.Method> = {
  gradcam: (args) => {
    const { logits, activations, jacobian } = parts(args);
    return { logits, maps: ops.einsum('bhwk,buk->bhwu', activations, ops.reduceMean(jacobian, [2, 3])) };
  },
  gradcampp: (args) => {
    const { logits, activations, jacobian } = parts(args);
    const total = ops.expandDims(ops.reduceSum(activations, [1, 2], { keepdims: true }), 1);
    const alpha = ops.divide(1, ops.add(2, ops.multiply(total, jacobian)));
    const weights = ops.reduceSum(ops.multiply(alpha, ops.relu(jacobian)), [2, 3]);
    const maps = ops.einsum('bhwk,buk->bhwu', activations, weights);
    return { logits, maps: ops.multiply(maps, alongPositions(ops.exp(logits))) };
  },
  scorecam: ({ model, inputs, indices }) => {
    const [outputs, activations] = model(inputs, 2);
    const [, height, width] = inputs.shape as [null, number, number];
    const maps = ops.unstack(ke.filters.normalize(float32(activations)), -1).map((mask) => {
      const whole = ops.resize(ops.expandDims(mask, -1), [height, width]);
      const masked = ops.multiply(float32(inputs), whole);
      const seen = ops.cast(inputs.dtype === 'uint8' ? ops.round(masked) : masked, inputs.dtype);
      const scores = float32(ke.inspection.gatherUnits(model(seen)[0], indices));
      return ops.multiply(alongPositions(scores), whole);
    });
    return { logits: ke.inspection.gatherUnits(outputs, indices), maps: maps.reduce(ops.add) };
  },
};

describe.each([
  ['float16', 4, 5e-3],
  ['float64', 3, 1e-6],
  ['uint8', 3, 1e-6],
] as const)('%s', (name, channels, tolerance) => {
  let model: ke.Model;
  let exposed: ke.Model;
  let x: ke.Tensor;

  beforeAll(async () => {
    model = await ke.loadModel(fileURLToPath(new URL(`../../fixtures/tiny/${name}`, import.meta.url)));
    exposed = ke.inspection.expose(model);
    const wave = Float64Array.from(
      { length: 2 * 36 * channels },
      (_, i) => Math.sin(1.7 * i) + Math.cos(0.3 * i),
    );
    const shape = [2, 6, 6, channels];
    if (name === 'uint8')
      x = ke.tensor(
        Uint8Array.from(wave, (value) => 100 + 50 * value),
        shape,
      );
    else x = ke.tensor(name === 'float64' ? wave.map((value) => 64 * value) : Float32Array.from(wave), shape);
  });
  afterAll(() => model?.close());

  const explain = (method: ke.AnyMethod, more: object = {}) =>
    ke.explain(method as ke.Method, exposed, x, UNITS, { ...raw, ...more });

  function expectNear(received: ke.Tensor, expected: readonly number[] | ke.Tensor): void {
    const values = [...('data' in expected ? expected.data : expected)].map(Number);
    const range = Math.max(...values) - Math.min(...values);
    expect(range).toBeGreaterThan(0);
    const known = numbers(received);
    expect(known).toHaveLength(values.length);
    const worst = known.reduce(
      (most, value, i) => Math.max(most, Math.abs(value - (values[i] as number))),
      0,
    );
    expect(worst / range).toBeLessThan(tolerance);
  }

  test.each(Object.keys(CAMS))('%s is its formula', async (method) => {
    const expected = await explain(PLAIN[method] as ke.Method);
    const { maps } = await explain(CAMS[method as keyof typeof CAMS]);
    expectNear(maps, expected.maps);
  });

  test('Grad-CAM is CAM by the number of positions', async () => {
    const { maps } = await explain(cams.cam);
    const [, height, width] = maps.shape as [number, number, number];
    const gradcam = await explain(cams.gradcam);
    const scaled = numbers(gradcam.maps).map((value) => value * height * width);
    expectNear(maps, scaled);
  });

  test('Score-CAM by softmax, smooth and tta give finite maps', async () => {
    // The group normalisation's reshape has the size of its model.
    const scales = name === 'float16' ? [] : [1.5];
    const methods: ke.AnyMethod[] = [meta.tta(cams.gradcam, { scales }), meta.tta(cams.scorecam, { scales })];
    if (name !== 'uint8') methods.push(meta.smooth(cams.gradcampp), meta.smooth(gradient.fullGradients));
    for (const method of methods) {
      const { maps } = await explain(method, { resizing: true });
      expect(maps.shape).toEqual([2, 6, 6, 2]);
      expect(numbers(maps).every(Number.isFinite)).toBe(true);
    }
    const { maps } = await explain(cams.scorecam, { weighting: 'softmax' });
    expect(numbers(maps).every(Number.isFinite)).toBe(true);
  });

  test.runIf(name === 'uint8')('methods that differentiate by the input refuse one of integers', async () => {
    for (const method of [gradient.gradients, gradient.fullGradients]) {
      await expect(explain(method)).rejects.toThrow(
        'This method differentiates by the input, but the model takes uint8.',
      );
    }
  });

  test.skipIf(name === 'uint8')('full gradients are the sum of all terms with positions', async () => {
    const psi = (product: ke.graph.Symbolic) => product;
    const { maps } = await ke.explain(gradient.fullGradients, model, x, UNITS, { ...raw, psi });
    const terms = await ke.explain(sumOfTerms, model, x, UNITS, raw);
    const { layers, biases } = await ke.inspection.layersWithBiases(model);
    expect(layers.at(-1)?.name).toBe('predictions');
    const offsets = numbers(biases.at(-1) as ke.Tensor);
    // The convolution of 'float64' makes (4, 4) of (6, 6), and resizing keeps no sums; but that network is complete.
    if (name === 'float64') {
      expect(maps.dtype).toBe('float64');
      expectNear(terms.maps, numbers(terms.logits));
      return;
    }
    const values = numbers(maps);
    // The logits' bias alone has no positions, and a map is the mean over four channels.
    const sums = UNITS.map((units, n) =>
      units.map((unit, u) => {
        const map = values.filter((_, i) => i % 2 === u && Math.floor(i / 72) === n);
        return 4 * map.reduce((sum, value) => sum + value, 0) + (offsets[unit] as number);
      }),
    );
    expectNear(terms.maps, sums.flat());
  });

  test.skipIf(name === 'uint8')('biases that are found can be given', async () => {
    const { layers, biases } = await ke.inspection.layersWithBiases(model, { exclude: ['predictions'] });
    const names = name === 'float16' ? ['separable_conv2d', 'groups'] : ['scale', 'features'];
    expect(layers.map((layer) => layer.path.join('/'))).toEqual(names);
    if (name !== 'float16') return;
    expect(layers.map(({ type }) => type)).toEqual(['SeparableConv2D', 'GroupNormalization']);
    expect(biases.map(({ shape }) => shape)).toEqual([[4], [4]]);
    const view = ke.inspection.expose(model, layers, 'predictions');
    const given = await ke.explain(gradient.fullGradients, view, x, UNITS, { ...raw, biases });
    const found = await ke.explain(gradient.fullGradients, model, x, UNITS, raw);
    expectNear(given.maps, found.maps);
  });
});

/** The values of a tensor, also of float16. */
function numbers(tensor: ke.Tensor): number[] {
  const values = [...tensor.data].map(Number);
  return tensor.dtype === 'float16' ? values.map(ofHalf) : values;
}

function ofHalf(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}
