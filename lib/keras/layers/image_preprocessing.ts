/** Keras' layers that prepare images: scaling, resizing and cropping. Augmentations do nothing at inference. */

import { op } from '../../graph/operand.js';
import {
  add,
  clipByValue,
  divide,
  maximum,
  minimum,
  multiply,
  round,
  subtract,
} from '../../graph/ops/arithmetic.js';
import { cast, constant, onesLike, pad, sizes, stack } from '../../graph/ops/array.js';
import { equal, where } from '../../graph/ops/comparison.js';
import { slice } from '../../graph/ops/indexing.js';
import { reduceMax, reduceMin } from '../../graph/ops/reduction.js';
import type { Symbolic } from '../../graph/symbolic.js';
import { ModelError } from '../../support/errors.js';
import { isFloating } from '../../tensor/dtype.js';
import { type Config, isList } from '../config.js';
import type { LayerKind, LayerParts } from '../layer_kind.js';
import { inChannelsLast } from './channels.js';
import { INTERPOLATIONS, type Interpolation, resizeImages } from './image_resize.js';
import { numbersOf } from './number_lists.js';
import { isChannelsFirst, ofOneInput, passSinceKeras3, positiveInteger } from './options.js';
import { minus, quotient, type Size, sizesOf, times } from './sizes.js';

type Extent = readonly [height: Size, width: Size];

/** Converts images to the layer's compute dtype. */
const inDtype = (x: Symbolic, { dtype }: LayerParts): Symbolic => cast(x, dtype);

const rescaling: LayerKind = {
  names: ['Rescaling'],
  build(parts) {
    const scale = numbersOf(parts.config, 'scale') ?? parts.config.fail('scale', 'numbers');
    const offset = numbersOf(parts.config, 'offset') ?? 0;
    const value = (numbers: typeof scale) => constant(numbers, parts.dtype);
    return ofOneInput(parts, (x) => add(multiply(inDtype(x, parts), value(scale)), value(offset)));
  },
  mask: passSinceKeras3,
};

/** Returns the integer part of a · b / c, computed in float32 as Keras does. */
function scaled(a: Size, b: number, c: number): Size {
  if (typeof a === 'number') return Math.trunc(Math.fround(Math.fround(a * b) / c));
  return cast(divide(cast(times(a, b) as Symbolic, 'float32'), c), 'int32');
}

const least = (a: Size, b: Size): Size =>
  typeof a === 'number' && typeof b === 'number' ? Math.min(a, b) : minimum(a, b);
const most = (a: Size, b: Size): Size =>
  typeof a === 'number' && typeof b === 'number' ? Math.max(a, b) : maximum(a, b);

/** Returns the largest size within `source` that has the aspect ratio of `target`. */
function largestWithin([height, width]: Extent, [tall, wide]: readonly [number, number]): Extent {
  return [
    most(least(height, scaled(width, tall, wide)), 1),
    most(least(width, scaled(height, wide, tall)), 1),
  ];
}

/** Returns the middle `extent` of images (N, H, W, C). */
function middle(images: Symbolic, [height, width]: Extent): Symbolic {
  const [, tall, wide] = sizesOf(images) as [Size, Size, Size];
  if (height === tall && width === wide) return images;
  const begin = [0, quotient(minus(tall, height), 2), quotient(minus(wide, width), 2), 0];
  return slice(images, sizes(begin), sizes([-1, height, width, -1]));
}

const extentOf = (images: Symbolic, { config }: LayerParts): Extent => {
  if (images.rank !== 4) {
    throw new ModelError(
      'DATA_LOSS',
      `Expected images (N, H, W, C) for ${config.owner} but received ${images}.`,
    );
  }
  const [, height, width] = sizesOf(images) as [Size, Size, Size];
  return [height, width];
};

const targetOf = (config: Config): [number, number] => [
  positiveInteger(config, 'height'),
  positiveInteger(config, 'width'),
];

/** Pads images with `value` on both sides of the shorter side, until the aspect ratio is that of `target`. */
function padded(
  images: Symbolic,
  source: Extent,
  [tall, wide]: readonly [number, number],
  value: number,
): Symbolic {
  const [height, width] = source;
  const above = quotient(minus(most(height, scaled(width, tall, wide)), height), 2);
  const left = quotient(minus(most(width, scaled(height, wide, tall)), width), 2);
  if (typeof above === 'number' && typeof left === 'number') {
    return pad(
      images,
      [
        [0, 0],
        [above, above],
        [left, left],
        [0, 0],
      ],
      { value },
    );
  }
  const amounts = [
    [0, 0],
    [above, above],
    [left, left],
    [0, 0],
  ].map((each) => sizes(each));
  return op('PadV2', [images, stack(amounts), constant(value, images.dtype)]);
}

/** The range of integers to which Keras 3 clips resized images of integers. */
const RANGES: Readonly<Partial<Record<string, [number, number]>>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65_535],
  int16: [-32_768, 32_767],
};

/** Returns resized images in the dtype in which Keras returns them. */
function inOutputDtype(resized: Symbolic, images: Symbolic, parts: LayerParts): Symbolic {
  if (parts.kerasVersion < 3 || isFloating(images.dtype)) return cast(resized, parts.dtype);
  if (resized.dtype === images.dtype) return resized;
  const range = RANGES[images.dtype];
  const whole = round(resized);
  return cast(range === undefined ? whole : clipByValue(whole, ...range), images.dtype);
}

