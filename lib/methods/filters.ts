/**
 * Filters of maps, for `postprocessing` and inside methods. Each takes maps (N, H, W, U) of a floating dtype and the
 * axes of their positions, and returns maps of the same shape and dtype. NaN in a map stays NaN. The filters that
 * normalise set the whole map of a unit to NaN if an element is NaN.
 */
import {
  divideNoNan,
  abs as magnitude,
  maximum,
  negative as negate,
  subtract,
} from '../graph/ops/arithmetic.js';
import { relu } from '../graph/ops/nn.js';
import { reduceMax, reduceMin } from '../graph/ops/reduction.js';
import type { Symbolic } from '../graph/symbolic.js';
import { SPATIAL_AXIS } from '../inspection/axes.js';

/**
 * Scales every map to [0, 1]: (x - min x) / max(x - min x). A constant map becomes 0.
 *
 * @param x maps (N, H, W, U); a floating dtype.
 * @param axis the axes of positions. Default: [-3, -2].
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) for an axis that `x` does not have, and a dtype that is not floating.
 */
export function normalize(x: Symbolic, axis: readonly number[] = SPATIAL_AXIS): Symbolic {
  const shifted = subtract(x, reduceMin(x, axis, { keepdims: true }));
  return divideNoNan(shifted, reduceMax(shifted, axis, { keepdims: true }));
}

/**
 * Keeps the evidence for the unit: max(x, 0).
 *
 * @param x maps of any shape; a numeric dtype.
 * @returns the shape and dtype of `x`.
 */
export function positive(x: Symbolic, _axis: readonly number[] = SPATIAL_AXIS): Symbolic {
  return relu(x);
}

/**
 * Keeps the evidence against the unit, as positive numbers: max(-x, 0).
 *
 * @param x maps of any shape; a floating dtype or a signed integer dtype.
 * @returns the shape and dtype of `x`.
 */
export function negative(x: Symbolic, _axis: readonly number[] = SPATIAL_AXIS): Symbolic {
  return maximum(negate(x), 0);
}

/**
 * Returns {@link positive} scaled to [0, 1] by {@link normalize}.
 *
 * @param x maps (N, H, W, U); a floating dtype.
 * @param axis the axes of positions. Default: [-3, -2].
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) for an axis that `x` does not have, and a dtype that is not floating.
 */
export function positiveNormalize(x: Symbolic, axis: readonly number[] = SPATIAL_AXIS): Symbolic {
  return normalize(positive(x, axis), axis);
}

/**
 * Returns |x| scaled to [0, 1] by {@link normalize}.
 *
 * @param x maps (N, H, W, U); a floating dtype.
 * @param axis the axes of positions. Default: [-3, -2].
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) for an axis that `x` does not have, and a dtype that is not floating.
 */
export function absoluteNormalize(x: Symbolic, axis: readonly number[] = SPATIAL_AXIS): Symbolic {
  return normalize(magnitude(x), axis);
}

/**
 * Returns {@link negative} scaled to [0, 1] by {@link normalize}.
 *
 * @param x maps (N, H, W, U); a floating dtype.
 * @param axis the axes of positions. Default: [-3, -2].
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) for an axis that `x` does not have, and a dtype that is not floating.
 */
export function negativeNormalize(x: Symbolic, axis: readonly number[] = SPATIAL_AXIS): Symbolic {
  return normalize(negative(x, axis), axis);
}
