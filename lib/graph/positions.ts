/** The axes of positions in tensors (N, ...positions, C), for example height and width of images. */
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

/** Returns whether x is (N, F). The features of a vector are its positions, and there are no channels. */
export function isVector(x: Symbolic): boolean {
  return x.shape?.length === 2;
}

/** Returns the sizes of the positions of x (N, ...positions, C), or the number of features of a vector (N, F). */
export function positionSizes(x: Symbolic): readonly Size[] {
  if (isVector(x)) return [sizeOf(x, 1)];
  return Array.from({ length: Math.max(0, x.rank - 2) }, (_, i) => sizeOf(x, i + 1));
}

/** The default axes by their number. Each list exists once, so that `axesOf` recognises a default. */
const defaults = new Map<number, readonly number[]>();

function lastAxes(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i - count - 1);
}

/**
 * Returns the default axes of positions, by the rank of x: [-2] for vectors (N, F) and signals (N, T, C), [-3, -2] for
 * images, [-4, -3, -2] for volumes. If the rank is unknown, the axes of images are returned.
 */
export function defaultAxes(x: Symbolic): readonly number[] {
  const rank = x.shape?.length ?? 4;
  const count = rank < 3 ? 1 : rank - 2;
  const axes = defaults.get(count) ?? Object.freeze(lastAxes(count));
  defaults.set(count, axes);
  return axes;
}

/**
 * Returns the axes of positions of x: `spatialAxis` if the caller named it, otherwise the default axes of x. The axes
 * can differ from the axes of the explained tensor, for example activations (N, T, C) of an image.
 */
export function axesOf(x: Symbolic, spatialAxis: readonly number[]): readonly number[] {
  return defaults.get(spatialAxis.length) === spatialAxis ? defaultAxes(x) : spatialAxis;
}

/** Refuses an input that is neither (N, ...positions, C) with the axes of `spatialAxis` nor a vector (N, F). */
export function checkInputPositions(inputs: Symbolic, spatialAxis: readonly number[]): void {
  if (!isVector(inputs) || spatialAxis.length !== 1) checkPositions('inputs', inputs, spatialAxis);
}

/**
 * Refuses an x that is not (N, ...positions, C) with as many axes of positions as `spatialAxis` has.
 *
 * @param what the name of x in the error, for example 'activations'.
 * @returns the axes of the positions of x: {@link axesOf}.
 * @throws GraphError (`INVALID_ARGUMENT`).
 */
export function checkPositions(what: string, x: Symbolic, spatialAxis: readonly number[]): readonly number[] {
  const axes = axesOf(x, spatialAxis);
  if (x.shape === null || x.rank === axes.length + 2) return axes;
  const count = Math.max(0, x.rank - 2);
  const advice =
    count === 0
      ? 'Expose a tensor with positions, for example the input of the pooling.'
      : `Set \`spatialAxis\` to [${lastAxes(count).join(', ')}].`;
  throw new GraphError(
    'INVALID_ARGUMENT',
    `Maps need an axis of positions for each of \`spatialAxis\`, [${axes.join(', ')}], but the ${what} ${x} ` +
      `have ${count}. ${advice}`,
  );
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
