import type { Tensor } from '../../tensor/tensor.js';

/**
 * Returns the elements of any tensor as numbers. float16 and bfloat16 are decoded. 64-bit integers may lose precision.
 */
export function numbersOf({ data, dtype }: Tensor): Float64Array {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    return Float64Array.from({ length: data.length }, (_, i) => Number(data[i]));
  }
  const decode = dtype === 'float16' ? fromFloat16 : dtype === 'bfloat16' ? fromBfloat16 : Number;
  return Float64Array.from({ length: data.length }, (_, i) => decode(data[i] as number));
}

const scratch = new DataView(new ArrayBuffer(4));

/** bfloat16 is the upper half of a float32. */
function fromBfloat16(bits: number): number {
  scratch.setUint32(0, bits * 2 ** 16);
  return scratch.getFloat32(0);
}

function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  // Subnormals have no implicit bit.
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Nested arrays of numbers in JSON. NaN and infinities become null, because JSON lacks them. */
export type Nested = number | Nested[];

/** Returns `values`, in row-major order, as nested arrays of `shape`. */
export function nest(values: ArrayLike<number>, shape: readonly number[]): Nested {
  let at = 0;
  const build = ([size, ...inner]: readonly number[]): Nested =>
    size === undefined ? (values[at++] as number) : Array.from({ length: size }, () => build(inner));
  return build(shape);
}
