/** Images: tensors (N, H, W, C), or (H, W, C) for a single one. */
import { GraphError } from '../../support/errors.js';
import { constant, type Operand, op } from '../operand.js';
import type { Symbolic } from '../symbolic.js';
import { expandDims, reverse, type Sizes, sizes, squeeze } from './array.js';

export type ResizeMethod = 'bilinear' | 'nearest' | 'bicubic' | 'area';

const RESIZE: Readonly<Record<ResizeMethod, { type: string; halfPixels: boolean }>> = {
  bilinear: { type: 'ResizeBilinear', halfPixels: true },
  nearest: { type: 'ResizeNearestNeighbor', halfPixels: true },
  bicubic: { type: 'ResizeBicubic', halfPixels: true },
  area: { type: 'ResizeArea', halfPixels: false },
};

export const RESIZE_METHODS = Object.keys(RESIZE) as readonly ResizeMethod[];

/**
 * Images resized to `[height, width]` as `tf.image.resize` does: sampled at pixel centres, without antialiasing.
 * The result is float32, except with 'nearest', which keeps the dtype; images of that size already pass as they are.
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

/** Images mirrored left to right. */
export const flipLeftRight = (images: Operand): Symbolic => reverse(images, constant(images).rank - 2);
/** Images mirrored top to bottom. */
export const flipUpDown = (images: Operand): Symbolic => reverse(images, constant(images).rank - 3);
