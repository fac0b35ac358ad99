/** The dtypes of Keras' operations: those of JAX. Numbers of the file are weak: they take the dtype of a tensor. */
import type { DType } from '../../binding/contract.js';
import { constant } from '../../graph/operand.js';
import { cast } from '../../graph/ops/array.js';
import { Symbolic } from '../../graph/symbolic.js';
import { isFloating } from '../../tensor/dtype.js';

/** A tensor, or a number of the file. */
export type Value = Symbolic | number | boolean;

const SIGNED = ['int8', 'int16', 'int32', 'int64'] as const;
const UNSIGNED = ['uint8', 'uint16', 'uint32', 'uint64'] as const;
const FLOATING = ['float16', 'float32', 'float64'] as const;

const rankOf = (list: readonly DType[], dtype: DType) => list.indexOf(dtype);

/** Returns the dtype that holds values of both dtypes. */
export function commonDType(a: DType, b: DType): DType {
  if (a === b) return a;
  if (a === 'bool') return b;
  if (b === 'bool') return a;
  if (isFloating(a) && isFloating(b)) {
    if (a === 'bfloat16' || b === 'bfloat16') {
      return a === 'float64' || b === 'float64' ? 'float64' : 'float32';
    }
    return rankOf(FLOATING, a) > rankOf(FLOATING, b) ? a : b;
  }
  if (isFloating(a)) return a;
  if (isFloating(b)) return b;
  const [signedA, signedB] = [rankOf(SIGNED, a), rankOf(SIGNED, b)];
  if (signedA >= 0 && signedB >= 0) return signedA > signedB ? a : b;
  const [unsignedA, unsignedB] = [rankOf(UNSIGNED, a), rankOf(UNSIGNED, b)];
  if (unsignedA >= 0 && unsignedB >= 0) return unsignedA > unsignedB ? a : b;
  const signed = Math.max(signedA, signedB);
  const needed = Math.max(unsignedA, unsignedB) + 1;
  return SIGNED[Math.max(signed, needed)] ?? 'float32';
}

/** Returns the dtype of a number beside a tensor of `peer`, or alone. */
function dtypeOf(value: Value, peer: DType | undefined): DType {
  if (value instanceof Symbolic) return value.dtype;
  if (typeof value === 'boolean') return peer ?? 'bool';
  if (peer !== undefined && isFloating(peer)) return peer;
  if (!Number.isInteger(value)) return 'float32';
  return peer === undefined || peer === 'bool' ? 'int32' : peer;
}

/** Returns the dtype of a tensor, or undefined for a number. */
const strong = (value: Value) => (value instanceof Symbolic ? value.dtype : undefined);

/** Returns the values as tensors of their common dtype. With `floating`, integers become float32. */
export function promoted(values: readonly Value[], floating = false): Symbolic[] {
  const tensors = values.map(strong).filter((dtype) => dtype !== undefined);
  const peer = tensors.length === 0 ? undefined : tensors.reduce(commonDType);
  let dtype = values.map((value) => dtypeOf(value, peer)).reduce(commonDType);
  if (floating && !isFloating(dtype) && !dtype.startsWith('complex')) dtype = 'float32';
  return values.map((value) => asDType(value, dtype));
}

/** Returns a value as a tensor of `dtype`. */
export function asDType(value: Value, dtype: DType): Symbolic {
  if (value instanceof Symbolic) return cast(value, dtype);
  if (dtype === 'bool') return constant(Boolean(value), 'bool');
  return constant(Number(value), dtype);
}

/** Returns a value as a floating tensor. */
export const asFloating = (value: Value): Symbolic => promoted([value], true)[0] as Symbolic;
