/** Configs and weights of Keras 1 beside the same layers of Keras 2, and configs that are refused. */
import { describe, expect, test } from 'vitest';
import * as ops from '../../../lib/graph/ops/index.js';
import type { Symbolic } from '../../../lib/graph/symbolic.js';
import { Config, type JsonObject } from '../../../lib/keras/config.js';
import type { LayerCall } from '../../../lib/keras/layer_kind.js';
import { layerKind } from '../../../lib/keras/layers/index.js';
import { tensor } from '../../../lib/tensor/tensor.js';
import { evaluateAll } from '../helpers/evaluate.js';

interface Layer {
  readonly name: string;
  readonly config: JsonObject;
  /** The shape of each weight, whose elements are numbered. */
  readonly weights?: readonly (readonly number[])[];
  readonly keras?: number;
}

const NO_CALL: LayerCall = { args: [], kwargs: {}, masks: [null, null] };

function numbered(shape: readonly number[], step = 0.37): Symbolic {
  const count = shape.reduce((product, size) => product * size, 1);
  return ops.constant(
    tensor(
      Float32Array.from({ length: count }, (_, i) => Math.sin(i * step + 1)),
      shape,
    ),
  );
}

function build({ name, config: entries, keras = 1 }: Layer, weights: readonly Symbolic[]) {
  const kind = layerKind(name);
  if (kind === undefined) throw new Error(`${name} is unknown.`);
  const config = new Config(entries, `layer 'old' (${name})`);
  const variables = kind.variables?.(config, keras) ?? [];
  const named = Object.fromEntries(
    variables.flatMap((spec, i) => (weights[i] === undefined ? [] : [[spec.name, weights[i]]])),
  );
  const parts = { config, weights: named, sublayers: {}, dtype: 'float32' as const, kerasVersion: keras };
  return { kind, parts, call: kind.build(parts) };
}

const apply = (layer: Layer, inputs: readonly Symbolic[], weights: readonly Symbolic[]): Symbolic =>
  build(layer, weights).call(inputs, NO_CALL) as Symbolic;

/** Expects two layers to compute the same. `convert` makes the weights of the second layer from those of the first. */
async function expectSame(
  old: Layer,
  current: Omit<Layer, 'weights'>,
  shapes: readonly (readonly number[])[],
  convert: (weights: Symbolic[]) => readonly Symbolic[] = (weights) => weights,
): Promise<void> {
  const [first, second] = await evaluateAll(() => {
    const inputs = shapes.map((shape, i) => numbered(shape, 0.61 + i / 10));
    const weights = (old.weights ?? []).map((shape) => numbered(shape));
    return [apply(old, inputs, weights), apply({ keras: 2, ...current }, inputs, convert(weights))];
  });
  expect(first?.shape).toEqual(second?.shape);
  expect(first?.values).toEqual(second?.values);
  expect(first?.values.length).toBeGreaterThan(0);
}

const transposeFirst =
  (order: readonly number[]) =>
  ([kernel, ...others]: Symbolic[]): Symbolic[] => [ops.transpose(kernel as Symbolic, order), ...others];

