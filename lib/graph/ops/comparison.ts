/**
 * Elementwise comparison and selection. Comparisons return bool, and shapes broadcast. A comparison with NaN is false,
 * except `notEqual`, which is true.
 */
import { binary, constant, floating, type Operand, op, promote } from '../operand.js';
import type { Symbolic } from '../symbolic.js';

/**
 * Returns whether x = y.
 *
 * @param x any shape and dtype.
 * @param y a shape that broadcasts with `x`; the dtype of `x`.
 * @returns bool, in the broadcast shape.
 * @throws GraphError (`INVALID_ARGUMENT`) if the dtypes differ or the shapes do not broadcast.
 */
export const equal = (x: Operand, y: Operand): Symbolic => binary('Equal', x, y);

/**
 * Returns whether x ≠ y.
 *
 * @param x any shape and dtype.
 * @param y a shape that broadcasts with `x`; the dtype of `x`.
 * @returns bool, in the broadcast shape.
 * @throws GraphError (`INVALID_ARGUMENT`) if the dtypes differ or the shapes do not broadcast.
 */
export const notEqual = (x: Operand, y: Operand): Symbolic => binary('NotEqual', x, y);

/**
 * Returns whether x < y.
 *
 * @param x any shape; a numeric dtype.
 * @param y a shape that broadcasts with `x`; the dtype of `x`.
 * @returns bool, in the broadcast shape.
 * @throws GraphError (`INVALID_ARGUMENT`) if the dtypes differ or are not numeric, or the shapes do not broadcast.
 */
export const less = (x: Operand, y: Operand): Symbolic => binary('Less', x, y);

/**
 * Returns whether x ≤ y.
 *
 * @param x any shape; a numeric dtype.
 * @param y a shape that broadcasts with `x`; the dtype of `x`.
 * @returns bool, in the broadcast shape.
 * @throws GraphError (`INVALID_ARGUMENT`) if the dtypes differ or are not numeric, or the shapes do not broadcast.
 */
export const lessEqual = (x: Operand, y: Operand): Symbolic => binary('LessEqual', x, y);

/**
 * Returns whether x > y.
 *
 * @param x any shape; a numeric dtype.
 * @param y a shape that broadcasts with `x`; the dtype of `x`.
 * @returns bool, in the broadcast shape.
 * @throws GraphError (`INVALID_ARGUMENT`) if the dtypes differ or are not numeric, or the shapes do not broadcast.
 */
export const greater = (x: Operand, y: Operand): Symbolic => binary('Greater', x, y);

/**
 * Returns whether x ≥ y.
 *
 * @param x any shape; a numeric dtype.
 * @param y a shape that broadcasts with `x`; the dtype of `x`.
 * @returns bool, in the broadcast shape.
 * @throws GraphError (`INVALID_ARGUMENT`) if the dtypes differ or are not numeric, or the shapes do not broadcast.
 */
export const greaterEqual = (x: Operand, y: Operand): Symbolic => binary('GreaterEqual', x, y);

/**
 * Returns whether both x and y are true. At least one of the two must be a tensor or a single boolean: two nested
 * arrays would be float32.
 *
 * @param x any shape; bool.
 * @param y a shape that broadcasts with `x`; bool.
 * @returns bool, in the broadcast shape.
 * @throws GraphError (`INVALID_ARGUMENT`) for other dtypes, and if the shapes do not broadcast.
 */
export const logicalAnd = (x: Operand, y: Operand): Symbolic => binary('LogicalAnd', x, y);

/**
 * Returns whether x, y or both are true. At least one of the two must be a tensor or a single boolean: two nested
 * arrays would be float32.
 *
 * @param x any shape; bool.
 * @param y a shape that broadcasts with `x`; bool.
 * @returns bool, in the broadcast shape.
 * @throws GraphError (`INVALID_ARGUMENT`) for other dtypes, and if the shapes do not broadcast.
 */
export const logicalOr = (x: Operand, y: Operand): Symbolic => binary('LogicalOr', x, y);

/**
 * Returns whether x is false.
 *
 * @param x any shape; bool.
 * @returns bool, in the shape of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) for a symbolic tensor of another dtype. TypeError for another tensor of
 *   another dtype.
 */
export const logicalNot = (x: Operand): Symbolic => op('LogicalNot', [constant(x, 'bool')]);

/**
 * Returns whether x is NaN.
 *
 * @param x any shape; a floating dtype.
 * @returns bool, in the shape of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype.
 */
export const isNan = (x: Operand): Symbolic => floating('IsNan', x);

/**
 * Returns whether x is ∞ or -∞.
 *
 * @param x any shape; a floating dtype.
 * @returns bool, in the shape of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype.
 */
export const isInf = (x: Operand): Symbolic => floating('IsInf', x);

/**
 * Returns whether x is neither NaN nor infinite.
 *
 * @param x any shape; a floating dtype.
 * @returns bool, in the shape of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype.
 */
const finite = (x: Operand): Symbolic => floating('IsFinite', x);

// Under its TensorFlow name, which inside this file would hide JavaScript's own.
export { finite as isFinite };

/**
 * Selects elements of x where `condition` is true, and elements of y elsewhere. All three shapes broadcast. Both x and
 * y are computed for all elements. An element that is not selected does not affect the result, but its derivative must
 * be finite, because the gradient multiplies the derivative by 0.
 *
 * @param condition bool.
 * @param x any dtype.
 * @param y the dtype of `x`.
 * @returns the broadcast shape, in the dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) if `x` and `y` differ in dtype, for a symbolic `condition` of another dtype,
 *   and if the shapes do not broadcast. RangeError if a `condition` in numbers has an element other than 0 and 1.
 * @example
 * // √x where x is positive, 0 elsewhere. The inner `where` keeps the infinite derivative at 0 out of the gradient.
 * const isPositive = ops.greater(x, 0);
 * const safe = ops.where(isPositive, x, 1);
 * const result = ops.where(isPositive, ops.sqrt(safe), 0);
 */
export function where(condition: Operand, x: Operand, y: Operand): Symbolic {
  return op('SelectV2', [constant(condition, 'bool'), ...promote(x, y)]);
}
