/** Decodes the bytes of a .npy file into the elements of a tensor, in slices that do not block the event loop. */
import { Pace } from '../../support/pace.js';
import type { TypedArray } from '../../tensor/dtype.js';

/** Bytes between two reads of the clock. */
const SLICE_BYTES = 1 << 17;
/** Elements between two reads of the clock. */
const SLICE_ELEMENTS = 1 << 13;

/** Turns big-endian elements into little-endian elements in place. Node runs on little-endian machines only. */
export async function swapBytes(bytes: Buffer, size: number): Promise<void> {
  const pace = new Pace();
  for (let from = 0; from < bytes.length; from += SLICE_BYTES) {
    if (pace.due) await pace.rest();
    const slice = bytes.subarray(from, from + SLICE_BYTES);
    if (size === 2) slice.swap16();
    else if (size === 4) slice.swap32();
    else slice.swap64();
  }
}

/** Copies elements from Fortran order (first axis fastest) into `target` in C order (last axis fastest). */
export async function fromFortranOrder(
  source: TypedArray,
  target: TypedArray,
  shape: readonly number[],
): Promise<void> {
  const pace = new Pace();
  const strides: number[] = [];
  shape.reduce((stride, size) => {
    strides.push(stride);
    return stride * size;
  }, 1);
  const position = shape.map(() => 0);
  const last = shape.length - 1;
  let from = 0;
  for (let at = 0; at < target.length; at++) {
    if (at % SLICE_ELEMENTS === 0 && pace.due) await pace.rest();
    target[at] = source[from] as never;
    for (let axis = last; axis >= 0; axis--) {
      from += strides[axis] as number;
      position[axis] = (position[axis] as number) + 1;
      if ((position[axis] as number) < (shape[axis] as number)) break;
      from -= (shape[axis] as number) * (strides[axis] as number);
      position[axis] = 0;
    }
  }
}

/** Returns the bytes of a typed array without a copy. */
export function bytesOf({ buffer, byteOffset, byteLength }: TypedArray): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}