describe('a layer of Keras 1 computes the same as its successor', () => {
  const picture = [1, 5, 6, 2];
  const old = { nb_filter: 3, nb_row: 2, nb_col: 3, border_mode: 'same', subsample: [2, 2], bias: true };
  const current = { filters: 3, kernel_size: [2, 3], padding: 'same', strides: [2, 2], use_bias: true };

  test('Convolution2D', () =>
    expectSame(
      { name: 'Convolution2D', config: { ...old, dim_ordering: 'tf' }, weights: [[2, 3, 2, 3], [3]] },
      { name: 'Conv2D', config: current },
      [picture],
    ));

  test('Convolution2D with the kernels (filters, channels, rows, columns) of channels as axis 1', () =>
    expectSame(
      { name: 'Convolution2D', config: { ...old, dim_ordering: 'th' }, weights: [[3, 2, 2, 3], [3]] },
      { name: 'Conv2D', config: { ...current, data_format: 'channels_first' } },
      [[1, 2, 5, 6]],
      transposeFirst([2, 3, 1, 0]),
    ));

  test('AtrousConvolution2D', () =>
    expectSame(
      {
        name: 'AtrousConvolution2D',
        config: { ...old, subsample: [1, 1], atrous_rate: [2, 1], bias: false },
        weights: [[2, 3, 2, 3]],
      },
      { name: 'Conv2D', config: { ...current, strides: 1, dilation_rate: [2, 1], use_bias: false } },
      [picture],
    ));

  const line = {
    nb_filter: 3,
    filter_length: 2,
    border_mode: 'valid',
    subsample_length: 2,
    activation: 'relu',
  };
  const lineNow = { filters: 3, kernel_size: [2], strides: [2], activation: 'relu' };
  test('Convolution1D', () =>
    expectSame(
      { name: 'Convolution1D', config: line, weights: [[2, 1, 4, 3], [3]] },
      { name: 'Conv1D', config: lineNow },
      [[2, 6, 4]],
      ([kernel, bias]) => [ops.squeeze(kernel as Symbolic, 1), bias as Symbolic],
    ));

  test('Convolution1D with the kernel of Keras 1.1', () =>
    expectSame(
      { name: 'Convolution1D', config: line, weights: [[3, 4, 2, 1], [3]] },
      { name: 'Conv1D', config: lineNow },
      [[2, 6, 4]],
      ([kernel, bias]) => [ops.squeeze(ops.transpose(kernel as Symbolic, [2, 3, 1, 0]), 1), bias as Symbolic],
    ));

  test('Convolution3D of channels as axis 1', () =>
    expectSame(
      {
        name: 'Convolution3D',
        config: { nb_filter: 2, kernel_dim1: 2, kernel_dim2: 2, kernel_dim3: 1, dim_ordering: 'th' },
        weights: [[2, 3, 2, 2, 1], [2]],
      },
      { name: 'Conv3D', config: { filters: 2, kernel_size: [2, 2, 1], data_format: 'channels_first' } },
      [[1, 3, 3, 3, 2]],
      transposeFirst([2, 3, 4, 1, 0]),
    ));

  test('Deconvolution2D, of a size that the config gives', () =>
    expectSame(
      {
        name: 'Deconvolution2D',
        config: { ...old, border_mode: 'valid', output_shape: [null, 8, 9, 3] },
        weights: [[2, 3, 2, 3], [3]],
      },
      {
        name: 'Conv2DTranspose',
        config: { filters: 3, kernel_size: [2, 3], strides: [2, 2], output_padding: [0, 0] },
      },
      [[1, 4, 4, 2]],
      transposeFirst([0, 1, 3, 2]),
    ));

  test('SeparableConvolution2D', () =>
    expectSame(
      {
        name: 'SeparableConvolution2D',
        config: { ...old, depth_multiplier: 2 },
        weights: [[2, 3, 2, 2], [1, 1, 4, 3], [3]],
      },
      { name: 'SeparableConv2D', config: { ...current, depth_multiplier: 2 } },
      [picture],
    ));

  test('Dense', () =>
    expectSame(
      {
        name: 'Dense',
        config: { output_dim: 3, bias: false, activation: 'hard_sigmoid' },
        weights: [[4, 3]],
      },
      { name: 'Dense', config: { units: 3, use_bias: false, activation: 'hard_sigmoid' } },
      [[2, 4]],
    ));

  test('BatchNormalization', () =>
    expectSame(
      { name: 'BatchNormalization', config: { mode: 0, axis: 1, epsilon: 2 }, weights: [[3], [3], [3], [3]] },
      { name: 'BatchNormalization', config: { axis: [1], epsilon: 2 } },
      [[2, 3, 2, 2]],
    ));

  test.each<[string, string, JsonObject, JsonObject, number[]]>([
    [
      'MaxPooling1D',
      'MaxPooling1D',
      { pool_length: 3, stride: 2, border_mode: 'same' },
      { pool_size: [3], strides: [2], padding: 'same' },
      [2, 6, 4],
    ],
    [
      'AveragePooling2D',
      'AveragePooling2D',
      { pool_size: [2, 2], strides: [1, 1], dim_ordering: 'th' },
      { pool_size: 2, strides: 1, data_format: 'channels_first' },
      [1, 2, 3, 4],
    ],
    [
      'ZeroPadding2D',
      'ZeroPadding2D',
      { padding: [1, 0, 2, 3] },
      {
        padding: [
          [1, 0],
          [2, 3],
        ],
      },
      [1, 2, 3, 2],
    ],
    ['UpSampling1D', 'UpSampling1D', { length: 3 }, { size: 3 }, [1, 2, 2]],
  ])('%s', (name, successor, config, now, shape) =>
    expectSame({ name, config }, { name: successor, config: now }, [shape]),
  );

  test.each<[string, string, JsonObject, JsonObject]>([
    ['sum', 'Add', {}, {}],
    ['mul', 'Multiply', {}, {}],
    ['ave', 'Average', {}, {}],
    ['max', 'Maximum', {}, {}],
    ['concat', 'Concatenate', { concat_axis: 1 }, { axis: 1 }],
    ['dot', 'Dot', { dot_axes: [2, 2] }, { axes: [2, 2] }],
  ])('Merge of mode %s', (mode, successor, config, now) =>
    expectSame({ name: 'Merge', config: { mode, ...config } }, { name: successor, config: now }, [
      [2, 3, 4],
      [2, 3, 4],
    ]),
  );

  test('Merge of mode cos', async () => {
    const [result] = await evaluateAll(() => [
      apply(
        { name: 'Merge', config: { mode: 'cos', dot_axes: 1 } },
        [ops.constant([[3, 4]]), ops.constant([[4, 3]])],
        [],
      ),
    ]);
    expect(result?.shape).toEqual([1, 1, 1]);
    expect(result?.values[0]).toBeCloseTo(24 / 25, 6);
  });
});

