/**
 * The models of scripts/fixtures/make_tiny.py, by numbers worked out on paper.
 *
 * Channels a = [[1, 2], [3, -1]] and b = [[0, 1], [1, 0]] of a 2x2 image. The convolution's two filters:
 *
 *     A0 = relu(a)          = [[1, 2], [3, 0]]     mean 1.5
 *     A1 = relu(1 - a + 2b) = [[0, 1], [0, 2]]     mean 0.75   (1 - 1 = 0 and 1 - 3 + 2 = 0: not above 0)
 *
 * Dense weights W0 = (1, 2, -1) for A0 and W1 = (4, 0, 2) for A1, offsets (0.25, 0.5, 1):
 *
 *     logits = (1.5 + 3 + 0.25, 3 + 0 + 0.5, -1.5 + 1.5 + 1) = (4.75, 3.5, 1)
 *
 * Grad-CAM: of every position ∂logit/∂Ak = Wk / 4, so map = (W0 A0 + W1 A1) / 4.
 *
 * Gradients: ∂/∂a = W0 [a > 0] / 4 - W1 [1 - a + 2b > 0] / 4 and ∂/∂b = 2 W1 [1 - a + 2b > 0] / 4; a map is the mean
 * of their absolute values. [a > 0] = [[1, 1], [1, 0]]; [1 - a + 2b > 0] = [[0, 1], [0, 1]].
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as ke from '../../../lib/index.js';

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/tiny/${name}`, import.meta.url));

/** One sample, channels last. */
const SAMPLE = [1, 0, 2, 1, 3, 1, -1, 0];
const LOGITS = [4.75, 3.5, 1];
/** By unit, rows of the image one after the other. */
const GRADCAM = [
  [0.25, 1.5, 0.75, 2],
  [0.5, 1, 1.5, 0],
  [-0.25, 0, -0.75, 1],
];
const GRADIENTS = [
  [0.125, 1.375, 0.125, 1.5],
  [0.25, 0.25, 0.25, 0],
  [0.125, 0.875, 0.125, 0.75],
];

/** The maps of `units`, channels last as `explain` gives them. */
const mapsOf = (table: readonly (readonly number[])[], units: readonly number[]) =>
  [0, 1, 2, 3].flatMap((position) => units.map((unit) => table[unit]?.[position] as number));

const batch = (n: number) =>
  ke.tensor(
    Float32Array.from({ length: 8 * n }, (_, i) => SAMPLE[i % 8] as number),
    [n, 2, 2, 2],
  );
const repeat = <T>(values: readonly T[], n: number) => Array.from({ length: n }, () => values).flat();
const raw = { resizing: false, verbose: 0 } as const;

function expectClose(actual: ke.Tensor, expected: readonly number[]): void {
  const data = [...(actual.data as Float32Array)];
  expect(data.length).toBe(expected.length);
  data.forEach((value, i) => {
    expect(Math.abs(value - (expected[i] as number)), `element ${i} of ${data}`).toBeLessThan(1e-6);
  });
}

