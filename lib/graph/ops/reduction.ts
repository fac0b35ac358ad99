/**
 * Reductions over axes.
 *
 * `axis` is one axis or several axes. A negative axis counts from the end. Without `axis`, all axes are reduced; an
 * empty list reduces none. Reduced axes are dropped, or stay with size 1 if `keepdims` is true. NaN in a group makes
 * the result of the group NaN.
 */
import { constant, integers, type Operand, op } from '../operand.js';
import { positiveAxis, type Symbolic } from '../symbolic.js';
import { sqrt, square, subtract } from './arithmetic.js';

/** One axis or several axes. A negative axis counts from the end. */
export type Axis = number | readonly number[];

export interface ReductionOptions {
  /** Whether reduced axes stay in the result, with size 1. Default: false. */
  readonly keepdims?: boolean;
}

function axes(x: Symbolic, axis: Axis | undefined): Symbolic {
  if (axis !== undefined) {
    const list = typeof axis === 'number' ? [axis] : axis;
    const { shape } = x;
    return integers(shape === null ? list : list.map((each) => positiveAxis(each, shape.length)));
  }
  if (x.shape !== null) return integers(x.shape.map((_, i) => i));
  return op('Range', [integers(0), op('Rank', [x]), integers(1)]);
}

function reduce(type: string, x: Operand, axis: Axis | undefined, options: ReductionOptions): Symbolic {
  const value = constant(x);
  return op(type, [value, axes(value, axis)], { keep_dims: options.keepdims ?? false });
}

/**
 * Returns the sum over `axis`. The sum of no elements is 0.
 *
 * @param x any shape; a numeric dtype.
 * @param axis the axes to reduce. Default: all axes.
 * @returns the shape of `x` without `axis`, in the dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) for an axis that `x` does not have, and for bool.
 */
export const reduceSum = (x: Operand, axis?: Axis, options: ReductionOptions = {}): Symbolic =>
  reduce('Sum', x, axis, options);

/**
 * Returns the mean over `axis`. The mean of integers is rounded towards zero. The mean of no elements is NaN (of
 * integers: 0).
 *
 * @param x any shape; a numeric dtype.
 * @param axis the axes to reduce. Default: all axes.
 * @returns the shape of `x` without `axis`, in the dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) for an axis that `x` does not have, and for bool.
 * @example
 * // The mean over the positions of activations (N, H, W, K): (N, K).
 * const pooled = ops.reduceMean(activations, [1, 2]);
 */
export const reduceMean = (x: Operand, axis?: Axis, options: ReductionOptions = {}): Symbolic =>
  reduce('Mean', x, axis, options);

/**
 * Returns the maximum over `axis`. The maximum of no elements is -∞ (of integers: the least of the dtype).
 *
 * @param x any shape; a numeric dtype.
 * @param axis the axes to reduce. Default: all axes.
 * @returns the shape of `x` without `axis`, in the dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) for an axis that `x` does not have, and for bool.
 */
export const reduceMax = (x: Operand, axis?: Axis, options: ReductionOptions = {}): Symbolic =>
  reduce('Max', x, axis, options);

/**
 * Returns the minimum over `axis`. The minimum of no elements is ∞ (of integers: the largest of the dtype).
 *
 * @param x any shape; a numeric dtype.
 * @param axis the axes to reduce. Default: all axes.
 * @returns the shape of `x` without `axis`, in the dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) for an axis that `x` does not have, and for bool.
 */
export const reduceMin = (x: Operand, axis?: Axis, options: ReductionOptions = {}): Symbolic =>
  reduce('Min', x, axis, options);

/**
 * Returns the product over `axis`. The product of no elements is 1.
 *
 * @param x any shape; a numeric dtype.
 * @param axis the axes to reduce. Default: all axes.
 * @returns the shape of `x` without `axis`, in the dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) for an axis that `x` does not have, and for bool.
 */
export const reduceProd = (x: Operand, axis?: Axis, options: ReductionOptions = {}): Symbolic =>
  reduce('Prod', x, axis, options);

/**
 * Returns whether any element over `axis` is true. The result for no elements is false.
 *
 * @param x any shape; a bool tensor. Nested arrays are float32: write `ops.constant(array, 'bool')`.
 * @param axis the axes to reduce. Default: all axes.
 * @returns bool, in the shape of `x` without `axis`.
 * @throws GraphError (`INVALID_ARGUMENT`) for an axis that `x` does not have, and for other dtypes.
 */
export const reduceAny = (x: Operand, axis?: Axis, options: ReductionOptions = {}): Symbolic =>
  reduce('Any', x, axis, options);

