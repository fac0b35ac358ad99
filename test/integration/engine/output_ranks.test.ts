/** Outputs that are not (N, units): regressions (N), segmentations, boxes. Inputs without an axis of channels. */
import { describe, expect, it, test } from 'vitest';
import * as ke from '../../../lib/index.js';
import { expectClose, inputOf, load, networkOf, raw } from './ranks_fixture.js';

const { cams, gradient, meta } = ke.methods;

describe.each(['regression', 'segmentation', 'boxes'])('%s', (name) => {
  const { units, logits, gradients, gradcam } = networkOf(name);

  it('has the maps of GradientTape for the units in `y`', async () => {
    using model = await load(name);
    const saliency = await ke.explain(gradient.gradients, model, inputOf(name), units, raw);
    expectClose(saliency.logits, logits);
    expectClose(saliency.maps, gradients);
    const cam = await ke.explain(cams.gradcam, model, inputOf(name), units, raw);
    expectClose(cam.logits, logits);
    expectClose(cam.maps, gradcam);
  });

  test.each([
    cams.gradcampp,
    cams.scorecam,
    gradient.fullGradients,
    meta.smooth(gradient.gradients, { repetitions: 2 }),
    meta.tta(cams.gradcam, { scales: [] }),
  ] as ke.Method[])('$name gives a map for each unit, alone and in a batch', async (method) => {
    using model = await load(name);
    const [x, y] = [inputOf(name), ke.tensor(units as ke.NestedArray, undefined, 'int32')];
    const { maps, logits: received } = await ke.explain(method, model, x, y, { verbose: 0 });
    expect(maps.shape).toEqual([...x.shape.slice(0, 3), y.shape[1]]);
    expect(received.shape).toEqual([2, y.shape[1]]);
    const { maps: single } = await ke.explain(method, model, x, y, { batchSize: 1, verbose: 0 });
    expectClose(single, maps);
  });
});

describe('a regression (N)', () => {
  it('has one unit, which is explained without `y`', async () => {
    using model = await load('regression');
    const { logits, maps } = await ke.explain(gradient.gradients, model, inputOf('regression'), null, raw);
    expectClose(logits, networkOf('regression').logits);
    expectClose(maps, networkOf('regression').gradients);
    const other = ke.explain(gradient.gradients, model, inputOf('regression'), [[0], [1]], raw);
    await expect(other).rejects.toThrow('Expected a unit from 0 to 0 for argument `y[1][0]` but received 1');
  });
});

describe('units of several axes', () => {
  it.each<[string, ke.Indices | null, string]>([
    [
      'one number',
      [[3], [0]],
      'Expected units of 3 indices each, of shape (samples, units, 3), for example [[[0, 1, 2]]]',
    ],
    ['too few numbers', [[[3, 1]], [[0, 1]]], 'Expected units of 3 indices each'],
    [
      'an index out of range',
      [[[0, 0, 0]], [[0, 8, 0]]],
      'Expected an index from 0 to 7 for argument `y[1][0][1]` but received 8',
    ],
    ['none', null, 'has 3 axes of units. Name the units in `y`, with an index for each axis: [[[0, 0, 0]]]'],
  ])('are refused: %s', async (_, y, message) => {
    using model = await load('segmentation');
    const refused = ke.explain(gradient.gradients, model, inputOf('segmentation'), y, raw);
    await expect(refused).rejects.toThrow(message);
  });

  it('outside of an axis of unknown size end the run', async () => {
    using model = await load('boxes');
    const refused = ke.explain(gradient.gradients, model, inputOf('boxes'), [[[0, 0]], [[600, 0]]], raw);
    await expect(refused).rejects.toThrow(/GatherNd|indices/);
  });

  it('come with the batches of a source, and with single calls', async () => {
    using model = await load('segmentation');
    const { units, gradients } = networkOf('segmentation');
    const x = inputOf('segmentation');
    const rows = units as readonly ke.NestedArray[];
    const batches = [0, 1].map((i) => [x.rows(i, i + 1), [rows[i]]] as [ke.Tensor, ke.NestedArray]);
    const { maps } = await ke.explain(gradient.gradients, model, batches.values(), null, raw);
    expectClose(maps as ke.Tensor, gradients);
    const explainer = ke.createExplainer(gradient.gradients, model, { resizing: false });
    const [first, second] = await Promise.all(batches.map(([sample, y]) => explainer.explain(sample, y)));
    expect([...(first?.maps.data ?? []), ...(second?.maps.data ?? [])]).toEqual([
      ...(maps as ke.Tensor).data,
    ]);
    await explainer.close();
  });

  it('have no CAM, whose kernel has a column for each unit of one axis', async () => {
    using model = await load('segmentation');
    const { units } = networkOf('segmentation');
    const refused = ke.explain(cams.cam, model, inputOf('segmentation'), units, raw);
    await expect(refused).rejects.toThrow(/CAM needs logits|needs a row of weights|no layer/i);
  });
});

