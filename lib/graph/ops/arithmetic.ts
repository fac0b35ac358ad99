/**
 * Elementwise arithmetic. Shapes broadcast as in NumPy. Numbers and nested arrays take the dtype of the other operand.
 *
 * "Floating" dtypes are float32, float64, float16 and bfloat16. "Numeric" dtypes are these and all integers, not bool.
 * NaN in an operand makes the element NaN, unless the op says otherwise. Integers wrap around on overflow.
 */
import { binary, constant, floating, type Operand, op, unary } from '../operand.js';
import type { Symbolic } from '../symbolic.js';

/**
 * Returns x + y.
 *
 * @param x any shape; a numeric dtype.
 * @param y a shape that broadcasts with `x`; the dtype of `x`.
 * @returns the broadcast shape, in the common dtype.
 * @throws GraphError (`INVALID_ARGUMENT`) if the dtypes differ or are not numeric, or the shapes do not broadcast.
 */
export const add = (x: Operand, y: Operand): Symbolic => binary('AddV2', x, y);

/**
 * Returns x - y.
 *
 * @param x any shape; a numeric dtype.
 * @param y a shape that broadcasts with `x`; the dtype of `x`.
 * @returns the broadcast shape, in the common dtype.
 * @throws GraphError (`INVALID_ARGUMENT`) if the dtypes differ or are not numeric, or the shapes do not broadcast.
 */
export const subtract = (x: Operand, y: Operand): Symbolic => binary('Sub', x, y);

/**
 * Returns x · y.
 *
 * @param x any shape; a numeric dtype.
 * @param y a shape that broadcasts with `x`; the dtype of `x`.
 * @returns the broadcast shape, in the common dtype.
 * @throws GraphError (`INVALID_ARGUMENT`) if the dtypes differ or are not numeric, or the shapes do not broadcast.
 */
export const multiply = (x: Operand, y: Operand): Symbolic => binary('Mul', x, y);

/**
 * Returns x / y. Division by 0 yields an infinity, or NaN if `x` is 0, too.
 *
 * @param x any shape; a floating dtype. The run of a division of integers is rejected: use {@link floordiv} or
 *   `ops.cast`.
 * @param y a shape that broadcasts with `x`; the dtype of `x`.
 * @returns the broadcast shape, in the common dtype.
 * @throws GraphError (`INVALID_ARGUMENT`) if the dtypes differ or are not numeric, or the shapes do not broadcast.
 */
export const divide = (x: Operand, y: Operand): Symbolic => binary('RealDiv', x, y);

/**
 * Returns x / y, and 0 where `y` is 0, even if `x` is NaN or infinite.
 *
 * @param x any shape; a floating dtype.
 * @param y a shape that broadcasts with `x`; the dtype of `x`.
 * @returns the broadcast shape, in the common dtype.
 * @throws GraphError (`INVALID_ARGUMENT`) if the dtypes differ or are not floating, or the shapes do not broadcast.
 */
export const divideNoNan = (x: Operand, y: Operand): Symbolic => binary('DivNoNan', x, y);

/**
 * Returns x · y, and 0 where `y` is 0, even if `x` is NaN or infinite.
 *
 * @param x any shape; a floating dtype.
 * @param y a shape that broadcasts with `x`; the dtype of `x`.
 * @returns the broadcast shape, in the common dtype.
 * @throws GraphError (`INVALID_ARGUMENT`) if the dtypes differ or are not floating, or the shapes do not broadcast.
 */
export const multiplyNoNan = (x: Operand, y: Operand): Symbolic => binary('MulNoNan', x, y);

/**
 * Returns the largest integer that is not above x / y.
 *
 * @param x any shape; a numeric dtype.
 * @param y a shape that broadcasts with `x`; the dtype of `x`. A run with an integer 0 is rejected
 *   (`INVALID_ARGUMENT`).
 * @returns the broadcast shape, in the common dtype.
 * @throws GraphError (`INVALID_ARGUMENT`) if the dtypes differ or are not numeric, or the shapes do not broadcast.
 */
export const floordiv = (x: Operand, y: Operand): Symbolic => binary('FloorDiv', x, y);

