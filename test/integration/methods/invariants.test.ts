import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as ke from '../../../lib/index.js';
import { describeInvariants, expectClose, largestDifference, mirrored } from '../helpers/invariants.js';
import { invariantMethods } from '../helpers/method_list.js';
import { tinyModel, tinySamples, UNITS } from '../helpers/tiny_reference.js';

const { cams, gradient, meta } = ke.methods;
const { smooth, tta } = meta;
const RAW = { resizing: false, verbose: 0 } as const;

const METHODS: Readonly<Record<string, ke.AnyMethod>> = {
  ...invariantMethods(),
  gradcam_smooth_tta: tta(smooth(cams.gradcam, { repetitions: 2 }), { scales: [1.5] }),
};

describe.each(['keras2', 'keras3'])('%s', (keras) => {
  let model: ke.Model;
  let exposed: ke.Model;
  let x: ke.Tensor;

  beforeAll(async () => {
    model = await ke.loadModel(tinyModel(keras), { threads: { interOp: 2 } });
    exposed = ke.inspection.expose(model);
    x = tinySamples();
  });
  afterAll(() => model?.close());

  const explain = (method: ke.AnyMethod, y: number[][] | null = UNITS, options: object = {}, inputs = x) =>
    ke.explain(method as ke.Method, exposed, inputs, y, { ...RAW, ...options });

  describeInvariants(
    METHODS,
    (...args) => explain(...args),
    () => x,
  );

  test('Grad-CAM is CAM by the number of positions', async () => {
    const cam = await explain(cams.cam);
    const gradcam = await explain(cams.gradcam);
    const [, height, width] = cam.maps.shape as [number, number, number];
    const scaled = (cam.maps.data as Float32Array).map((value) => value / (height * width));
    expectClose(gradcam.maps, ke.tensor(scaled, cam.maps.shape));
  });

  describe.each(['gradcam', 'gradients', 'scorecam'])('%s', (name) => {
    const method = METHODS[name] as ke.AnyMethod;

    test('smooth with one repetition is the method', async () => {
      const { maps } = await explain(smooth(method, { repetitions: 1, noise: 5 }));
      expect(maps.data).toEqual((await explain(method)).maps.data);
    });

    test('smooth without noise is the method', async () => {
      const { logits, maps } = await explain(smooth(method, { repetitions: 3, noise: 0 }));
      const plain = await explain(method);
      expectClose(maps, plain.maps);
      expectClose(logits, plain.logits);
    });

    test('tta without scales and mirroring is the method', async () => {
      const { maps } = await explain(tta(method, { scales: [], hflip: false }));
      expect(maps.data).toEqual((await explain(method)).maps.data);
    });

    test('tta of a mirrored picture is the mirrored map', async () => {
      const method_ = tta(method, { scales: [0.75, 2] });
      const { maps } = await explain(method_);
      const turned = await explain(method_, UNITS, {}, mirrored(x));
      expectClose(mirrored(turned.maps), maps);
    });
  });

  test('the seed decides the noise', async () => {
    const of = async (seed?: number) =>
      (
        await explain(
          smooth(gradient.gradients, { repetitions: 3, noise: 0.5, ...(seed === undefined ? {} : { seed }) }),
        )
      ).maps;
    const [none, zero, one] = [await of(), await of(0), await of(1)];
    expect(zero.data).toEqual(none.data);
    expect(largestDifference(one, zero)).toBeGreaterThan(1e-3);
  });

  test('every repetition draws its own noise', async () => {
    const drawn: ke.Method = ({ model: network, inputs }) => ({ logits: network(inputs)[0], maps: inputs });
    const { maps } = await explain(smooth(drawn, { repetitions: 200, noise: 2 }), null);
    const noise = (maps.data as Float32Array).map((value, i) => (value - Number(x.data[i])) * 200);
    const deviation = Math.sqrt(noise.reduce((sum, value) => sum + value * value, 0) / noise.length);
    // The sum of 199 independent draws of standard deviation 2; one draw repeated would have 398.
    expect(deviation / (2 * Math.sqrt(199))).toBeGreaterThan(0.9);
    expect(deviation / (2 * Math.sqrt(199))).toBeLessThan(1.1);
  });

  test('full gradients by biases that are given are those that are found', async () => {
    const { layers, biases } = await ke.inspection.layersWithBiases(model, { exclude: ['predictions'] });
    expect(layers.map(({ name }) => name)).toEqual(['stem_bn', 'depthwise', 'depthwise_bn', 'features']);
    expect(biases.map(({ shape }) => shape)).toEqual([[8], [8], [8], [12]]);
    // 'features' has its ReLU inside, so that its output is not where its bias was added.
    const signals = layers.slice(0, 3);
    const view = ke.inspection.expose(model, signals, 'predictions');
    const given = await ke.explain(gradient.fullGradients, view, x, UNITS, {
      ...RAW,
      biases: biases.slice(0, 3),
    });
    const found = await ke.explain(gradient.fullGradients, view, x, UNITS, RAW);
    expectClose(given.maps, found.maps);
    const all = await ke.explain(gradient.fullGradients, model, x, UNITS, RAW);
    expect(largestDifference(all.maps, found.maps)).toBeGreaterThan(1e-3);
  });

  test('biases that do not fit are refused', async () => {
    const biases = [ke.tensor(new Float32Array(8), [8])];
    const given = ke.explain(gradient.fullGradients, model, x, UNITS, { ...RAW, biases });
    await expect(given).rejects.toThrow(
      '`biases` has 1 entries but the model has 0 outputs after its logits',
    );
    await expect(ke.inspection.biases(model, [ke.inspection.getNestedLayer(model, 'pool')])).rejects.toThrow(
      "The layer 'pool' (MaxPooling2D) adds no bias.",
    );
    const { biases: biasesOf, layersWithBiases } = ke.inspection;
    await expect(biasesOf(model, ['conv1' as never])).rejects.toThrow('argument `layers[0]`');
    await expect(layersWithBiases(model, { exlude: [] } as never)).rejects.toThrow('should be "exclude"');
    await expect(layersWithBiases(model, null as never)).rejects.toThrow('argument `options`');
    const closed = await ke.loadModel(tinyModel(keras));
    closed.close();
    await expect(layersWithBiases(closed)).rejects.toMatchObject({ name: 'ModelError', code: 'CLOSED' });
  });
});
