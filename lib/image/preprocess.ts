import type { DType } from '../binding/contract.js';
import * as ops from '../graph/ops/index.js';
import type { Symbolic } from '../graph/symbolic.js';
import { checkInteger, checkOptions, outOfRange, refused, wrongType } from '../support/arguments.js';
import type { NumericDType } from '../tensor/dtype.js';
import { checkDType, isFloating } from '../tensor/dtype.js';
import type { Tensor } from '../tensor/tensor.js';
import { checkImages, checkTensor, describeTensor, IMAGE, INTEGER } from './check.js';
import { imageFunction, perKey } from './image_function.js';
import { withScalars } from './resize.js';

/**
 * The conversion of pixels (0 to 255) to a model's input:
 *
 * - `none`: unchanged, for models that scale inside (EfficientNet, MobileNetV3, ConvNeXt, ...)
 * - `unit`: `x / 255`
 * - `tf`: `x / 127.5 - 1` (Xception, MobileNet, MobileNetV2, ResNet50V2, InceptionV3, NASNet, ...)
 * - `torch`: `(x / 255 - mean) / deviation` with ImageNet's mean and deviation per channel (DenseNet)
 * - `caffe`: RGB to BGR, `x - mean` with ImageNet's mean per channel (VGG, ResNet50)
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

/** The conversions with numbers per colour channel. */
const OF_COLOURS: readonly Preprocessing[] = ['torch', 'caffe'];

function checkPreprocessing(name: string, value: unknown, channels: number): Preprocessing {
  const found = PREPROCESSINGS.find((each) => each === value);
  if (found === undefined) throw outOfRange(name, `one of ${PREPROCESSINGS.join(', ')}`, value);
  if (channels !== 3 && OF_COLOURS.includes(found)) {
    throw refused(name, `none, unit or tf for ${channels} channel(s)`, `'${found}', which is for RGB`);
  }
  return found;
}

/**
 * Converts pixels as `keras.applications.imagenet_utils.preprocess_input` does for channels-last data. Runs off the
 * JavaScript thread.
 *
 * @param images RGB from 0 to 255 of any numeric dtype, `(N, height, width, 3)`; `none`, `unit` and `tf` take any
 *   number of channels.
 * @returns float32 of the same shape.
 */
export async function preprocess(images: Tensor, mode: Preprocessing): Promise<Tensor<'float32'>> {
  checkTensor('images', images);
  if (images.shape.length !== 4 || images.size === 0) {
    throw refused('images', 'pictures (N, height, width, channels)', describeTensor(images));
  }
  const scaling = checkPreprocessing('mode', mode, images.shape[3] as number);
  return (await scaler(`${scaling} ${images.dtype}`)(images)) as Tensor<'float32'>;
}

const scaler = perKey<`${Preprocessing} ${NumericDType}`>((key) => {
  const [mode, dtype] = key.split(' ') as [Preprocessing, NumericDType];
  return imageFunction([{ dtype, shape: [null, null, null, null] }], (images) =>
    SCALE[mode](ops.cast(images, 'float32')),
  );
});

export interface ModelInputOptions {
  readonly size: readonly [height: number, width: number];
  /**
   * 3 for colours, or 1 for grey with the weights of `tf.image.rgb_to_grayscale`. Grey requires `none`, `unit` or `tf`.
   * Default 3.
   */
  readonly channels?: 1 | 3;
  /** Default `none`. */
  readonly preprocess?: Preprocessing;
  /** The dtype of the result. Values are rounded for an integer dtype. Default float32. */
  readonly dtype?: NumericDType;
}

/**
 * Prepares pictures for a model: resizes bilinearly, converts channels, applies `preprocess` and casts, in one run off
 * the JavaScript thread.
 *
 * @param image uint8 `(n, height, width, 3)`. `readImage` and `decodeImage` return such a tensor with n = 1.
 * @returns `(n, size[0], size[1], channels)`.
 */
export async function prepareImage(image: Tensor, options: ModelInputOptions): Promise<Tensor> {
  const found = checkImages(image)[2];
  if (found !== 3) throw refused('image', 'three channels', String(found));
  checkOptions('options', options, ['size', 'channels', 'preprocess', 'dtype']);
  const { size, channels = 3, preprocess: mode = 'none', dtype = 'float32' } = options;
  checkModelInput({ size, channels, preprocess: mode, dtype });
  const prepare = preparer(`${channels} ${mode} ${dtype}`);
  return withScalars(size, (height, width) => prepare(image, height, width));
}

/** @internal Refuses invalid options of {@link prepareImage}. */
export function checkModelInput({
  size,
  channels,
  preprocess: mode,
  dtype,
}: Required<ModelInputOptions>): void {
  if (!Array.isArray(size) || size.length !== 2) throw wrongType('size', '[height, width]', size);
  size.forEach((each, i) => {
    checkInteger(`size[${i}]`, each);
  });
  if (channels !== 1 && channels !== 3) throw outOfRange('channels', '1 or 3', channels);
  checkPreprocessing('preprocess', mode, channels);
  checkDType('dtype', dtype);
}

type PreparerKey = `${1 | 3} ${Preprocessing} ${NumericDType}`;

const preparer = perKey<PreparerKey>((key) => {
  const [channels, mode, dtype] = key.split(' ') as [string, Preprocessing, NumericDType];
  return imageFunction([IMAGE, INTEGER, INTEGER], (image, height, width) =>
    recordPreparation(image, { size: [height, width], channels: channels === '1' ? 1 : 3, mode, dtype }),
  );
});

/** The result that {@link recordPreparation} produces. */
export interface PreparationSpec {
  readonly size: ops.Sizes;
  readonly channels: 1 | 3;
  readonly mode: Preprocessing;
  readonly dtype: NumericDType;
}

/** @internal Records the ops of {@link prepareImage} for pictures `(height, width, 3)` or `(n, height, width, 3)`. */
export function recordPreparation(
  image: Symbolic,
  { size, channels, mode, dtype }: PreparationSpec,
): Symbolic {
  const resized = ops.resize(image, size);
  const pixels =
    channels === 1 ? ops.reduceSum(ops.multiply(resized, LUMA), -1, { keepdims: true }) : resized;
  return toDType(SCALE[mode](pixels), dtype);
}

function toDType(values: Symbolic, dtype: DType): Symbolic {
  return ops.cast(isFloating(dtype) ? values : ops.round(values), dtype);
}