/**
 * Returns x - floordiv(x, y) · y. The result has the sign of `y`.
 *
 * @param x any shape; a numeric dtype.
 * @param y a shape that broadcasts with `x`; the dtype of `x`. A run with an integer 0 is rejected
 *   (`INVALID_ARGUMENT`).
 * @returns the broadcast shape, in the common dtype.
 * @throws GraphError (`INVALID_ARGUMENT`) if the dtypes differ or are not numeric, or the shapes do not broadcast.
 */
export const floormod = (x: Operand, y: Operand): Symbolic => binary('FloorMod', x, y);

/**
 * Returns x to the power y. A negative `x` to a fraction is NaN. 0 to the power 0 is 1.
 *
 * @param x any shape; a floating dtype or a signed integer dtype.
 * @param y a shape that broadcasts with `x`; the dtype of `x`. Integers must not be negative.
 * @returns the broadcast shape, in the common dtype.
 * @throws GraphError (`INVALID_ARGUMENT`) if the dtypes differ or are not floating or signed integers, or the shapes do
 *   not broadcast.
 */
export const pow = (x: Operand, y: Operand): Symbolic => binary('Pow', x, y);

/**
 * Returns the larger of x and y. NaN in either makes the element NaN.
 *
 * @param x any shape; a numeric dtype.
 * @param y a shape that broadcasts with `x`; the dtype of `x`.
 * @returns the broadcast shape, in the common dtype.
 * @throws GraphError (`INVALID_ARGUMENT`) if the dtypes differ or are not numeric, or the shapes do not broadcast.
 */
export const maximum = (x: Operand, y: Operand): Symbolic => binary('Maximum', x, y);

/**
 * Returns the smaller of x and y. NaN in either makes the element NaN.
 *
 * @param x any shape; a numeric dtype.
 * @param y a shape that broadcasts with `x`; the dtype of `x`.
 * @returns the broadcast shape, in the common dtype.
 * @throws GraphError (`INVALID_ARGUMENT`) if the dtypes differ or are not numeric, or the shapes do not broadcast.
 */
export const minimum = (x: Operand, y: Operand): Symbolic => binary('Minimum', x, y);

/**
 * Returns (x - y)².
 *
 * @param x any shape; a floating dtype, int32 or int64.
 * @param y a shape that broadcasts with `x`; the dtype of `x`.
 * @returns the broadcast shape, in the common dtype.
 * @throws GraphError (`INVALID_ARGUMENT`) if the dtypes differ or are not floating, int32 or int64, or the shapes do
 *   not broadcast.
 */
export const squaredDifference = (x: Operand, y: Operand): Symbolic => binary('SquaredDifference', x, y);

/**
 * Returns the angle of the point (x, y) in radians, within [-π, π]. The angle of (0, 0) is 0.
 *
 * @param y any shape; a floating dtype.
 * @param x a shape that broadcasts with `y`; the dtype of `y`.
 * @returns the broadcast shape, in the common dtype.
 * @throws GraphError (`INVALID_ARGUMENT`) if the dtypes differ or are not floating, or the shapes do not broadcast.
 */
export const atan2 = (y: Operand, x: Operand): Symbolic => binary('Atan2', y, x);

/**
 * Returns -x.
 *
 * @param x any shape; a floating dtype or a signed integer dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype or a signed integer dtype.
 */
export const negative = (x: Operand): Symbolic => unary('Neg', x);

/**
 * Returns |x|. The most negative integer of a dtype is returned unchanged.
 *
 * @param x any shape; a floating dtype or a signed integer dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype or a signed integer dtype.
 */
export const abs = (x: Operand): Symbolic => unary('Abs', x);

/**
 * Returns -1, 0 or 1, the sign of x, and NaN for NaN.
 *
 * @param x any shape; a floating dtype or a signed integer dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype or a signed integer dtype.
 */
export const sign = (x: Operand): Symbolic => unary('Sign', x);

/**
 * Returns x².
 *
 * @param x any shape; a numeric dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a numeric dtype.
 */
export const square = (x: Operand): Symbolic => unary('Square', x);

/**
 * Returns 1 / x. The reciprocal of 0 is infinite.
 *
 * @param x any shape; a floating dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype.
 */
