/** Elementwise comparison and choice. Results of comparisons are bool; shapes broadcast. */
import { binary, constant, floating, type Operand, op, promote } from '../operand.js';
import type { Symbolic } from '../symbolic.js';

export const equal = (x: Operand, y: Operand): Symbolic => binary('Equal', x, y);
export const notEqual = (x: Operand, y: Operand): Symbolic => binary('NotEqual', x, y);
export const less = (x: Operand, y: Operand): Symbolic => binary('Less', x, y);
export const lessEqual = (x: Operand, y: Operand): Symbolic => binary('LessEqual', x, y);
export const greater = (x: Operand, y: Operand): Symbolic => binary('Greater', x, y);
export const greaterEqual = (x: Operand, y: Operand): Symbolic => binary('GreaterEqual', x, y);

export const logicalAnd = (x: Operand, y: Operand): Symbolic => binary('LogicalAnd', x, y);
export const logicalOr = (x: Operand, y: Operand): Symbolic => binary('LogicalOr', x, y);
export const logicalNot = (x: Operand): Symbolic => op('LogicalNot', [constant(x, 'bool')]);

export const isNan = (x: Operand): Symbolic => floating('IsNan', x);
export const isInf = (x: Operand): Symbolic => floating('IsInf', x);
const finite = (x: Operand): Symbolic => floating('IsFinite', x);

// Under its TensorFlow name, which inside this file would hide JavaScript's own.
export { finite as isFinite };

/** x where `condition` (bool) holds, y elsewhere; all three broadcast. Both are computed. */
export function where(condition: Operand, x: Operand, y: Operand): Symbolic {
  return op('SelectV2', [constant(condition, 'bool'), ...promote(x, y)]);
}
