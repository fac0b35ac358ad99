/** Operations of `keras.ops.image`, and the pooling and convolutions of `keras.ops.nn`. */
import { constant, op } from '../../graph/operand.js';
import { multiply } from '../../graph/ops/arithmetic.js';
import { pad, transpose } from '../../graph/ops/array.js';
import { slice } from '../../graph/ops/indexing.js';
import { reduceSum } from '../../graph/ops/reduction.js';
import type { Symbolic } from '../../graph/symbolic.js';
import { Config, type JsonObject } from '../config.js';
import type { LayerKind } from '../layer_kind.js';
import { inChannelsLast } from '../layers/channels.js';
import { convolve, convolveDepthwise, type Geometry } from '../layers/convolution.js';
import { IMAGE_LAYERS } from '../layers/image_preprocessing.js';
import { POOLING_LAYERS } from '../layers/pooling.js';
import { minus, type Size, sizesOf } from '../layers/sizes.js';
import type { Arguments } from './arguments.js';
import { type Compute, type Operation, operations } from './operation.js';
import { asFloating, promoted } from './promotion.js';

/** Computes an operation as the layer of class `className` computes its input. */
function asLayer(
  kinds: readonly LayerKind[],
  className: string,
  entries: JsonObject,
  x: Symbolic,
  args: Arguments,
): Symbolic {
  const kind = kinds.find(({ names }) => names.includes(className)) as LayerKind;
  const config = new Config(entries, args.config.owner);
  const layer = kind.build({ config, weights: {}, sublayers: {}, dtype: x.dtype, kerasVersion: 3 });
  return layer([x], { args: [x], kwargs: {}, masks: [null] }) as Symbolic;
}

const isFirst = (args: Arguments) => args.string('data_format', 'channels_last') === 'channels_first';

/** A function of images (N, H, W, C) or (H, W, C), whose channels may be the first axis of an image. */
const ofImages =
  (compute: (images: Symbolic, args: Arguments) => Symbolic): Compute =>
  (args) => {
    const images = args.tensor('images');
    if (!isFirst(args)) return compute(images, args);
    const last = images.rank === 3 ? [1, 2, 0] : [0, 2, 3, 1];
    const first = images.rank === 3 ? [2, 0, 1] : [0, 3, 1, 2];
    return transpose(compute(transpose(images, last), args), first);
  };

const resized = ofImages((images, args) => {
  const [height, width] = args.integers('size') as [number, number];
  if (args.string('fill_mode', 'constant') !== 'constant') args.refuse('fill_mode', "'constant'");
  const entries = {
    height,
    width,
    interpolation: args.string('interpolation', 'bilinear'),
    antialias: args.boolean('antialias', false),
    crop_to_aspect_ratio: args.boolean('crop_to_aspect_ratio', false),
    pad_to_aspect_ratio: args.boolean('pad_to_aspect_ratio', false),
    fill_value: args.number('fill_value', 0),
  };
  return asLayer(IMAGE_LAYERS, 'Resizing', entries, images, args);
});

/** The shares of red, green and blue in the luminance, as TensorFlow has them. */
const LUMINANCE = [0.2989, 0.587, 0.114];

const grayscale = ofImages((images) => {
  const x = asFloating(images);
  return reduceSum(multiply(x, constant(LUMINANCE, x.dtype)), -1, { keepdims: true });
});

/** Returns what is added or cut before and after an axis. One of three numbers follows from the others. */
function edges(
  args: Arguments,
  names: readonly [string, string, string],
  size: Size,
  sign: 1 | -1,
): [Size, Size] {
  const [before, after, target] = names.map((name) => (args.has(name) ? args.integer(name) : undefined));
  const total = (known: number): Size =>
    sign === 1 ? minus(minus(target as number, known), size) : minus(minus(size, target as number), known);
  const first = before ?? total(after ?? 0);
  const last = after ?? total(before ?? 0);
  for (const edge of [first, last]) {
    if (typeof edge === 'number' && edge < 0) args.refuse(names[2], 'a size that leaves no negative edge');
  }
  return [first, last];
}

/** Returns (H, W, C) or (N, H, W, C) with the first spatial axis. */
const rowsOf = (images: Symbolic) => images.rank - 3;