export const reciprocal = (x: Operand): Symbolic => floating('Reciprocal', x);

/**
 * Returns √x, and NaN for negative x. The gradient at 0 is infinite.
 *
 * @param x any shape; a floating dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype.
 */
export const sqrt = (x: Operand): Symbolic => floating('Sqrt', x);

/**
 * Returns 1 / √x: infinite for 0 and NaN for negative x.
 *
 * @param x any shape; a floating dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype.
 */
export const rsqrt = (x: Operand): Symbolic => floating('Rsqrt', x);

/**
 * Returns e^x.
 *
 * @param x any shape; a floating dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype.
 */
export const exp = (x: Operand): Symbolic => floating('Exp', x);

/**
 * Returns e^x - 1, without the loss of precision near 0.
 *
 * @param x any shape; a floating dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype.
 */
export const expm1 = (x: Operand): Symbolic => floating('Expm1', x);

/**
 * Returns the natural logarithm of x: -∞ for 0 and NaN for negative x.
 *
 * @param x any shape; a floating dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype.
 */
export const log = (x: Operand): Symbolic => floating('Log', x);

/**
 * Returns log(1 + x), without the loss of precision near 0: -∞ for -1 and NaN below -1.
 *
 * @param x any shape; a floating dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype.
 */
export const log1p = (x: Operand): Symbolic => floating('Log1p', x);

/**
 * Returns the sine of x. The unit of x is the radian.
 *
 * @param x any shape; a floating dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype.
 */
export const sin = (x: Operand): Symbolic => floating('Sin', x);

/**
 * Returns the cosine of x. The unit of x is the radian.
 *
 * @param x any shape; a floating dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype.
 */
export const cos = (x: Operand): Symbolic => floating('Cos', x);

/**
 * Returns the tangent of x. The unit of x is the radian.
 *
 * @param x any shape; a floating dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype.
 */
export const tan = (x: Operand): Symbolic => floating('Tan', x);

/**
 * Returns the hyperbolic tangent of x.
 *
 * @param x any shape; a floating dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype.
 */
export const tanh = (x: Operand): Symbolic => floating('Tanh', x);

/**
 * Returns the error function of x, 2 / √π · ∫ exp(-t²) dt from 0 to x.
 *
 * @param x any shape; a floating dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype.
 */
export const erf = (x: Operand): Symbolic => floating('Erf', x);

/**
 * Returns the largest integer that is not above x. The gradient is 0.
 *
 * @param x any shape; a floating dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype.
 */
export const floor = (x: Operand): Symbolic => floating('Floor', x);

/**
 * Returns the smallest integer that is not below x. The gradient is 0.
 *
 * @param x any shape; a floating dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype.
 */
export const ceil = (x: Operand): Symbolic => floating('Ceil', x);

/**
 * Returns the nearest integer to x. Halves are rounded to the even integer. The gradient is 0.
 *
 * @param x any shape; a floating dtype, int32 or int64.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) for unsigned integers and bool. The run of int8 and int16 is rejected.
 */
export const round = (x: Operand): Symbolic => unary('Round', x);

/**
 * Returns x limited to [least, most], as min(max(x, least), most). NaN stays NaN.
 *
 * @param x any shape; a numeric dtype.
 * @param least a shape that broadcasts with `x`; the dtype of `x`.
 * @param most as `least`. Where `most` is below `least`, the result is `most`.
 * @returns the broadcast shape, in the dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) if the dtypes differ or are not numeric, or the shapes do not broadcast.
 */
export function clipByValue(x: Operand, least: Operand, most: Operand): Symbolic {
  return minimum(maximum(x, least), most);
}

/**
 * Returns the sum of all `values`. Shapes do not broadcast.
 *
 * @param values at least one tensor; all of one shape and of one numeric dtype.
 * @returns the shape and dtype of the values.
 * @throws GraphError (`INVALID_ARGUMENT`) for an empty list, and for shapes or dtypes that differ or are not numeric.
 */
export function addN(values: readonly Symbolic[]): Symbolic {
  return op('AddN', [values.map((value) => constant(value))]);
}