/**
 * Returns whether all elements over `axis` are true. The result for no elements is true.
 *
 * @param x any shape; a bool tensor. Nested arrays are float32: write `ops.constant(array, 'bool')`.
 * @param axis the axes to reduce. Default: all axes.
 * @returns bool, in the shape of `x` without `axis`.
 * @throws GraphError (`INVALID_ARGUMENT`) for an axis that `x` does not have, and for other dtypes.
 */
export const reduceAll = (x: Operand, axis?: Axis, options: ReductionOptions = {}): Symbolic =>
  reduce('All', x, axis, options);

/**
 * Returns the mean over `axis` of the squared distance to the mean (the divisor is the number of elements). Integers
 * are computed as integers: cast them to a floating dtype first.
 *
 * @param x any shape; a floating dtype.
 * @param axis the axes to reduce. Default: all axes.
 * @returns the shape of `x` without `axis`, in the dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) for an axis that `x` does not have, and for bool.
 */
export function reduceVariance(x: Operand, axis?: Axis, options: ReductionOptions = {}): Symbolic {
  const value = constant(x);
  const mean = reduceMean(value, axis, { keepdims: true });
  return reduceMean(square(subtract(value, mean)), axis, options);
}

/**
 * Returns the standard deviation over `axis`: the square root of {@link reduceVariance}.
 *
 * @param x any shape; a floating dtype.
 * @param axis the axes to reduce. Default: all axes.
 * @returns the shape of `x` without `axis`, in the dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) for an axis that `x` does not have, and unless `x` has a floating dtype.
 */
export const reduceStd = (x: Operand, axis?: Axis, options: ReductionOptions = {}): Symbolic =>
  sqrt(reduceVariance(x, axis, options));

/**
 * Returns log(Σ exp(x)) over `axis`. Large x do not overflow: the result is finite if all x are finite. If the maximum
 * over `axis` is ∞ or -∞, so is the result.
 *
 * @param x any shape; a floating dtype.
 * @param axis the axes to reduce. Default: all axes.
 * @returns the shape of `x` without `axis`, in the dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) for an axis that `x` does not have, and unless `x` has a floating dtype.
 */
export function reduceLogsumexp(
  x: Operand,
  axis?: Axis,
  { keepdims = false }: ReductionOptions = {},
): Symbolic {
  const value = constant(x);
  const whole = finiteOrZero(reduceMax(value, axis, { keepdims: true }));
  const sum = reduceSum(op('Exp', [subtract(value, whole)]), axis, { keepdims });
  const shift = keepdims ? whole : finiteOrZero(reduceMax(value, axis));
  return op('AddV2', [op('Log', [sum]), shift]);
}

/** Returns x where x is finite, and 0 elsewhere. */
function finiteOrZero(x: Symbolic): Symbolic {
  return op('SelectV2', [op('IsFinite', [x]), x, op('ZerosLike', [x])]);
}

/**
 * Returns the index of the largest element along `axis`: the least index of equal elements. CPUs skip NaN.
 *
 * @param x any shape with at least one axis; any dtype.
 * @param axis the axis to search. Default: the last axis. A run in which the axis is empty is rejected.
 * @returns int32, in the shape of `x` without `axis`.
 * @throws GraphError (`INVALID_ARGUMENT`) for an axis that `x` does not have.
 */
export function argmax(x: Operand, axis = -1): Symbolic {
  return op('ArgMax', [constant(x), integers(axis)], { output_type: { dtype: 'int32' } });
}

/**
 * Returns the index of the smallest element along `axis`: the least index of equal elements. CPUs skip NaN.
 *
 * @param x any shape with at least one axis; any dtype.
 * @param axis the axis to search. Default: the last axis. A run in which the axis is empty is rejected.
 * @returns int32, in the shape of `x` without `axis`.
 * @throws GraphError (`INVALID_ARGUMENT`) for an axis that `x` does not have.
 */
export function argmin(x: Operand, axis = -1): Symbolic {
  return op('ArgMin', [constant(x), integers(axis)], { output_type: { dtype: 'int32' } });
}

/**
 * Returns the cumulative sums along `axis`: element i is the sum of the elements 0 to i.
 *
 * @param x any shape with at least one axis; a numeric dtype.
 * @param axis the axis to sum along. Default: 0. A run with an axis that `x` does not have is rejected.
 * @param options `exclusive`: whether element i is left out of its own sum. `reverse`: whether the sum runs from the
 *   end. Default: false for both.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a numeric dtype.
 */
export function cumsum(x: Operand, axis = 0, { exclusive = false, reverse = false } = {}): Symbolic {
  return op('Cumsum', [constant(x), integers(axis)], { exclusive, reverse });
}
