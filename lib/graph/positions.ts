/** Sizes, and tensors (N, ...positions, C) along their positions. */
import { GraphError } from '../support/errors.js';
import { multiply } from './ops/arithmetic.js';
import { expandDims, reshape, shape as shapeOf, squeeze } from './ops/array.js';
import { type ResizeMethod, resize } from './ops/image.js';
import { slice } from './ops/indexing.js';
import type { Symbolic } from './symbolic.js';

/** A size: a number that is known while recording, or an int32 scalar. */
export type Size = number | Symbolic;

/** Returns the size of x along `axis`: a number, or an int32 scalar if the size is known only at run time. */
export function sizeOf(x: Symbolic, axis: number): Size {
  const positive = axis < 0 ? axis + x.rank : axis;
  return x.shape?.[positive] ?? squeeze(slice(shapeOf(x), [positive], [1]), 0);
}

/** Returns x (N, C) as (N, 1, ..., C), which broadcasts over `positions` axes. */
export function alongPositions(x: Symbolic, positions: number): Symbolic {
  let widened = x;
  for (let i = 0; i < positions; i++) widened = expandDims(widened, 1);
  return widened;
}

/**
 * Returns maps resized along their positions. Volumes are resized along height and width first, then along the depth.
 *
 * @param maps (N, ...positions, U) of signals, images or volumes.
 * @param sizes [length] of signals, [height, width] of images, [depth, height, width] of volumes.
 * @param method how positions are interpolated. Signals and volumes support 'bilinear' only. Default: 'bilinear'.
 * @returns (N, ...sizes, U), in the dtype that {@link resize} returns.
 * @throws GraphError (`INVALID_ARGUMENT`) if the number of sizes differs from the number of axes of positions, or is
 *   not 1 to 3, and for another method of signals and volumes.
 */
export function resizePositions(
  maps: Symbolic,
  sizes: readonly Size[],
  method: ResizeMethod = 'bilinear',
): Symbolic {
  const rank = maps.rank - 2;
  if (sizes.length !== rank || rank < 1 || rank > 3) {
    throw new GraphError(
      'INVALID_ARGUMENT',
      `Maps ${maps} have ${rank} axes of positions and cannot be resized to ${sizes.length} sizes. Set ` +
        '`resizing: false`, or give a size for each axis of positions.',
    );
  }
  if (rank === 2) return resize(maps, sizes, method);
  if (method !== 'bilinear') {
    throw new GraphError(
      'INVALID_ARGUMENT',
      `Signals and volumes can only be resized bilinearly, not by '${method}'. Received maps ${maps}.`,
    );
  }
  if (rank === 1) return squeeze(resize(expandDims(maps, 2), [sizes[0] as Size, 1]), 2);

  const [depth, height, width] = sizes as [Size, Size, Size];
  const [n, d, h, w, units] = [0, 1, 2, 3, 4].map((axis) => sizeOf(maps, axis)) as [
    Size,
    Size,
    Size,
    Size,
    Size,
  ];
  const area =
    typeof height === 'number' && typeof width === 'number' ? height * width : multiply(height, width);
  const slices = resize(reshape(maps, [-1, h, w, units]), [height, width]);
  const columns = resize(reshape(slices, [n, d, area, units]), [depth, area]);
  return reshape(columns, [n, depth, height, width, units]);
}