const padded = ofImages((images, args) => {
  const sizes = sizesOf(images);
  const at = rowsOf(images);
  const rows = edges(args, ['top_padding', 'bottom_padding', 'target_height'], sizes[at] as Size, 1);
  const columns = edges(args, ['left_padding', 'right_padding', 'target_width'], sizes[at + 1] as Size, 1);
  if (![...rows, ...columns].every((edge) => typeof edge === 'number')) {
    args.refuse('images', 'of a known size');
  }
  const amounts = [rows, columns, [0, 0]] as [number, number][];
  return pad(images, at === 0 ? amounts : [[0, 0], ...amounts]);
});

const cropped = ofImages((images, args) => {
  const sizes = sizesOf(images);
  const at = rowsOf(images);
  const rows = edges(args, ['top_cropping', 'bottom_cropping', 'target_height'], sizes[at] as Size, -1);
  const columns = edges(args, ['left_cropping', 'right_cropping', 'target_width'], sizes[at + 1] as Size, -1);
  const begin = sizes.map((_, i) => (i === at ? rows[0] : i === at + 1 ? columns[0] : 0));
  const rest = ([before, after]: [Size, Size], size: Size) => minus(minus(size, before), after);
  const kept = sizes.map((size, i) =>
    i === at ? rest(rows, size) : i === at + 1 ? rest(columns, size) : -1,
  );
  return slice(images, begin, kept);
});

/** Returns a pair from one integer or two. */
const pair = (args: Arguments, name: string, fallback: readonly number[]): [number, number] => {
  const [a, b = a] = args.integers(name, fallback) as [number, number?];
  return [a, b];
};

const patches = ofImages((images, args) => {
  const size = pair(args, 'size', []);
  const strides = args.has('strides') ? pair(args, 'strides', size) : size;
  const rates = pair(args, 'dilation_rate', [1]);
  if (images.rank !== 4) args.refuse('images', 'a batch of images');
  return op('ExtractImagePatches', [images], {
    ksizes: { ints: [1, ...size, 1] },
    strides: { ints: [1, ...strides, 1] },
    rates: { ints: [1, ...rates, 1] },
    padding: args.string('padding', 'valid').toUpperCase(),
  });
});

const pooled =
  (mode: 'Max' | 'Average'): Compute =>
  (args) => {
    const x = asFloating(args.value('inputs'));
    const rank = x.rank - 2;
    const entries = {
      pool_size: args.integers('pool_size'),
      strides: args.has('strides') ? args.integers('strides') : null,
      padding: args.string('padding', 'valid').toLowerCase(),
      data_format: args.string('data_format', 'channels_last'),
    };
    const each = (list: number[] | null) => (list?.length === 1 ? (list[0] as number) : list);
    const spread = { ...entries, pool_size: each(entries.pool_size), strides: each(entries.strides) };
    return asLayer(POOLING_LAYERS, `${mode}Pooling${rank}D`, spread, x, args);
  };

/** Returns the geometry of a convolution of `rank` spatial axes. */
function geometryOf(args: Arguments, rank: number): Geometry {
  const each = (name: string) => {
    const list = args.integers(name, [1]);
    return list.length === 1 ? new Array<number>(rank).fill(list[0] as number) : list;
  };
  const padding = args.string('padding', 'valid').toLowerCase();
  if (padding !== 'valid' && padding !== 'same') return args.refuse('padding', "'valid' or 'same'");
  return { strides: each('strides'), dilation: each('dilation_rate'), padding };
}

const convolution =
  (apply: typeof convolve): Compute =>
  (args) => {
    const [x, kernel] = promoted([args.value('inputs'), args.value('kernel')], true) as [Symbolic, Symbolic];
    const geometry = geometryOf(args, x.rank - 2);
    return inChannelsLast(x, isFirst(args), (last) => apply(last, kernel, geometry));
  };

export const IMAGE_OPERATIONS: readonly Operation[] = [
  ...operations('images', {
    Resize: resized,
    RGBToGrayscale: grayscale,
    RGBToHSV: ofImages((images) => op('RGBToHSV', [images])),
    HSVToRGB: ofImages((images) => op('HSVToRGB', [images])),
    PadImages: padded,
    CropImages: cropped,
    ExtractPatches: patches,
  }),
  ...operations('inputs', { MaxPool: pooled('Max'), AveragePool: pooled('Average') }),
  ...operations('inputs kernel', {
    Conv: convolution(convolve),
    DepthwiseConv: convolution(convolveDepthwise),
  }),
];
