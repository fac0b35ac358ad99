/** Ops on images: tensors (N, H, W, C), or (H, W, C) for a single image. */
import { GraphError } from '../../support/errors.js';
import { constant, type Operand, op } from '../operand.js';
import type { Symbolic } from '../symbolic.js';
import { expandDims, reverse, type Sizes, sizes, squeeze } from './array.js';

/** How a pixel of the result is interpolated: from the nearest pixel, 2 x 2 or 4 x 4 pixels, or the covered area. */
export type ResizeMethod = 'bilinear' | 'nearest' | 'bicubic' | 'area';

const RESIZE: Readonly<Record<ResizeMethod, { type: string; halfPixels: boolean }>> = {
  bilinear: { type: 'ResizeBilinear', halfPixels: true },
  nearest: { type: 'ResizeNearestNeighbor', halfPixels: true },
  bicubic: { type: 'ResizeBicubic', halfPixels: true },
  area: { type: 'ResizeArea', halfPixels: false },
};

export const RESIZE_METHODS = Object.keys(RESIZE) as readonly ResizeMethod[];

/**
 * Returns images resized to `[height, width]`, as `tf.image.resize` does: sampled at pixel centres, without
 * antialiasing. Images that are known to have this size are returned unchanged, in their dtype.
 *
 * @param images (N, H, W, C) or (H, W, C); a floating or integer dtype, except uint32 and uint64.
 * @param size `[height, width]` in pixels, each at least 1. A run with another size is rejected.
 * @param method how pixels are interpolated. 'area' has no gradient. Default: 'bilinear'.
 * @returns (N, height, width, C) or (height, width, C). The dtype is float32, but that of `images` for 'nearest'.
 * @throws GraphError (`INVALID_ARGUMENT`) for another method, another rank, another dtype, and a `size` without two
 *   elements.
 * @example
 * // Maps (N, H', W', U) in the size of the inputs (N, H, W, C), also if this size is known only at run time.
 * const resized = ops.resize(maps, ops.slice(ops.shape(inputs), [1], [2]));
 */
export function resize(images: Operand, size: Sizes, method: ResizeMethod = 'bilinear'): Symbolic {
  const value = constant(images);
  if (!Object.hasOwn(RESIZE, method)) {
    throw new GraphError(
      'INVALID_ARGUMENT',
      `Expected \`method\` to be one of ${RESIZE_METHODS.join(', ')} but received "${method}".`,
    );
  }
  if (value.rank === 3) return squeeze(resize(expandDims(value, 0), size, method), 0);
  if (value.rank !== 4) {
    throw new GraphError(
      'INVALID_ARGUMENT',
      `Expected images (N, H, W, C) or (H, W, C) but received ${value}.`,
    );
  }
  if (Array.isArray(size) && size[0] === value.shape?.[1] && size[1] === value.shape?.[2]) return value;
  const { type, halfPixels } = RESIZE[method];
  return op(type, [value, sizes(size)], {
    align_corners: false,
    ...(halfPixels ? { half_pixel_centers: true } : {}),
  });
}

/**
 * Returns images mirrored left to right.
 *
 * @param images (N, H, W, C) or (H, W, C); any dtype. The rank must be known while recording.
 * @returns the shape and dtype of `images`.
 * @throws GraphError (`INVALID_ARGUMENT`) for a tensor of rank 0.
 */
export const flipLeftRight = (images: Operand): Symbolic => reverse(images, constant(images).rank - 2);

/**
 * Returns images mirrored top to bottom.
 *
 * @param images (N, H, W, C) or (H, W, C); any dtype. The rank must be known while recording.
 * @returns the shape and dtype of `images`.
 * @throws GraphError (`INVALID_ARGUMENT`) for a tensor of rank 0 or 1.
 */
export const flipUpDown = (images: Operand): Symbolic => reverse(images, constant(images).rank - 3);