it('a scalar output is refused: it has no axis of samples', async () => {
  using model = await load('loss');
  const refused = ke.explain(gradient.gradients, model, inputOf('segmentation'), null, raw);
  await expect(refused).rejects.toThrow('received a scalar. Expose a tensor with a row per sample.');
});

describe('inputs without channels', () => {
  it('a table (N, F) has a map over its features', async () => {
    using model = await load('table');
    const { units, gradients, x } = networkOf('table');
    const { maps } = await ke.explain(gradient.gradients, model, inputOf('table'), units, raw);
    expectClose(maps, gradients);
    for (const spatialAxis of [[-1], [1], [-2]]) {
      const named = await ke.explain(gradient.gradients, model, inputOf('table'), units, {
        ...raw,
        spatialAxis,
      });
      expectClose(named.maps, gradients);
    }
    const full = await ke.explain(gradient.fullGradients, model, inputOf('table'), units, raw);
    expect(full.maps.shape).toEqual([...x.shape, 2]);
  });

  it('a waveform (N, T) has a map over its steps for every method, without `spatialAxis`', async () => {
    using model = await load('waveform');
    const { units, gradients, gradcam } = networkOf('waveform');
    const x = inputOf('waveform');
    const saliency = await ke.explain(gradient.gradients, model, x, units, raw);
    expectClose(saliency.maps, gradients);
    const small = await ke.explain(cams.gradcam, model, x, units, raw);
    expectClose(small.maps, gradcam);
    for (const method of [
      cams.gradcam,
      cams.gradcampp,
      cams.scorecam,
      gradient.fullGradients,
    ] as ke.Method[]) {
      const { maps } = await ke.explain(method, model, x, units, { verbose: 0 });
      expect(maps.shape).toEqual([2, 12, 2]);
    }
  });

  it('the full gradients of a waveform have the biases of its convolutions: the terms are complete', async () => {
    using model = await load('waveform');
    const psi = (product: ke.graph.Symbolic) => product;
    const x = inputOf('waveform');
    const { logits, maps } = await ke.explain(gradient.fullGradients, model, x, null, { ...raw, psi });
    // The mean over the channel of the input is the input, and over five channels of the signal a fifth. The resize
    // from 6 to 12 steps doubles the sum of the signal.
    const byInput = await ke.explain(
      gradient.fullGradients,
      model.withOutputs(model.outputs.slice(0, 1)),
      x,
      null,
      {
        ...raw,
        psi,
        biases: [],
      },
    );
    const sum = ({ data }: ke.Tensor, n: number, u: number) =>
      Array.from({ length: 12 }, (_, t) => Number(data[(n * 12 + t) * 3 + u])).reduce((a, b) => a + b, 0);
    for (const n of [0, 1]) {
      for (const u of [0, 1, 2]) {
        const signal = (sum(maps, n, u) - sum(byInput.maps, n, u)) * (5 / 2);
        expect(sum(byInput.maps, n, u) + signal).toBeCloseTo(Number(logits.data[n * 3 + u]), 4);
      }
    }
  });

  it('pictures (N, H, W) have Score-CAMs and means of CAMs without `spatialAxis`', async () => {
    using model = await load('pictures');
    const { units } = networkOf('pictures');
    const x = inputOf('pictures');
    const mirrored = meta.tta(cams.gradcam, { scales: [] });
    for (const method of [cams.scorecam, mirrored] as ke.Method[]) {
      const options = { verbose: 0 } as const;
      const named = await ke.explain(method, model, x, units, { ...options, spatialAxis: [1, 2] });
      const { maps } = await ke.explain(method, model, x, units, options);
      expect(maps.shape.slice(1, 3)).toEqual(x.shape.slice(1));
      expectClose(maps, named.maps);
    }
  });

  it('pictures (N, H, W) have CAMs over both axes, and gradients by `spatialAxis: [1, 2]`', async () => {
    using model = await load('pictures');
    const { units, gradients, gradcam } = networkOf('pictures');
    const x = inputOf('pictures');
    const small = await ke.explain(cams.gradcam, model, x, units, raw);
    expectClose(small.maps, gradcam);
    for (const spatialAxis of [
      [1, 2],
      [-2, -1],
    ]) {
      const options = { spatialAxis, verbose: 0 } as const;
      const saliency = await ke.explain(gradient.gradients, model, x, units, { ...options, resizing: false });
      expectClose(saliency.maps, gradients);
      for (const method of [cams.gradcam, cams.scorecam, gradient.fullGradients] as ke.Method[]) {
        const { maps } = await ke.explain(method, model, x, units, {
          ...options,
          postprocessing: ke.filters.normalize,
        });
        expect(maps.shape).toEqual([2, 8, 10, 2]);
      }
    }
    const { maps } = await ke.explain(cams.gradcam, model, x, units, { verbose: 0 });
    expect(maps.shape).toEqual([2, 8, 10, 2]);
    // Without axes, a tensor of rank 3 is a signal (N, T, C).
    const signal = await ke.explain(gradient.gradients, model, x, units, raw);
    expect(signal.maps.shape).toEqual([2, 8, 2]);
  });
});
