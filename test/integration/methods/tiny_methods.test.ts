/**
 * The methods beside Grad-CAM and gradients, by numbers worked out on paper for the model of tiny.test.ts: channels
 * a = [[1, 2], [3, -1]] and b = [[0, 1], [1, 0]], activations A0 = relu(a) = [[1, 2], [3, 0]] and
 * A1 = relu(1 - a + 2b) = [[0, 1], [0, 2]], weights W0 = (1, 2, -1) and W1 = (4, 0, 2), offsets (1/4, 1/2, 1).
 *
 * CAM: W0 A0 + W1 A1.
 *
 * Grad-CAM++ of unit 0: g = (1/4, 1) everywhere and Σ A = (6, 3), so α = (1/3.5, 1/5), w = 4 α g = (2/7, 4/5), times
 * e^4.75.
 *
 * Score-CAM: masks (1/3, 2/3, 1, 0) and (0, 1/2, 0, 1). Under the first the channels are a = (1/3, 4/3, 3, 0) and
 * b = (0, 2/3, 1, 0), so A has the means 7/6 and 2/3 and the logits are (49/12, 17/6, 7/6); under the second a =
 * (0, 1, 0, -1), b = (0, 1/2, 0, 0), means 1/4 and 5/4, logits (11/2, 1, 13/4).
 *
 * Full gradients of unit 0 without ψ: a ∂/∂a + b ∂/∂b = (1/4, 1/2, 3/4, 1), the bias of A1 gives (0, 1, 0, 1), and a
 * map is the mean over two channels: (1/8, 3/4, 3/8, 1). Twice its sum and the offset 1/4 make the logit, 4.75.
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as ke from '../../../lib/index.js';
import { sumOfTerms } from '../../../lib/metrics/completeness.js';

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/tiny/${name}`, import.meta.url));
const { cams, gradient, meta } = ke.methods;

const SAMPLE = [1, 0, 2, 1, 3, 1, -1, 0];
const A = [
  [1, 2, 3, 0],
  [0, 1, 0, 2],
] as const;
const MASKS = [
  [1 / 3, 2 / 3, 1, 0],
  [0, 1 / 2, 0, 1],
] as const;
/** By mask, of each unit. */
const SCORES = [
  [49 / 12, 17 / 6, 7 / 6],
  [11 / 2, 1, 13 / 4],
] as const;

type Pair = readonly [readonly number[], readonly number[]];
const weigh = ([x, y]: Pair, first: number, second: number) =>
  x.map((value, i) => first * value + second * (y[i] as number));

const batch = (n: number) =>
  ke.tensor(
    Float32Array.from({ length: 8 * n }, (_, i) => SAMPLE[i % 8] as number),
    [n, 2, 2, 2],
  );
const raw = { resizing: false, verbose: 0 } as const;

function expectClose(actual: ke.Tensor, expected: readonly number[], tolerance = 1e-6): void {
  const data = [...(actual.data as Float32Array)];
  expect(data.length).toBe(expected.length);
  data.forEach((value, i) => {
    const limit = tolerance * Math.max(1, Math.abs(expected[i] as number));
    expect(Math.abs(value - (expected[i] as number)), `element ${i} of ${data}`).toBeLessThan(limit);
  });
}

