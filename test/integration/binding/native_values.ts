/** Native tensors of float32 for tests of the addon, and what it throws. */
import type { Addon, NativeTensor } from '../../../lib/binding/contract.js';

/** (rows, 4) of `first`, `first` + 1, ... */
export function floats(addon: Addon, rows: number, first = 0): NativeTensor {
  const tensor = addon.allocate('float32', [rows, 4]);
  const values = valuesOf(tensor);
  for (let i = 0; i < values.length; i++) values[i] = first + i;
  return tensor;
}

export function valuesOf(tensor: NativeTensor): Float32Array {
  return new Float32Array(tensor.buffer, tensor.byteOffset, tensor.byteLength / 4);
}

export async function failure(action: () => unknown): Promise<Error & { code?: string; op?: string }> {
  try {
    await action();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
