/** The operands of ops, and their conversion into symbolic tensors. */

import type { DType } from '../binding/contract.js';
import { wrongType } from '../support/arguments.js';
import { GraphError } from '../support/errors.js';
import {
  encode,
  isFloating,
  isInteger,
  isNumeric,
  isTypedArray,
  type NumericDType,
  type TypedArray,
} from '../tensor/dtype.js';
import { checkElements } from '../tensor/nested_arrays.js';
import { type NestedArray, Tensor, tensor } from '../tensor/tensor.js';
import { Symbolic } from './symbolic.js';
import { type Attributes, type OpInput, Trace } from './trace.js';

/**
 * A symbolic tensor, or a value that becomes a constant of the graph. Numbers, booleans and nested arrays take the
 * dtype of the other operand of a binary op. A `Tensor` and a typed array keep their own dtype.
 */
export type Operand = Symbolic | Tensor | number | boolean | bigint | NestedArray | TypedArray;

/**
 * Returns `value` as a symbolic tensor: a constant of the graph. A symbolic tensor is returned itself, whatever its
 * dtype.
 *
 * @param value a number, a bigint or a boolean (a scalar), a nested array, a typed array (a vector) or a `Tensor`.
 * @param dtype the dtype of a number or nested array; must be that of a typed array or `Tensor`. Default: float32 for
 *   numbers and nested arrays, bool for a boolean, and otherwise the dtype of the value.
 * @returns the shape of `value`.
 * @throws TypeError for another kind of value, and a typed array or `Tensor` of another dtype. RangeError for an
 *   element that the dtype cannot hold, and arrays of uneven lengths. GraphError (`INVALID_ARGUMENT`) for a fraction in
 *   an integer dtype, and a dtype that is not numeric or bool.
 * @example
 * ops.constant([[1, 2], [3, 4]]); // float32 (2, 2)
 * ops.constant([0, 1], 'int32'); // int32 (2)
 */
export function constant(value: Operand, dtype?: DType): Symbolic {
  if (value instanceof Symbolic) return value;
  const trace = Trace.current();
  if (value instanceof Tensor) {
    if (dtype !== undefined && dtype !== value.dtype) {
      throw wrongType(
        'value',
        `a tensor of dtype ${dtype}`,
        value,
        'Convert it in the graph with `ops.cast`.',
      );
    }
    return trace.constant(value.dtype, value.shape, value.data);
  }
  const isBoolean = typeof value === 'boolean';
  const kind = dtype ?? (isBoolean ? 'bool' : 'float32');
  if (!isNumeric(kind)) {
    throw new GraphError('INVALID_ARGUMENT', `A constant cannot be of dtype ${kind}.`);
  }
  if (typeof value === 'number' || isBoolean || typeof value === 'bigint') {
    checkFits(value, kind);
    checkElements('value', [value], kind);
    return trace.constant(kind, [], encode([value], kind));
  }
  if (isTypedArray(value)) return constant(tensor(value), dtype);
  if (Array.isArray(value)) {
    const { data, shape } = tensor(value, undefined, kind);
    return trace.constant(kind, shape, data);
  }
  throw wrongType('value', 'a symbolic tensor, a Tensor, a number or nested arrays of numbers', value);
}

function checkFits(value: number | boolean | bigint, dtype: NumericDType): void {
  if (isInteger(dtype) && typeof value === 'number' && !Number.isInteger(value)) {
    throw new GraphError(
      'INVALID_ARGUMENT',
      `The number ${value} meets a tensor of dtype ${dtype} and would lose its fraction. Cast the tensor with ` +
        "`ops.cast(x, 'float32')` first.",
    );
  }
}

/** Returns two operands in one dtype. A plain value takes the dtype of the other operand. Refuses different dtypes. */
export function promote(x: Operand, y: Operand): [Symbolic, Symbolic] {
  const peer = (value: Operand) =>
    value instanceof Symbolic || value instanceof Tensor ? value.dtype : undefined;
  const a = constant(x, peer(x) ?? peer(y));
  const b = constant(y, peer(y) ?? peer(x));
  if (a.dtype !== b.dtype) {
    throw new GraphError(
      'INVALID_ARGUMENT',
      `Expected \`x\` and \`y\` of one dtype but received ${a} and ${b}. Convert one with \`ops.cast\`.`,
    );
  }
  return [a, b];
}

/** Returns integers as an int32 constant, and a symbolic tensor unchanged. */
export function integers(value: Symbolic | number | readonly number[]): Symbolic {
  return value instanceof Symbolic ? value : constant(value, 'int32');
}

/** Records an op with one output in the current trace. */
export function op(type: string, inputs: readonly OpInput[], attributes?: Attributes): Symbolic {
  return Trace.current().op(type, inputs, attributes)[0] as Symbolic;
}

/** Records an elementwise op of one input. */
export function unary(type: string, x: Operand): Symbolic {
  return op(type, [constant(x)]);
}

/** Records a broadcasting op of two inputs. */
export function binary(type: string, x: Operand, y: Operand): Symbolic {
  return op(type, promote(x, y));
}

/** Records an elementwise op of one input of a floating dtype. Refuses other dtypes. */
export function floating(type: string, x: Operand): Symbolic {
  const value = constant(x);
  if (!isFloating(value.dtype)) {
    throw new GraphError(
      'INVALID_ARGUMENT',
      `Expected a floating tensor for ${type} but received ${value}. Use \`ops.cast\`.`,
    );
  }
  return op(type, [value]);
}
