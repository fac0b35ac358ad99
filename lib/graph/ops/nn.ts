/** Activation functions and normalisation of neural networks. */
import { constant, floating, type Operand, op, unary } from '../operand.js';
import type { Symbolic } from '../symbolic.js';
import { divide, maximum, multiply, sqrt, square } from './arithmetic.js';
import { type Axis, reduceSum } from './reduction.js';

/** max(x, 0) */
export const relu = (x: Operand): Symbolic => unary('Relu', x);
/** min(max(x, 0), 6) */
export const relu6 = (x: Operand): Symbolic => unary('Relu6', x);
export const elu = (x: Operand): Symbolic => floating('Elu', x);
export const selu = (x: Operand): Symbolic => floating('Selu', x);
export const leakyRelu = (x: Operand, alpha = 0.2): Symbolic =>
  op('LeakyRelu', [constant(x)], { alpha: { float: alpha } });
export const softplus = (x: Operand): Symbolic => floating('Softplus', x);
export const softsign = (x: Operand): Symbolic => floating('Softsign', x);
export const sigmoid = (x: Operand): Symbolic => floating('Sigmoid', x);

/** x · sigmoid(x), also called swish. */
export function silu(x: Operand): Symbolic {
  const value = constant(x);
  return multiply(value, sigmoid(value));
}

/** Over the last axis. */
export const softmax = (x: Operand): Symbolic => floating('Softmax', x);
/** log(softmax(x)), over the last axis. */
export const logSoftmax = (x: Operand): Symbolic => floating('LogSoftmax', x);

/** x divided by its Euclidean norm over `axis`, which is taken as at least √epsilon. */
export function l2Normalize(x: Operand, axis?: Axis, epsilon = 1e-12): Symbolic {
  const value = constant(x);
  return divide(value, sqrt(maximum(reduceSum(square(value), axis, { keepdims: true }), epsilon)));
}