const resizing: LayerKind = {
  names: ['Resizing'],
  build(parts) {
    const { config } = parts;
    const target = targetOf(config);
    const interpolation = config.string('interpolation', 'bilinear').toLowerCase() as Interpolation;
    if (!INTERPOLATIONS.includes(interpolation))
      config.fail('interpolation', `one of ${INTERPOLATIONS.join(', ')}`);
    const crops = config.boolean('crop_to_aspect_ratio', false);
    const pads = config.boolean('pad_to_aspect_ratio', false);
    const value = config.number('fill_value', 0);
    const antialias = config.boolean('antialias', false);
    return ofOneInput(parts, (x) =>
      inChannelsLast(x, isChannelsFirst(config), (images) => {
        const source = extentOf(images, parts);
        let whole = images;
        if (crops) whole = middle(images, largestWithin(source, target));
        else if (pads) whole = padded(images, source, target, value);
        return inOutputDtype(resizeImages(whole, target, interpolation, antialias), images, parts);
      }),
    );
  },
};

/** Returns the middle of images that has the aspect ratio of `target`, resized to `target`. */
const smartlyResized = (images: Symbolic, source: Extent, target: readonly [number, number]): Symbolic =>
  resizeImages(middle(images, largestWithin(source, target)), target, 'bilinear');

/**
 * Keras' `CenterCrop`. Images that are smaller than the crop are resized. If the size is known only at run time, both
 * are one formula, because resizing to the same size changes nothing.
 */
const centerCrop: LayerKind = {
  names: ['CenterCrop'],
  build(parts) {
    const target = targetOf(parts.config);
    return ofOneInput(parts, (x) =>
      inChannelsLast(inDtype(x, parts), isChannelsFirst(parts.config), (images) => {
        const source = extentOf(images, parts);
        const [height, width] = source;
        if (typeof height === 'number' && typeof width === 'number') {
          const fits = height >= target[0] && width >= target[1];
          return fits ? middle(images, target) : cast(smartlyResized(images, source, target), parts.dtype);
        }
        const isLarge = (size: Size, wanted: number) => op('GreaterEqual', [sizes([size]), sizes([wanted])]);
        const fits = op('LogicalAnd', [isLarge(height, target[0]), isLarge(width, target[1])]);
        const box = where(fits, sizes(target), sizes(largestWithin(source, target)));
        const crop = [0, 1].map((i) => op('Reshape', [slice(box, [i], [1]), sizes([])])) as [
          Symbolic,
          Symbolic,
        ];
        return cast(resizeImages(middle(images, crop), target, 'bilinear'), parts.dtype);
      }),
    );
  },
};

/** Keras 2's `RandomCrop` resizes at inference. Keras 3's returns its input, whatever `height` and `width`. */
const randomCrop: LayerKind = {
  names: ['RandomCrop'],
  build(parts) {
    const target = targetOf(parts.config);
    return ofOneInput(parts, (x) => {
      const images = inDtype(x, parts);
      if (parts.kerasVersion >= 3) return images;
      return cast(smartlyResized(images, extentOf(images, parts), target), parts.dtype);
    });
  },
};

/** Returns the two bounds of the values of images. One number is the upper bound. */
function valueRange(config: Config): [number, number] {
  const value = config.get('value_range') ?? [0, 255];
  const [low, high] = isList(value) ? value : [0, value];
  const isRange = typeof low === 'number' && typeof high === 'number' && low < high;
  return isRange ? [low, high] : config.fail('value_range', 'two numbers in ascending order');
}

/**
 * Keras 3's `AutoContrast`: each channel of each image is stretched to the whole range. A channel of one value is
 * returned as it is.
 */
const autoContrast: LayerKind = {
  names: ['AutoContrast'],
  build(parts) {
    const [low, high] = valueRange(parts.config);
    return ofOneInput(parts, (x) => {
      const original = inDtype(x, parts);
      const images = multiply(divide(subtract(original, low), high - low), 255);
      const least = reduceMin(images, [1, 2], { keepdims: true });
      const most = reduceMax(images, [1, 2], { keepdims: true });
      const isFlat = equal(least, most);
      const range = where(isFlat, onesLike(most), subtract(most, least));
      const scale = divide(255, range);
      const stretched = clipByValue(subtract(multiply(images, scale), multiply(least, scale)), 0, 255);
      return where(isFlat, original, add(multiply(divide(stretched, 255), high - low), low));
    });
  },
};

const AUGMENTATIONS = [
  ...['RandomFlip', 'RandomTranslation', 'RandomRotation', 'RandomZoom', 'RandomShear', 'RandomPerspective'],
  ...['RandomHeight', 'RandomWidth', 'RandomContrast', 'RandomBrightness', 'RandomHue', 'RandomSaturation'],
  ...[
    'RandomColorDegeneration',
    'RandomColorJitter',
    'RandomGrayscale',
    'RandomInvert',
    'RandomPosterization',
  ],
  ...[
    'RandomSharpness',
    'RandomGaussianBlur',
    'RandomErasing',
    'RandomElasticTransform',
    'RandAugment',
    'AugMix',
  ],
  ...['CutMix', 'MixUp', 'Solarization', 'Equalization', 'MaxNumBoundingBoxes'],
] as const;

/** A layer that changes images in training only. */
const augmentation = (name: string): LayerKind => ({
  names: [name],
  dependsOnTraining: true,
  build: (parts) => ofOneInput(parts, (x) => (isFloating(x.dtype) ? x : inDtype(x, parts))),
});

export const IMAGE_LAYERS: readonly LayerKind[] = [
  rescaling,
  resizing,
  centerCrop,
  randomCrop,
  autoContrast,
  ...AUGMENTATIONS.map(augmentation),
];
