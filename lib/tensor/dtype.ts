/** Dtypes: their sizes, their typed arrays, and the encoding of numbers. */

import type { DType } from '../binding/contract.js';
import { refused, wrongType } from '../support/arguments.js';

export type { DType };

/** The typed array of each dtype. Half floats are bits in a Uint16Array. */
export interface TypedArrays {
  float32: Float32Array;
  float64: Float64Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  int8: Int8Array;
  int16: Int16Array;
  int32: Int32Array;
  int64: BigInt64Array;
  uint8: Uint8Array;
  uint16: Uint16Array;
  uint32: Uint32Array;
  uint64: BigUint64Array;
  bool: Uint8Array;
}

/** The dtypes of tensors on the JavaScript side. */
export type NumericDType = keyof TypedArrays;
export type TypedArray = TypedArrays[NumericDType];

interface ArrayConstructor {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArray;
  new (length: number): TypedArray;
  readonly BYTES_PER_ELEMENT: number;
}

const ARRAYS: Readonly<Record<NumericDType, ArrayConstructor>> = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
};

export const NUMERIC_DTYPES = Object.keys(ARRAYS) as readonly NumericDType[];

export function isNumeric(dtype: unknown): dtype is NumericDType {
  return typeof dtype === 'string' && Object.hasOwn(ARRAYS, dtype);
}

export function checkDType(name: string, dtype: unknown): NumericDType {
  if (!isNumeric(dtype)) throw wrongType(name, `one of ${NUMERIC_DTYPES.join(', ')}`, dtype);
  return dtype;
}

export function isFloating(dtype: DType): boolean {
  return dtype === 'float32' || dtype === 'float64' || dtype === 'float16' || dtype === 'bfloat16';
}

/**
 * Returns the dtype in which values of these floating dtypes are combined: their common dtype, else float64 if one of
 * them is float64, else float32. Layers of one model may differ ('mixed_float16').
 */
export function commonFloat(...dtypes: readonly DType[]): DType {
  const [first = 'float32', ...others] = dtypes;
  if (others.every((dtype) => dtype === first)) return first;
  return dtypes.includes('float64') ? 'float64' : 'float32';
}

export function isInteger(dtype: DType): boolean {
  return /^u?int\d/.test(dtype);
}

export function bytesPerElement(dtype: NumericDType): number {
  return ARRAYS[dtype].BYTES_PER_ELEMENT;
}

/** A view of `dtype` over memory. */
export function viewOf(
  dtype: NumericDType,
  buffer: ArrayBufferLike,
  byteOffset: number,
  length: number,
): TypedArray {
  return new ARRAYS[dtype](buffer, byteOffset, length);
}

/** Whether the class of `array`, a plain typed array, is the class of `dtype`. */
export function shows(array: TypedArray, dtype: NumericDType): boolean {
  return array instanceof ARRAYS[dtype];
}

export function isTypedArray(value: unknown): value is TypedArray {
  return ArrayBuffer.isView(value) && classOf(value) !== undefined;
}

/** Returns a getter of a typed array's own property, for example `length`, that a subclass cannot override. */
function intrinsic<T>(name: PropertyKey): (array: ArrayBufferView) => T {
  const { get } = Object.getOwnPropertyDescriptor(
    Object.getPrototypeOf(Uint8Array.prototype),
    name,
  ) as PropertyDescriptor;
  return (array) => Reflect.apply(get as () => T, array, []);
}

/** The name of the class; undefined for a DataView. */
const classOf = intrinsic<string | undefined>(Symbol.toStringTag);
const bufferOf = intrinsic<ArrayBufferLike>('buffer');
const byteOffsetOf = intrinsic<number>('byteOffset');
const lengthOf = intrinsic<number>('length');

const CLASSES: ReadonlyMap<string | undefined, ArrayConstructor> = new Map(
  [...new Set(Object.values(ARRAYS)), Uint8ClampedArray as unknown as ArrayConstructor].map((each) => [
    (each as unknown as { readonly name: string }).name,
    each === (Uint8ClampedArray as unknown) ? Uint8Array : each,
  ]),
);

/**
 * Returns a view of a plain class of this realm over the present elements of `array`. Overridden properties of a user's
 * subclass have no effect, and the view keeps its length if the buffer grows.
 *
 * @throws TypeError if the class belongs to no dtype. RangeError if the buffer was transferred.
 */
export function plainArray(name: string, array: TypedArray): TypedArray {
  const plain = CLASSES.get(classOf(array));
  if (plain === undefined) throw wrongType(name, 'a typed array of a dtype that tensors have', array);
  try {
    return new plain(bufferOf(array), byteOffsetOf(array), lengthOf(array));
  } catch {
    const mend = 'Make the tensor before its buffer is transferred.';
    throw refused(name, 'a typed array', 'one whose buffer was transferred', mend);
  }
}

/** Returns the dtype of a plain typed array's class. A Uint16Array is 'uint16' here, a Uint8Array 'uint8'. */
export function dtypeOf(array: TypedArray): NumericDType {
  return NUMERIC_DTYPES.find(
    (name) => name !== 'float16' && name !== 'bfloat16' && name !== 'bool' && shows(array, name),
  ) as NumericDType;
}

const scratch = new DataView(new ArrayBuffer(4));

/** Returns the bits of the nearest bfloat16, ties to even. */
function bfloat16Bits(value: number): number {
  scratch.setFloat32(0, value);
  const bits = scratch.getUint32(0);
  if (Number.isNaN(value)) return 0x7fc0;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** Returns the bits of the nearest float16, ties to even. */
function float16Bits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= 65520) return sign | 0x7c00;
  // The spacing of float16 numbers around `magnitude`. Below 2^-14 the spacing of subnormals applies.
  const exponent = Math.max(Math.floor(Math.log2(magnitude || 2 ** -14)), -14);
  const spacing = 2 ** (exponent - 10);
  const steps = magnitude / spacing;
  const floor = Math.floor(steps);
  const rest = steps - floor;
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
  // Subnormals count steps from 0. The addition sets the implicit bit and the exponent.
  return sign | ((exponent + 14) * 1024 + rounded);
}

/** Encodes `values` in the layout of `dtype`, rounded to nearest. Values of an integer dtype must be integers. */
export function encode(values: ArrayLike<number | bigint | boolean>, dtype: NumericDType): TypedArray {
  const array = new ARRAYS[dtype](values.length);
  if (array instanceof BigInt64Array || array instanceof BigUint64Array) {
    for (let i = 0; i < values.length; i++) array[i] = BigInt(values[i] as number);
    return array;
  }
  const bits = dtype === 'float16' ? float16Bits : dtype === 'bfloat16' ? bfloat16Bits : Number;
  for (let i = 0; i < values.length; i++) array[i] = bits(Number(values[i]));
  return array;
}
