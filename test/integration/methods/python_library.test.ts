/**
 * The Python library keras-explainable is the reference: its logits and maps for two small networks, saved by Keras 2
 * and exported by current Keras, lie in test/fixtures/reference (scripts/reference/make_fixtures.py made them).
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as ke from '../../../lib/index.js';
import { logitsError, mapError, TOLERANCE } from '../../reference/agreement.js';
import { ErrorTable } from '../../reference/error_table.js';
import { nested, readTensors, scaled, type Values } from '../../reference/tensors.js';

const FIXTURES = fileURLToPath(new URL('../../fixtures/reference', import.meta.url));
const SAMPLES = 5;

const { cam, gradcam, gradcampp, scorecam } = ke.methods.cams;
const { gradients, fullGradients } = ke.methods.gradient;
const { smooth, tta } = ke.methods.meta;
const METHODS = { gradients, cam, gradcam, gradcampp, scorecam, full_gradients: fullGradients };
const SHORTCUTS = {
  gradients: ke.gradients,
  cam: ke.cam,
  gradcam: ke.gradcam,
  gradcampp: ke.gradcampp,
  scorecam: ke.scorecam,
  full_gradients: ke.fullGradients,
};
type Name = keyof typeof METHODS;
const NAMES = Object.keys(METHODS) as Name[];

/** A call of a method on a view of the model. */
type Call = (
  view: ke.Model,
  x: ke.Tensor,
  y: number[][] | undefined,
  options: { readonly batchSize: number },
) => Promise<ke.ExplainResult>;

const RAW = { verbose: 0, resizing: false } as const;

/** The method itself and the shortcut, which normalises, under the names that their maps have in the fixtures. */
const CALLS = new Map<string, Call>(
  NAMES.flatMap((name): [string, Call][] => [
    [name, (view, x, y, options) => ke.explain(METHODS[name], view, x, y, { ...options, ...RAW })],
    [`${name}_shortcut`, (view, x, y, options) => SHORTCUTS[name](view, x, y, { ...options, verbose: 0 })],
  ]),
);

/**
 * As in scripts/reference/library_maps.py. The library's tta sums the passes of 1 + `scales` sizes and divides by those
 * of `scales`: its maps and logits are larger than the average by (1 + scales) / scales.
 */
const META = {
  smooth_gradients: { method: smooth(gradients, { repetitions: 3, noise: 0 }), scales: null },
  smooth_gradcam: { method: smooth(gradcam, { repetitions: 3, noise: 0 }), scales: null },
  tta_gradients: { method: tta(gradients, { scales: [0.5, 2] }), scales: 2 },
  tta_gradients_no_flip: { method: tta(gradients, { scales: [1.5], hflip: false }), scales: 1 },
  tta_gradcam: { method: tta(gradcam), scales: 3 },
  tta_smooth_gradcam: {
    method: tta(smooth(gradcam, { repetitions: 2, noise: 0 }), {
      scales: [0.5, 1.5],
      resizeMethod: 'nearest',
    }),
    scales: 2,
  },
} as const;

/** The library's average with the passes counted that were made. */
function corrected(values: Values, scales: number | null): Values {
  return scales === null ? values : scaled(values, scales / (1 + scales));
}

const table = new ErrorTable('the Python library, small networks');
afterAll(() => table.print());

