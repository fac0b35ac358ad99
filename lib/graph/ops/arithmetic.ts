/** Elementwise arithmetic. Shapes broadcast; plain numbers take the dtype of the tensor they meet. */
import { binary, constant, floating, type Operand, op, unary } from '../operand.js';
import type { Symbolic } from '../symbolic.js';

export const add = (x: Operand, y: Operand): Symbolic => binary('AddV2', x, y);
export const subtract = (x: Operand, y: Operand): Symbolic => binary('Sub', x, y);
export const multiply = (x: Operand, y: Operand): Symbolic => binary('Mul', x, y);
/** x / y. Floating dtypes. */
export const divide = (x: Operand, y: Operand): Symbolic => binary('RealDiv', x, y);
/** x / y, and 0 where y is 0. Floating dtypes. */
export const divideNoNan = (x: Operand, y: Operand): Symbolic => binary('DivNoNan', x, y);
/** x · y, and 0 where y is 0 even if x is not finite. Floating dtypes. */
export const multiplyNoNan = (x: Operand, y: Operand): Symbolic => binary('MulNoNan', x, y);
/** The largest integer not above x / y. */
export const floordiv = (x: Operand, y: Operand): Symbolic => binary('FloorDiv', x, y);
/** x - floordiv(x, y) · y: of the sign of y. */
export const floormod = (x: Operand, y: Operand): Symbolic => binary('FloorMod', x, y);
export const pow = (x: Operand, y: Operand): Symbolic => binary('Pow', x, y);
export const maximum = (x: Operand, y: Operand): Symbolic => binary('Maximum', x, y);
export const minimum = (x: Operand, y: Operand): Symbolic => binary('Minimum', x, y);
/** (x - y)² */
export const squaredDifference = (x: Operand, y: Operand): Symbolic => binary('SquaredDifference', x, y);
export const atan2 = (y: Operand, x: Operand): Symbolic => binary('Atan2', y, x);

export const negative = (x: Operand): Symbolic => unary('Neg', x);
export const abs = (x: Operand): Symbolic => unary('Abs', x);
/** -1, 0 or 1. */
export const sign = (x: Operand): Symbolic => unary('Sign', x);
export const square = (x: Operand): Symbolic => unary('Square', x);

export const reciprocal = (x: Operand): Symbolic => floating('Reciprocal', x);
export const sqrt = (x: Operand): Symbolic => floating('Sqrt', x);
/** 1 / √x */
export const rsqrt = (x: Operand): Symbolic => floating('Rsqrt', x);
export const exp = (x: Operand): Symbolic => floating('Exp', x);
/** exp(x) - 1, exact near 0. */
export const expm1 = (x: Operand): Symbolic => floating('Expm1', x);
export const log = (x: Operand): Symbolic => floating('Log', x);
/** log(1 + x), exact near 0. */
export const log1p = (x: Operand): Symbolic => floating('Log1p', x);
export const sin = (x: Operand): Symbolic => floating('Sin', x);
export const cos = (x: Operand): Symbolic => floating('Cos', x);
export const tan = (x: Operand): Symbolic => floating('Tan', x);
export const tanh = (x: Operand): Symbolic => floating('Tanh', x);
export const erf = (x: Operand): Symbolic => floating('Erf', x);
export const floor = (x: Operand): Symbolic => floating('Floor', x);
export const ceil = (x: Operand): Symbolic => floating('Ceil', x);
/** To the nearest integer, halves to even. */
export const round = (x: Operand): Symbolic => unary('Round', x);

/** x held within `[least, most]`. */
export function clipByValue(x: Operand, least: Operand, most: Operand): Symbolic {
  return minimum(maximum(x, least), most);
}

/** The sum of tensors of one shape and dtype. */
export function addN(values: readonly Symbolic[]): Symbolic {
  return op('AddN', [values.map((value) => constant(value))]);
}
