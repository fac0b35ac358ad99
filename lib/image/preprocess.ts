import type { DType } from '../binding/contract.js';
import type { NumericDType } from '../dtype.js';
import { isFloating } from '../dtype.js';
import * as ops from '../graph/ops/index.js';
import type { Symbolic } from '../graph/symbolic.js';
import type { Tensor } from '../tensor.js';
import { checkImage, IMAGE, INTEGER } from './check.js';
import { imageFunction, perKey } from './image_function.js';
import { scalar } from './resize.js';

/**
 * How pixels from 0 to 255 become a model's input:
 *
 * - `none`: as they are, for models that scale inside (EfficientNet, MobileNetV3, ConvNeXt, ...)
 * - `unit`: `x / 255`
 * - `tf`: `x / 127.5 - 1` (Xception, MobileNet, MobileNetV2, ResNet50V2, InceptionV3, ...)
 * - `torch`: `x / 255`, then less ImageNet's mean and over its deviation per channel (DenseNet)
 * - `caffe`: RGB to BGR, less ImageNet's mean, not scaled (VGG, ResNet50)
 *
 * The names and numbers of `tf`, `torch` and `caffe` are those of `keras.applications.imagenet_utils`.
 */
export type Preprocessing = 'none' | 'unit' | 'tf' | 'torch' | 'caffe';

export const PREPROCESSINGS: readonly Preprocessing[] = ['none', 'unit', 'tf', 'torch', 'caffe'];

const MEAN = [0.485, 0.456, 0.406];
const DEVIATION = [0.229, 0.224, 0.225];
const BGR_MEAN = [103.939, 116.779, 123.68];
const LUMA = [0.2989, 0.587, 0.114];

const SCALE: Readonly<Record<Preprocessing, (pixels: Symbolic) => Symbolic>> = {
  none: (pixels) => pixels,
  unit: (pixels) => ops.divide(pixels, 255),
  tf: (pixels) => ops.subtract(ops.divide(pixels, 127.5), 1),
  torch: (pixels) => ops.divide(ops.subtract(ops.divide(pixels, 255), MEAN), DEVIATION),
  caffe: (pixels) => ops.subtract(ops.reverse(pixels, -1), BGR_MEAN),
};

export interface ModelInputOptions {
  readonly size: readonly [height: number, width: number];
  /** 3, or 1 for grey (`tf.image.rgb_to_grayscale`'s weights), which only goes with `none`, `unit` and `tf`. */
  readonly channels?: 1 | 3;
  readonly preprocess?: Preprocessing;
  /** Default float32; integers are rounded. */
  readonly dtype?: NumericDType;
}

/**
 * A picture as a model wants it: resized (bilinear), in its channels, scaled, in its dtype; in one run off the
 * JavaScript thread.
 *
 * @param image uint8 `(1, height, width, 3)`, as `decodeImage` returns it.
 * @returns `(1, size[0], size[1], channels)`.
 */
export function prepareImage(image: Tensor, options: ModelInputOptions): Promise<Tensor> {
  checkImage(image);
  const { size, channels = 3, preprocess = 'none', dtype = 'float32' } = options;
  return preparer(`${channels} ${preprocess} ${dtype}`)(image, scalar(size[0]), scalar(size[1]));
}

type PreparerKey = `${1 | 3} ${Preprocessing} ${NumericDType}`;

const preparer = perKey<PreparerKey>((key) => {
  const [channels, preprocess, dtype] = key.split(' ') as [string, Preprocessing, NumericDType];
  return imageFunction([IMAGE, INTEGER, INTEGER], (image, height, width) => {
    const resized = ops.resize(image, [height, width]);
    const pixels =
      channels === '1' ? ops.reduceSum(ops.multiply(resized, LUMA), -1, { keepdims: true }) : resized;
    return toDType(SCALE[preprocess](pixels), dtype);
  });
});

function toDType(values: Symbolic, dtype: DType): Symbolic {
  return ops.cast(isFloating(dtype) ? values : ops.round(values), dtype);
}
