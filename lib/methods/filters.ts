/**
 * Filters: what maps go through after a method (`postprocessing`) or inside one. Each takes maps (N, H, W, U) and
 * the axes of their positions, and returns maps of the same shape.
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

/** Stretches every map to [0, 1]: (x - min x) / max(x - min x). A constant map becomes 0. */
export function normalize(x: Symbolic, axis: readonly number[] = SPATIAL_AXIS): Symbolic {
  const shifted = subtract(x, reduceMin(x, axis, { keepdims: true }));
  return divideNoNan(shifted, reduceMax(shifted, axis, { keepdims: true }));
}

/** What speaks for the unit: max(x, 0). */
export function positive(x: Symbolic, _axis: readonly number[] = SPATIAL_AXIS): Symbolic {
  return relu(x);
}

/** What speaks against the unit, as positive numbers: max(-x, 0). */
export function negative(x: Symbolic, _axis: readonly number[] = SPATIAL_AXIS): Symbolic {
  return maximum(negate(x), 0);
}

/** {@link positive}, stretched to [0, 1]. */
export function positiveNormalize(x: Symbolic, axis: readonly number[] = SPATIAL_AXIS): Symbolic {
  return normalize(positive(x, axis), axis);
}

/** |x|, stretched to [0, 1]. */
export function absoluteNormalize(x: Symbolic, axis: readonly number[] = SPATIAL_AXIS): Symbolic {
  return normalize(magnitude(x), axis);
}

/** {@link negative}, stretched to [0, 1]. */
export function negativeNormalize(x: Symbolic, axis: readonly number[] = SPATIAL_AXIS): Symbolic {
  return normalize(negative(x, axis), axis);
}
