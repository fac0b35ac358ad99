/** Resizes images (N, H, W, C) as `tf.image.resize` does. */
import { op } from '../../graph/operand.js';
import { divide } from '../../graph/ops/arithmetic.js';
import { cast, constant, sizes } from '../../graph/ops/array.js';
import { type ResizeMethod, resize } from '../../graph/ops/image.js';
import type { Symbolic } from '../../graph/symbolic.js';
import { type Size, sizesOf } from './sizes.js';

/** The interpolations of Keras' layers. */
export const INTERPOLATIONS = [
  'bilinear',
  'nearest',
  'bicubic',
  'area',
  'lanczos3',
  'lanczos5',
  'gaussian',
  'mitchellcubic',
] as const;
export type Interpolation = (typeof INTERPOLATIONS)[number];

/** The kernels of ScaleAndTranslate that stand for methods with an op of their own, if the result is antialiased. */
const ANTIALIASED: Readonly<Partial<Record<Interpolation, string>>> = {
  bilinear: 'triangle',
  bicubic: 'keyscubic',
};
const OWN_OPS: readonly Interpolation[] = ['bilinear', 'nearest', 'bicubic', 'area'];

/**
 * Returns images resized to `[height, width]`. Images that are known to have this size are returned unchanged, in their
 * dtype.
 *
 * @returns float32, but the dtype of `images` for 'nearest'.
 */
export function resizeImages(
  images: Symbolic,
  size: readonly [Size, Size],
  interpolation: Interpolation,
  antialias = false,
): Symbolic {
  const kernel = antialias ? ANTIALIASED[interpolation] : undefined;
  if (kernel === undefined && OWN_OPS.includes(interpolation)) {
    return resize(images, size, interpolation as ResizeMethod);
  }
  const [, height, width] = sizesOf(images);
  if (height === size[0] && width === size[1]) return images;
  const target = sizes(size);
  const source = sizes([height as Size, width as Size]);
  const scale = divide(cast(target, 'float32'), cast(source, 'float32'));
  return op('ScaleAndTranslate', [images, target, scale, constant([0, 0])], {
    kernel_type: kernel ?? interpolation,
    antialias,
  });
}