describe.each([
  ['a SavedModel of Keras 3', 'saved_model', {}],
  ['a frozen GraphDef', 'frozen.pb', { inputs: ['x'], outputs: ['logits', 'activations'] }],
])('%s', (_, file, options) => {
  const frozen = file === 'frozen.pb';
  let whole: ke.Model;
  let model: ke.Model;

  beforeAll(async () => {
    whole = await ke.loadModel(fixture(file), { ...options, threads: { interOp: 2 } });
    model = frozen ? whole : ke.inspection.expose(whole);
  });
  afterAll(() => whole?.close());

  it.skipIf(frozen)('gives CAMs', async () => {
    for (const logitsLayer of [undefined, 'predictions']) {
      const some = await ke.explain(cams.cam, model, batch(2), [[0], [2]], { ...raw, logitsLayer });
      expectClose(some.maps, [...weigh(A, 1, 4), ...weigh(A, -1, 2)]);
      expectClose(some.logits, [4.75, 1]);
    }
    const all = await ke.explain(cams.cam, model, batch(1), null, raw);
    const [first, second, third] = [weigh(A, 1, 4), weigh(A, 2, 0), weigh(A, -1, 2)];
    expectClose(all.maps, [0, 1, 2, 3].flatMap((i) => [first[i], second[i], third[i]]) as number[]);
  });

  it.runIf(frozen)('refuses CAM without a layer that holds a kernel', async () => {
    await expect(ke.explain(cams.cam, model, batch(1), null, raw)).rejects.toThrow(
      'no layer with a `kernel`',
    );
  });

  it.skipIf(frozen)('refuses CAM by a layer whose kernel does not fit, or that has none', async () => {
    const cam = (logitsLayer: string) => ke.explain(cams.cam, model, batch(1), null, { ...raw, logitsLayer });
    await expect(cam(7 as never)).rejects.toThrow(
      "a layer's name or a path of names for argument `logitsLayer`",
    );
    await expect(cam('relu')).rejects.toThrow("The layer 'relu' (ReLU) has no kernel");
    await expect(cam('prediction')).rejects.toThrow("Did you mean 'predictions'?");
    const inputs = ke.inspection.expose(whole, { name: 'conv', link: 'input' });
    const fits = await ke.explain(cams.cam, inputs, batch(1), null, raw);
    expect(fits.maps.shape).toEqual([1, 2, 2, 3]);
  });

  it('gives Grad-CAM++ maps', async () => {
    const factor = Math.exp(4.75);
    const { maps } = await ke.explain(cams.gradcampp, model, batch(1), [[0]], raw);
    expectClose(maps, weigh(A, (2 / 7) * factor, (4 / 5) * factor), 3e-6);
  });

  it('keeps Grad-CAM++ finite for large logits', async () => {
    // A0 = 1e4 (1, 2, 3, 0), A1 = (0, 1, 0, 10001), so the logit of unit 0 is 15000 + 4 · 2500.5 + 1/4.
    const x = ke.tensor(
      SAMPLE.map((value) => 1e4 * value),
      [1, 2, 2, 2],
    );
    const { logits, maps } = await ke.explain(cams.gradcampp, model, x, [[0]], raw);
    expectClose(logits, [25002.25]);
    const values = [...(maps.data as Float32Array)];
    expect(values.every(Number.isFinite)).toBe(true);
    expect(Math.max(...values)).toBeGreaterThan(1e38);
    const shape = weigh([A[0].map((value) => 1e4 * value), [0, 1, 0, 10001]], 1 / 15002, 4 / 10004);
    const most = Math.max(...shape);
    const shown = await ke.gradcampp(model, x, [[0]], raw);
    expectClose(
      shown.maps,
      shape.map((value) => (value - Math.min(...shape)) / (most - Math.min(...shape))),
      1e-5,
    );
  });

  it('gives Score-CAM maps', async () => {
    for (const maskBatchSize of [1, 2, 3, 100]) {
      const { maps, logits } = await ke.explain(cams.scorecam, model, batch(3), [[0], [1], [2]], {
        ...raw,
        maskBatchSize,
      });
      expectClose(
        maps,
        [0, 1, 2].flatMap((unit) => weigh(MASKS, SCORES[0][unit] as number, SCORES[1][unit] as number)),
      );
      expectClose(logits, [4.75, 3.5, 1]);
    }
  });

  it('weighs the channels of Score-CAM by the softmax of their scores, as the paper does', async () => {
    const { maps } = await ke.explain(cams.scorecam, model, batch(1), [[0]], {
      ...raw,
      weighting: 'softmax',
    });
    const share = 1 / (1 + Math.exp(11 / 2 - 49 / 12));
    expectClose(maps, weigh(MASKS, share, 1 - share));
  });

  it('takes the channels of largest spread for Score-CAM', async () => {
    // Standard deviations √(5/4) and √(11/16).
    const { maps } = await ke.explain(cams.scorecam, model, batch(2), null, { ...raw, maxChannels: 1 });
    const one = [0, 1, 2, 3].flatMap((i) => SCORES[0].map((score) => score * (MASKS[0][i] as number)));
    expectClose(maps, [...one, ...one]);
    const all = await ke.explain(cams.scorecam, model, batch(2), null, { ...raw, maxChannels: 2 });
    const same = await ke.explain(cams.scorecam, model, batch(2), null, raw);
    expect(all.maps.data).toEqual(same.maps.data);
  });

  it('gives full gradients', async () => {
    const { maps } = await ke.explain(gradient.fullGradients, whole, batch(2), [[0], [0]], {
      ...raw,
      psi: (t: ke.graph.Symbolic) => t,
    });
    expectClose(maps, [1 / 8, 3 / 4, 3 / 8, 1, 1 / 8, 3 / 4, 3 / 8, 1]);
    // With ψ: |a ∂/∂a| = (1/4, 3/2, 3/4, 1) becomes (0, 1, 2/5, 3/5), |b ∂/∂b| (0, 1, 0, 0), of the bias (0, 1, 0, 1).
    const { maps: shown } = await ke.explain(gradient.fullGradients, whole, batch(1), [[0]], raw);
    expectClose(shown, [0, 3 / 2, 1 / 5, 4 / 5]);
  });

  it('sums full gradients to the logit', async () => {
    const { logits, maps } = await ke.explain(sumOfTerms, whole, batch(2), null, raw);
    expectClose(maps, [...(logits.data as Float32Array)]);
    expectClose(maps, [4.75, 3.5, 1, 4.75, 3.5, 1]);
  });

  it('refuses filters that are no functions, and biases that are no list', async () => {
    const refused = (method: ke.AnyMethod, options: object) =>
      expect(ke.explain(method as ke.Method, model, batch(1), null, { ...raw, ...options })).rejects;
    await refused(gradient.gradients, { gradientFilter: 'abs' }).toThrow('argument `gradientFilter`');
    await refused(gradient.fullGradients, { psi: 1 }).toThrow('argument `psi`');
    await refused(gradient.fullGradients, { biases: 1 }).toThrow('argument `biases`');
  });

  it('refuses parameters that mean nothing', async () => {
    const of = (parameters: object) =>
      ke.explain(cams.scorecam as ke.Method, model, batch(1), null, { ...raw, ...parameters });
    await expect(of({ maskBatchSize: 0 })).rejects.toThrow('`maskBatchSize`');
    await expect(of({ maxChannels: 1.5 })).rejects.toThrow('`maxChannels`');
    await expect(of({ weighting: 'paper' })).rejects.toThrow("'score' or 'softmax'");
    await expect(of({ maskBatch: 2 })).rejects.toThrow('maskBatchSize');
    expect(() => meta.smooth(cams.gradcam, { repetitions: 0 })).toThrow('`repetitions`');
    expect(() => meta.smooth(cams.gradcam, { noise: -1 })).toThrow('`noise`');
    expect(() => meta.smooth(cams.gradcam, { seed: 2 ** 31 })).toThrow('`seed`');
    expect(() => meta.tta(cams.gradcam, { scales: [0] })).toThrow('`scales[0]`');
    expect(() => meta.tta(cams.gradcam, { resizeMethod: 'cubic' as never })).toThrow('`resizeMethod`');
    const meant = ke.explain(meta.smooth(cams.scorecam) as ke.Method, model, batch(1), null, {
      ...raw,
      maskbatchsize: 2,
    } as object);
    await expect(meant).rejects.toThrow('maskBatchSize');
  });
});

