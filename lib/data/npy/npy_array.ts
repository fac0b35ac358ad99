import { bytesPerElement } from '../../tensor/dtype.js';
import { allocate, type Tensor } from '../../tensor/tensor.js';
import { bytesOf, fromFortranOrder, swapBytes } from './decode_elements.js';
import type { NpyHeader } from './npy_header.js';

/**
 * Returns the array of a header as a tensor. `fill` writes the elements, in the order of the file, directly into the
 * aligned memory that TensorFlow reads.
 */
export async function readElements(
  { dtype, shape, bigEndian, fortranOrder }: NpyHeader,
  fill: (bytes: Buffer) => Promise<void>,
): Promise<Tensor> {
  let tensor = allocate(shape, dtype) as Tensor;
  try {
    if (tensor.size === 0) return tensor;
    const bytes = bytesOf(tensor.data);
    await fill(bytes);
    if (bigEndian) await swapBytes(bytes, bytesPerElement(dtype));
    if (fortranOrder && shape.length > 1) {
      const stored = tensor;
      tensor = allocate(shape, dtype) as Tensor;
      await fromFortranOrder(stored.data, tensor.data, shape);
      stored.release();
    }
    return tensor;
  } catch (error) {
    tensor.release();
    throw error;
  }
}
