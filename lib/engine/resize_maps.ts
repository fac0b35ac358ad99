import { GraphError } from '../errors.js';
import { multiply } from '../graph/ops/arithmetic.js';
import { expandDims, reshape, shape as shapeOf, squeeze } from '../graph/ops/array.js';
import { resize } from '../graph/ops/image.js';
import { slice } from '../graph/ops/indexing.js';
import type { Symbolic } from '../graph/symbolic.js';

/** A size: known now, or a symbolic scalar. */
export type Size = number | Symbolic;

/** The size of x along `axis`. */
function sizeOf(x: Symbolic, axis: number): Size {
  return x.shape?.[axis] ?? squeeze(slice(shapeOf(x), [axis], [1]), 0);
}

/** The sizes of a tensor (N, ...positions, C) between its samples and its channels. */
export function positionSizes(x: Symbolic): readonly Size[] {
  return Array.from({ length: Math.max(0, x.rank - 2) }, (_, i) => sizeOf(x, i + 1));
}

/**
 * Maps (N, ...positions, U) resized bilinearly: of images to [height, width], of signals to [length], of volumes to
 * [depth, height, width] (height and width first, then depth).
 */
export function resizeMaps(maps: Symbolic, sizes: readonly Size[]): Symbolic {
  const rank = maps.rank - 2;
  if (sizes.length !== rank || rank < 1 || rank > 3) {
    throw new GraphError(
      'INVALID_ARGUMENT',
      `Maps ${maps} have ${rank} axes of positions and cannot be resized to ${sizes.length} sizes. Set ` +
        '`resizing: false`, or give a size for each axis of positions.',
    );
  }
  if (rank === 1) return squeeze(resize(expandDims(maps, 2), [sizes[0] as Size, 1]), 2);
  if (rank === 2) return resize(maps, sizes);

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