describe.each(['keras2', 'keras3'])('%s tiny', (keras) => {
  const expected = readTensors(path.join(FIXTURES, 'tiny'));
  const inputs = expected('inputs');
  let model: ke.Model;
  let x: ke.Tensor;

  beforeAll(async () => {
    model = await ke.loadModel(path.join(FIXTURES, keras, 'tiny'));
    x = ke.tensor(inputs.data, inputs.shape);
  });
  afterAll(() => model?.close());

  const viewFor = (name: string) => (name.includes('gradients') ? model : ke.inspection.expose(model));
  const unitsOf = (units: string) => (units === 'all' ? undefined : nested(expected(`units_${units}`)));

  test('predict gives the logits', async () => {
    const outputs = (await model.predict(x, { batchSize: 3 })) as ke.Tensor;
    expect(logitsError(outputs, expected('logits_all'))).toBeLessThan(TOLERANCE);
  });

  describe.each([...CALLS.keys()])('%s', (name) => {
    // The library sums full gradients over units: it was asked for one unit at a time.
    describe.each(name.startsWith('full') ? ['1', 'all'] : ['1', '3', 'all'])('units: %s', (units) => {
      test.each([1, 3, SAMPLES])('in batches of %d', async (batchSize) => {
        const call = CALLS.get(name) as Call;
        const { logits, maps } = await call(viewFor(name), x, unitsOf(units), { batchSize });
        const all = expected('logits_all');
        expect(logitsError(logits, expected(`logits_${units}`), all)).toBeLessThan(TOLERANCE);
        const error = mapError(maps, expected(`${name}_${units}`));
        expect(table.note(name, `${keras} tiny`, error)).toBeLessThan(TOLERANCE);
      });
    });
  });

  describe.each(Object.keys(META) as (keyof typeof META)[])('%s', (name) => {
    test.each([1, 3, SAMPLES])('in batches of %d', async (batchSize) => {
      const { method, scales } = META[name];
      const { logits, maps } = await ke.explain(method, viewFor(name), x, unitsOf('3'), {
        ...RAW,
        batchSize,
      });
      const of = corrected(expected(`${name}_logits_3`), scales);
      expect(logitsError(logits, of, expected('logits_all'))).toBeLessThan(TOLERANCE);
      const error = mapError(maps, corrected(expected(`${name}_3`), scales));
      expect(table.note(name, `${keras} tiny`, error)).toBeLessThan(TOLERANCE);
    });
  });

  describe('filters inside methods', () => {
    test('gradients: gradientFilter', async () => {
      const options = { ...RAW, gradientFilter: ke.graph.ops.relu };
      const { maps } = await ke.explain(gradients, model, x, unitsOf('3'), options);
      const error = mapError(maps, expected('gradients_positive_3'));
      expect(table.note('gradients, filtered', `${keras} tiny`, error)).toBeLessThan(TOLERANCE);
    });

    test('fullGradients: psi', async () => {
      const options = { ...RAW, psi: (product: ke.graph.Symbolic) => product };
      const { maps } = await ke.explain(fullGradients, model, x, unitsOf('1'), options);
      const error = mapError(maps, expected('full_gradients_signed_1'));
      expect(table.note('full_gradients, signed', `${keras} tiny`, error)).toBeLessThan(TOLERANCE);
    });
  });

  describe('full gradients with biases given', () => {
    /** The layers that the library found, in its order, and its own values: batch norm with an epsilon of 1e-7. */
    const LAYERS = ['stem_bn', 'depthwise', 'depthwise_bn', 'features'];

    test.each([1, 3, SAMPLES])('in batches of %d', async (batchSize) => {
      const biases = LAYERS.map((layer) => {
        const { data, shape } = expected(`bias/${layer}`);
        return ke.tensor(data, shape);
      });
      const view = ke.inspection.expose(
        model,
        LAYERS.map((layer) => [layer]),
        'predictions',
      );
      const { maps } = await ke.explain(fullGradients, view, x, unitsOf('1'), { ...RAW, batchSize, biases });
      const error = mapError(maps, expected('full_gradients_given_1'));
      expect(table.note('full_gradients given', `${keras} tiny`, error)).toBeLessThan(TOLERANCE);
    });

    test('the layers and values that the library finds, but for its epsilon', async () => {
      const { layers, biases } = await ke.inspection.layersWithBiases(model, { exclude: ['predictions'] });
      expect(layers.map(({ name }) => name)).toEqual(LAYERS);
      for (const [i, layer] of LAYERS.entries()) {
        const theirs = expected(`bias/${layer}`);
        expect(biases[i]?.shape).toEqual(theirs.shape);
        // (β - mean · γ / √(variance + ε)) moves by ε / 2 variance of its second part: 1e-3 and 0.7 at the least.
        const apart = Math.max(
          ...[...theirs.data].map((value, at) => Math.abs(Number(biases[i]?.data[at]) - value)),
        );
        expect(apart).toBeLessThan(layer.endsWith('bn') ? 1e-3 : 1e-7);
      }
    });
  });
});

describe.each(['keras2', 'keras3'])('%s: inputs of any size, logits of a convolution, a softmax', (keras) => {
  const expected = readTensors(path.join(FIXTURES, 'convolutional'));
  const inputs = expected('inputs');
  const units = nested(expected('units'));
  let model: ke.Model;
  let x: ke.Tensor;

  beforeAll(async () => {
    model = await ke.loadModel(path.join(FIXTURES, keras, 'convolutional'));
    x = ke.tensor(inputs.data, inputs.shape);
  });
  afterAll(() => model?.close());

  const viewFor = (name: string) => {
    if (name.startsWith('gradients')) return model;
    const outputs = /gradcampp|scorecam/.test(name) ? 'probabilities' : 'logits';
    return ke.inspection.expose(model, 'features', outputs);
  };

  test('predict gives the probabilities', async () => {
    const outputs = (await model.predict(x)) as ke.Tensor;
    expect(logitsError(outputs, expected('probabilities'))).toBeLessThan(TOLERANCE);
  });

  test.each([...CALLS.keys()].filter((name) => !name.startsWith('full')))('%s', async (name) => {
    const { maps } = await (CALLS.get(name) as Call)(viewFor(name), x, units, { batchSize: 2 });
    const error = mapError(maps, expected(name));
    expect(table.note(name, `${keras} convolutional`, error)).toBeLessThan(TOLERANCE);
  });

  test('tta_gradcam', async () => {
    const { maps } = await ke.explain(META.tta_gradcam.method, viewFor('gradcam'), x, units, {
      ...RAW,
      batchSize: 2,
    });
    const error = mapError(maps, corrected(expected('tta_gradcam'), META.tta_gradcam.scales));
    expect(table.note('tta_gradcam', `${keras} convolutional`, error)).toBeLessThan(TOLERANCE);
  });

  test('cam with its layer named', async () => {
    const { maps } = await ke.explain(cam, viewFor('cam'), x, units, { ...RAW, logitsLayer: 'scores' });
    expect(mapError(maps, expected('cam'))).toBeLessThan(TOLERANCE);
  });
});