describe('masks of merged inputs', () => {
  /** Stands for no mask. */
  const NONE = [-1];
  const masksOf = (name: string, keras: number, config: JsonObject, masks: (number[][] | null)[]) =>
    evaluateAll(() => {
      const inputs = masks.map(() => numbered([2, 3, 1]));
      const { kind, parts } = build({ name, config, keras }, []);
      if (typeof kind.mask !== 'function') throw new Error(`${name} has no mask of its own.`);
      const given = masks.map((mask) => (mask === null ? null : ops.constant(mask, 'bool')));
      const mask = kind.mask(parts, inputs, { args: [], kwargs: {}, masks: given });
      return [mask === null ? ops.constant(-1, 'int32') : ops.cast(mask as Symbolic, 'int32')];
    });
  const [a, b] = [
    [
      [1, 1, 0],
      [1, 0, 0],
    ],
    [
      [1, 0, 0],
      [1, 1, 0],
    ],
  ];

  test('an elementwise merge keeps what all inputs keep in Keras 2, and what any input keeps in Keras 3', async () => {
    expect((await masksOf('Add', 2, {}, [a, b]))[0]?.values).toEqual([1, 0, 0, 1, 0, 0]);
    expect((await masksOf('Add', 3, {}, [a, b]))[0]?.values).toEqual([1, 1, 0, 1, 1, 0]);
    expect((await masksOf('Add', 2, {}, [a, null]))[0]?.values).toEqual([1, 1, 0, 1, 0, 0]);
    expect((await masksOf('Add', 3, {}, [a, null]))[0]?.values).toEqual(NONE);
    expect((await masksOf('Multiply', 2, {}, [null, null]))[0]?.values).toEqual(NONE);
  });

  test('a concatenation of steps joins the masks, and one of channels merges them', async () => {
    for (const keras of [2, 3]) {
      const [joined] = await masksOf('Concatenate', keras, { axis: 1 }, [a, b]);
      expect(joined?.values).toEqual([1, 1, 0, 1, 0, 0, 1, 0, 0, 1, 1, 0]);
    }
    expect((await masksOf('Concatenate', 2, { axis: -1 }, [a, b]))[0]?.values).toEqual([1, 0, 0, 1, 0, 0]);
    expect((await masksOf('Concatenate', 3, { axis: -1 }, [a, b]))[0]?.values).toEqual([1, 1, 0, 1, 1, 0]);
    expect((await masksOf('Concatenate', 2, { axis: -1 }, [a, null]))[0]?.values).toEqual([1, 1, 0, 1, 0, 0]);
  });
});