describe.each([
  ['a frozen GraphDef', 'frozen.pb', { inputs: ['x'], outputs: ['logits', 'activations'] }],
  ['a SavedModel of Keras 3', 'saved_model', {}],
])('%s', (_, file, options) => {
  let whole: Awaited<ReturnType<typeof ke.loadModel>>;
  let model: typeof whole;

  beforeAll(async () => {
    whole = await ke.loadModel(fixture(file), { ...options, threads: { interOp: 2 } });
    model = file === 'frozen.pb' ? whole : ke.inspection.expose(whole);
  });

  afterAll(() => whole.close());

  it('says what it takes and gives', () => {
    expect(model.inputs.map(({ dtype, shape }) => [dtype, shape])).toEqual([['float32', [null, 2, 2, 2]]]);
    expect(model.outputs.map(({ shape }) => shape)).toEqual([
      [null, 3],
      [null, 2, 2, 2],
    ]);
  });

  it('predicts', async () => {
    const [logits, activations] = (await model.predict(batch(3), { batchSize: 2 })) as ke.Tensor[];
    expect(logits?.shape).toEqual([3, 3]);
    expectClose(logits as ke.Tensor, repeat(LOGITS, 3));
    expectClose(activations as ke.Tensor, repeat([1, 0, 2, 1, 3, 0, 0, 2], 3));
  });

  it.each([
    ['every unit', undefined, [0, 1, 2]],
    ['one unit', [[2], [2], [2]], [2]],
    ['three units', repeat([[1, 0, 2]], 3), [1, 0, 2]],
    ['a unit twice', repeat([[1, 1]], 3), [1, 1]],
  ])('gives the Grad-CAM and gradients of %s', async (_units, y, units) => {
    for (const batchSize of [1, 2, 3]) {
      const cam = await ke.explain(ke.methods.cams.gradcam, model, batch(3), y, { ...raw, batchSize });
      expect(cam.logits.shape).toEqual([3, units.length]);
      expect(cam.maps.shape).toEqual([3, 2, 2, units.length]);
      expectClose(
        cam.logits,
        repeat(
          units.map((unit) => LOGITS[unit] as number),
          3,
        ),
      );
      expectClose(cam.maps, repeat(mapsOf(GRADCAM, units), 3));
      expect(model.explainCounter).toBe(Math.ceil(3 / batchSize));

      const saliency = await ke.explain(ke.methods.gradient.gradients, model, batch(3), y, {
        ...raw,
        batchSize,
      });
      expectClose(
        saliency.logits,
        repeat(
          units.map((unit) => LOGITS[unit] as number),
          3,
        ),
      );
      expectClose(saliency.maps, repeat(mapsOf(GRADIENTS, units), 3));
    }
  });

  it('gives each sample the units that it asked for', async () => {
    const { maps, logits } = await ke.explain(ke.methods.cams.gradcam, model, batch(3), [[0], [1], [2]], raw);
    expectClose(logits, LOGITS);
    expectClose(maps, GRADCAM.flat());
  });

  it('tells samples of a batch apart', async () => {
    // The second sample is zeros: A0 = 0, A1 = 1, logits = W1 + offsets = (4.25, 0.5, 3), maps W1 / 4.
    const x = ke.tensor([...SAMPLE, ...Array(8).fill(0)], [2, 2, 2, 2]);
    const { maps, logits } = await ke.explain(ke.methods.cams.gradcam, model, x, null, raw);
    expectClose(logits, [...LOGITS, 4.25, 0.5, 3]);
    expectClose(maps, [...mapsOf(GRADCAM, [0, 1, 2]), ...repeat([1, 0, 0.5], 4)]);
  });

  it('filters maps', async () => {
    const of = async (postprocessing: ke.Filter) =>
      (await ke.explain(ke.methods.cams.gradcam, model, batch(1), [[2]], { ...raw, postprocessing })).maps;
    const { filters } = ke;
    // The raw map is (-0.25, 0, -0.75, 1).
    expectClose(await of(filters.normalize), [0.5 / 1.75, 0.75 / 1.75, 0, 1]);
    expectClose(await of(filters.positive), [0, 0, 0, 1]);
    expectClose(await of(filters.negative), [0.25, 0, 0.75, 0]);
    expectClose(await of(filters.positiveNormalize), [0, 0, 0, 1]);
    expectClose(await of(filters.absoluteNormalize), [0.25, 0, 0.75, 1]);
    expectClose(await of(filters.negativeNormalize), [1 / 3, 0, 1, 0]);
  });

  it('normalises a constant map to zeros', async () => {
    const zeros = ke.tensor(new Float32Array(8), [1, 2, 2, 2]);
    const { maps } = await ke.gradcam(model, zeros, [[0]], { resizing: false });
    expectClose(maps, [0, 0, 0, 0]);
  });

  it('resizes maps', async () => {
    const { maps } = await ke.explain(ke.methods.cams.gradcam, model, batch(1), [[0]], {
      resizing: [4, 1],
      verbose: 0,
    });
    expect(maps.shape).toEqual([1, 4, 1, 1]);
    // Columns (0.25, 1.5) and (0.75, 2) are halved to 0.875 and 1.375; then rows at 0, 1/4, 3/4 and 1 between them.
    expectClose(maps, [0.875, 1, 1.25, 1.375]);
    const same = await ke.explain(ke.methods.cams.gradcam, model, batch(1), [[0]], {
      resizing: true,
      verbose: 0,
    });
    expectClose(same.maps, GRADCAM[0] as number[]);
  });

  it('explains by a method that a user wrote, as by a built-in one', async () => {
    const { ops, batchJacobian } = ke.graph;
    const gradcamOfMine: ke.Method = ({ model: network, inputs, indices, spatialAxis }) => {
      const [outputs, activations] = network(inputs, 2);
      const logits = ke.inspection.gatherUnits(outputs, indices);
      const jacobian = batchJacobian(logits, activations);
      const weights = ops.reduceMean(jacobian, spatialAxis);
      return { logits, maps: ops.einsum('b...k,bck->b...c', activations, weights) };
    };
    const mine = await ke.explain(
      gradcamOfMine,
      model,
      batch(2),
      [
        [0, 2],
        [1, 2],
      ],
      raw,
    );
    const theirs = await ke.explain(
      ke.methods.cams.gradcam,
      model,
      batch(2),
      [
        [0, 2],
        [1, 2],
      ],
      raw,
    );
    expect(mine.maps.data).toEqual(theirs.maps.data);
    expect(mine.logits.data).toEqual(theirs.logits.data);
  });

  it('takes parameters of a method', async () => {
    // Squares: (0.25² + 0) / 2, ((-0.75)² + 2²) / 2, ..., ((-1)² + 2²) / 2
    const { maps } = await ke.explain(ke.methods.gradient.gradients, model, batch(1), [[0]], {
      ...raw,
      gradientFilter: ke.graph.ops.square,
    });
    expectClose(maps, [0.03125, 2.28125, 0.03125, 2.5]);
  });

  it.each(['float64', 'float16', 'bfloat16', 'int8', 'int32', 'int64'] as const)(
    'is fed %s',
    async (dtype) => {
      const x = ke.tensor(SAMPLE, [1, 2, 2, 2], dtype);
      const { maps, logits } = await ke.explain(ke.methods.cams.gradcam, model, x, [[0]], raw);
      expectClose(logits, [4.75]);
      expectClose(maps, GRADCAM[0] as number[]);
    },
  );

  it('calls the model as often as a method likes', async () => {
    const { ops } = ke.graph;
    const difference: ke.Method = ({ model: network, inputs }) => {
      const [once] = network(inputs);
      const [again] = network(ops.zerosLike(inputs));
      return { logits: ops.subtract(once, again), maps: inputs };
    };
    const { logits } = await ke.explain(difference, model, batch(2), null, raw);
    expectClose(logits, repeat([4.75 - 4.25, 3.5 - 0.5, 1 - 3], 2));
  });

  it('feeds memory from `allocate` without a copy', async () => {
    // Two parts of two samples, 64 bytes each: TensorFlow copies what is not aligned to that.
    const x = ke.allocate([4, 2, 2, 2]);
    x.data.set(repeat(SAMPLE, 4));
    const before = ke.memory().copiedInBytes;
    const { maps } = await ke.explain(ke.methods.cams.gradcam, model, x, null, raw);
    expect(ke.memory().copiedInBytes).toBe(before);
    expectClose(maps, repeat(mapsOf(GRADCAM, [0, 1, 2]), 4));
  });
});