describe('a model of several inputs', () => {
  let model: ke.Model;
  // logits = mean(image) · scale · (1, 2)
  const image = ke.tensor([1, 2, 3, 6], [1, 2, 2, 1]);
  const scale = ke.tensor([5], [1, 1]);

  beforeAll(async () => {
    model = await ke.loadModel(fixture('two_inputs'));
  });
  afterAll(() => model?.close());

  it('is explained by the input that is named', async () => {
    const position = model.inputs.findIndex(({ name }) => name === 'image');
    for (const input of ['image', position]) {
      const options = { ...raw, input } as const;
      const { maps, logits } = await ke.explain(gradient.gradients, model, { image, scale }, null, options);
      expectClose(logits, [15, 30]);
      expectClose(
        maps,
        [1, 2, 3, 4].flatMap(() => [5 / 4, 5 / 2]),
      );
      const doubled: ke.Method = ({ model: network, inputs }) => {
        const [outputs] = network(ke.graph.ops.multiply(inputs, 2));
        return { logits: outputs, maps: inputs };
      };
      const twice = await ke.explain(doubled, model, { image, scale }, null, options);
      expectClose(twice.logits, [30, 60]);
      expectClose(twice.maps, [1, 2, 3, 6]);
    }
  });

  it('is explained by meta methods', async () => {
    const smooth = meta.smooth(gradient.gradients, { repetitions: 3 });
    const { maps } = await ke.explain(smooth, model, { image, scale }, [[1]], { ...raw, input: 'image' });
    expectClose(maps, [5 / 2, 5 / 2, 5 / 2, 5 / 2]);
    const tta = meta.tta(gradient.gradients, { scales: [], hflip: true });
    const flipped = await ke.explain(tta, model, { image, scale }, [[1]], { ...raw, input: 'image' });
    expectClose(flipped.maps, [5 / 2, 5 / 2, 5 / 2, 5 / 2]);
  });

  it('refuses an input that it does not have', async () => {
    const of = (input: string | number) =>
      ke.explain(gradient.gradients, model, { image, scale }, null, { ...raw, input });
    await expect(of('images')).rejects.toThrow('Did you mean "image"?');
    await expect(of(2)).rejects.toThrow('an integer from 0 to 1');
  });
});

describe('a model that takes one size only', () => {
  // Two images that one encoder flattens: 4 x 4 positions would silently become samples.
  it.each(['keras2-shared', 'keras3-shared'])('is refused by tta before it runs: %s', async (name) => {
    using model = await ke.loadModel(
      fileURLToPath(new URL(`../../fixtures/models/${name}/model`, import.meta.url)),
    );
    const image = ke.tensor(new Float32Array(6 * 6 * 2).fill(1), [1, 6, 6, 2]);
    const method = meta.tta(gradient.gradients, { scales: [2] });
    await expect(ke.explain(method, model, [image, image], null, raw)).rejects.toThrow(
      expect.objectContaining({
        name: 'GraphError',
        message: expect.stringContaining('only inputs of its declared size, (null, 6, 6, 2)'),
      }),
    );
    const mirrored = meta.tta(gradient.gradients, { scales: [], hflip: true });
    const { maps } = await ke.explain(mirrored, model, [image, image], null, raw);
    expect(maps.shape.slice(0, 3)).toEqual([1, 6, 6]);
  });
});
