import * as ops from '../graph/ops/index.js';
import { checkInteger, outOfRange, wrongType } from '../support/arguments.js';
import { type Tensor, tensor } from '../tensor/tensor.js';
import { checkImages, IMAGE, INTEGER } from './check.js';
import { imageFunction, perKey } from './image_function.js';

/**
 * 'bilinear' samples at pixel centres without antialiasing, like `tf.image.resize` and the training of most networks.
 * 'area' averages, which suits a picture that becomes much smaller.
 */
export type ImageResizeMethod = 'bilinear' | 'area';

const METHODS: readonly ImageResizeMethod[] = ['bilinear', 'area'];

/**
 * Resizes pictures off the JavaScript thread and rounds to uint8. For a model's input, use `prepareImage`, which does
 * not round.
 *
 * @param image uint8 `(n, height, width, channels)`.
 * @param size `[height, width]`.
 * @param method default 'bilinear'.
 * @returns uint8 `(n, size[0], size[1], channels)`.
 */
export async function resizeImage(
  image: Tensor,
  size: readonly [height: number, width: number],
  method: ImageResizeMethod = 'bilinear',
): Promise<Tensor<'uint8'>> {
  checkImages(image);
  if (!Array.isArray(size) || size.length !== 2) throw wrongType('size', '[height, width]', size);
  if (!METHODS.includes(method)) throw outOfRange('method', `one of ${METHODS.join(', ')}`, method);
  size.forEach((each, i) => {
    checkInteger(`size[${i}]`, each);
  });
  const resize = resizer(method);
  return withScalars(size, (height, width) => resize(image, height, width)) as Promise<Tensor<'uint8'>>;
}

/**
 * Reduces pictures whose longer side exceeds `longest` pixels and keeps their proportions. Returns other pictures
 * unchanged.
 *
 * @param image uint8 `(n, height, width, channels)`.
 */
export async function fitImage(image: Tensor, longest: number): Promise<Tensor<'uint8'>> {
  const [height, width] = checkImages(image);
  checkInteger('longest', longest);
  const scale = longest / Math.max(height, width);
  if (scale >= 1) return image as Tensor<'uint8'>;
  const reduced = (each: number) => Math.max(1, Math.round(each * scale));
  return resizeImage(image, [reduced(height), reduced(width)], 'area');
}

const resizer = perKey<ImageResizeMethod>((method) =>
  imageFunction([IMAGE, INTEGER, INTEGER], (image, height, width) =>
    ops.cast(ops.round(ops.resize(image, [height, width], method)), 'uint8'),
  ),
);

/** Returns an int32 scalar for a feed. */
export function scalar(value: number): Tensor<'int32'> {
  return tensor(Int32Array.of(value), [], 'int32');
}

/** Runs `work` with a size as two scalar tensors. Releases the tensors afterwards. */
export async function withScalars<T>(
  size: readonly [height: number, width: number],
  work: (height: Tensor, width: Tensor) => Promise<T>,
): Promise<T> {
  const [height, width] = [scalar(size[0]), scalar(size[1])];
  try {
    return await work(height, width);
  } finally {
    height.release();
    width.release();
  }
}