describe('a config that is damaged or not supported is refused', () => {
  const kernel = [2, 2, 2, 3];
  test.each<[string, Layer, readonly (readonly number[])[], string]>([
    [
      'a stride of 0',
      { name: 'Conv2D', config: { strides: [0, 1], use_bias: false }, weights: [kernel] },
      [[1, 4, 4, 2]],
      '`strides`',
    ],
    [
      'an unknown padding',
      { name: 'Conv2D', config: { padding: 'full', use_bias: false }, weights: [kernel] },
      [[1, 4, 4, 2]],
      '`padding`',
    ],
    [
      'causal padding of pictures',
      { name: 'Conv2D', config: { padding: 'causal', use_bias: false }, weights: [kernel] },
      [[1, 4, 4, 2]],
      '`padding`',
    ],
    [
      'an unknown order of axes',
      { name: 'Conv2D', config: { data_format: 'NHWC', use_bias: false }, weights: [kernel] },
      [[1, 4, 4, 2]],
      '`data_format`',
    ],
    [
      'a kernel of another rank',
      { name: 'Conv2D', config: { use_bias: false }, weights: [[2, 2, 2]] },
      [[1, 4, 4, 2]],
      "weight 'kernel' of 4 axes",
    ],
    [
      'a bias that is missing',
      { name: 'Dense', config: {}, weights: [[2, 3]] },
      [[1, 2]],
      "no weight 'bias'",
    ],
    [
      'an unknown activation function',
      { name: 'Activation', config: { activation: 'my_function' } },
      [[1, 2]],
      "'my_function'",
    ],
    [
      'a name that every object has',
      { name: 'Activation', config: { activation: 'constructor' } },
      [[1, 2]],
      "'constructor'",
    ],
    [
      'an activation that is no name',
      { name: 'Activation', config: { activation: 3 } },
      [[1, 2]],
      '`activation`',
    ],
    ['quantised weights', { name: 'Dense', config: { dtype: 'int8_from_float32' } }, [[1, 2]], 'quantised'],
    ['statistics of the batch', { name: 'BatchNormalization', config: { mode: 2 } }, [[1, 2]], '`mode`'],
    [
      'too many windows',
      { name: 'AdaptiveMaxPooling1D', config: { output_size: 1e9 } },
      [[1, 2, 2]],
      '`output_size`',
    ],
    ['a negative padding', { name: 'ZeroPadding1D', config: { padding: -1 } }, [[1, 2, 2]], '`padding`'],
    ['a crop of everything', { name: 'Cropping1D', config: { cropping: [1, 1] } }, [[1, 2, 2]], 'crops more'],
    [
      'two sizes to infer',
      { name: 'Reshape', config: { target_shape: [-1, -1] } },
      [[1, 2]],
      '`target_shape`',
    ],
    ['no permutation', { name: 'Permute', config: { dims: [1, 1] } }, [[1, 2, 2]], '`dims`'],
    [
      'a dot product over the batch',
      { name: 'Dot', config: { axes: 0 } },
      [
        [2, 2],
        [2, 2],
      ],
      '`axes`',
    ],
    [
      'two inputs of a layer of one',
      { name: 'Flatten', config: {} },
      [
        [1, 2],
        [1, 2],
      ],
      'Expected 1 input',
    ],
    ['one input of a layer of two', { name: 'Subtract', config: {} }, [[1, 2]], 'Expected 2 inputs'],
    [
      'a sparse output',
      { name: 'CategoryEncoding', config: { num_tokens: 3, sparse: true } },
      [[1, 2]],
      'sparse',
    ],
    [
      'a vocabulary of texts',
      { name: 'IntegerLookup', config: { vocabulary: ['a'] } },
      [[1, 1]],
      '`vocabulary`',
    ],
    [
      'boundaries that were adapted',
      { name: 'Discretization', config: { num_bins: 3 } },
      [[1, 1]],
      'adapt()',
    ],
    [
      'groups that do not divide the channels',
      { name: 'GroupNormalization', config: { groups: 2, scale: false, center: false } },
      [[1, 2, 3]],
      '2 groups',
    ],
  ])('%s', async (_, layer, shapes, message) => {
    const refusal = evaluateAll(() => {
      const weights = (layer.weights ?? []).map((shape) => numbered(shape));
      return [
        apply(
          { keras: 2, ...layer },
          shapes.map((shape) => numbered(shape)),
          weights,
        ),
      ];
    });
    await expect(refusal).rejects.toThrow(message);
    await expect(refusal).rejects.toThrow(layer.name);
  });

  test('an integer outside of a vocabulary without a place for others', async () => {
    const layer: Layer = {
      name: 'IntegerLookup',
      config: { vocabulary: [4, 7], num_oov_indices: 0 },
      keras: 3,
    };
    const lookUp = (id: number) => evaluateAll(() => [apply(layer, [ops.constant([[id]], 'int64')], [])]);
    expect((await lookUp(7))[0]?.values).toEqual([1n]);
    await expect(lookUp(5)).rejects.toThrow();
  });
});