describe('a model of two inputs', () => {
  let model: Awaited<ReturnType<typeof ke.loadModel>>;
  beforeAll(async () => {
    model = await ke.loadModel(fixture('two_inputs'));
  });
  afterAll(() => model.close());

  const image = ke.tensor([1, 2, 3, 6, 2, 2, 2, 2], [2, 2, 2, 1]); // means 3 and 2
  const scale = ke.tensor([[10], [-1]]);

  it('takes them in order or by name', async () => {
    const byName = (await model.predict({ image, scale })) as ke.Tensor;
    expectClose(byName, [30, 60, -2, -4]);
    const inOrder = model.inputs.map(({ name }) => (name === 'image' ? image : scale));
    expectClose((await model.predict(inOrder)) as ke.Tensor, [30, 60, -2, -4]);
  });

  it('is explained by the first input, the other taken from the batch', async () => {
    const names = model.inputs.map(({ name }) => name);
    const saliency: ke.Method = ({ model: network, inputs, allInputs }) => {
      const picture = allInputs[names.indexOf('image')] as ke.graph.Symbolic;
      const [logits] = network(allInputs);
      const jacobian = ke.graph.batchJacobian(logits, picture);
      expect(inputs).toBe(allInputs[0]);
      return { logits, maps: ke.methods.gradient.transposeJacobian(ke.graph.ops.squeeze(jacobian, -1), 2) };
    };
    const { maps } = await ke.explain(saliency, model, { image, scale }, null, raw);
    // ∂(mean · scale · w) / ∂pixel = scale · w / 4
    expectClose(maps, [...repeat([2.5, 5], 4), ...repeat([-0.25, -0.5], 4)]);
  });
});
