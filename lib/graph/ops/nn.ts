/** Activation functions and normalisation of neural networks. NaN stays NaN in all of them. */
import { constant, floating, type Operand, op, unary } from '../operand.js';
import type { Symbolic } from '../symbolic.js';
import { divide, maximum, multiply, sqrt, square } from './arithmetic.js';
import { type Axis, reduceSum } from './reduction.js';

/**
 * Returns max(x, 0).
 *
 * @param x any shape; a numeric dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a numeric dtype.
 */
export const relu = (x: Operand): Symbolic => unary('Relu', x);

/**
 * Returns min(max(x, 0), 6).
 *
 * @param x any shape; a numeric dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a numeric dtype.
 */
export const relu6 = (x: Operand): Symbolic => unary('Relu6', x);

/**
 * Returns x where x is positive, and e^x - 1 elsewhere.
 *
 * @param x any shape; a floating dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype.
 */
export const elu = (x: Operand): Symbolic => floating('Elu', x);

/**
 * Returns 1.0507 · x where x is positive, and 1.0507 · 1.6733 · (e^x - 1) elsewhere. Source: Klambauer et al.,
 * "Self-Normalizing Neural Networks", 2017.
 *
 * @param x any shape; a floating dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype.
 */
export const selu = (x: Operand): Symbolic => floating('Selu', x);

/**
 * Returns x where x is positive, and alpha · x elsewhere.
 *
 * @param x any shape; a floating dtype.
 * @param alpha the slope for negative x. Default: 0.2.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype.
 */
export const leakyRelu = (x: Operand, alpha = 0.2): Symbolic =>
  op('LeakyRelu', [constant(x)], { alpha: { float: alpha } });

/**
 * Returns log(1 + e^x).
 *
 * @param x any shape; a floating dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype.
 */
export const softplus = (x: Operand): Symbolic => floating('Softplus', x);

/**
 * Returns x / (1 + |x|).
 *
 * @param x any shape; a floating dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype.
 */
export const softsign = (x: Operand): Symbolic => floating('Softsign', x);

/**
 * Returns 1 / (1 + e^-x).
 *
 * @param x any shape; a floating dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype.
 */
export const sigmoid = (x: Operand): Symbolic => floating('Sigmoid', x);

/**
 * Returns x · sigmoid(x), also called swish.
 *
 * @param x any shape; a floating dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `x` has a floating dtype.
 */
export function silu(x: Operand): Symbolic {
  const value = constant(x);
  return multiply(value, sigmoid(value));
}

/**
 * Returns e^x / Σ e^x, where the sum is over the last axis. Large x do not overflow. A row with NaN or ∞ is NaN.
 *
 * @param x (..., C); a floating dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) for a scalar, and unless `x` has a floating dtype.
 */
export const softmax = (x: Operand): Symbolic => floating('Softmax', x);

/**
 * Returns log(softmax(x)) over the last axis, without the loss of precision of the two ops.
 *
 * @param x (..., C); a floating dtype.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) for a scalar, and unless `x` has a floating dtype.
 */
export const logSoftmax = (x: Operand): Symbolic => floating('LogSoftmax', x);

/**
 * Returns x divided by its Euclidean norm over `axis`: x / √max(Σ x², epsilon).
 *
 * @param x any shape; a floating dtype.
 * @param axis one axis or several axes; a negative axis counts from the end. Default: all axes.
 * @param epsilon the least sum of squares. Zeros therefore stay zeros. Default: 1e-12.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) for an axis that `x` does not have, and unless `x` has a floating dtype.
 */
export function l2Normalize(x: Operand, axis?: Axis, epsilon = 1e-12): Symbolic {
  const value = constant(x);
  return divide(value, sqrt(maximum(reduceSum(square(value), axis, { keepdims: true }), epsilon)));
}
