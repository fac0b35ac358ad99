import { op } from '../graph/operand.js';
import * as ops from '../graph/ops/index.js';
import type { Tensor } from '../tensor.js';
import { checkImage, IMAGE } from './check.js';
import { imageFunction } from './image_function.js';

/**
 * Encodes a picture as PNG with TensorFlow's encoder, off the JavaScript thread.
 *
 * @param image uint8 `(1, height, width, channels)` of 1, 3 or 4 channels.
 * @returns the file's bytes, over TensorFlow's memory.
 */
export async function encodePng(image: Tensor): Promise<Uint8Array> {
  checkImage(image);
  return (await encoder(image)).data as Uint8Array;
}

const encoder = imageFunction([IMAGE], (image) => {
  const file = op('EncodePng', [ops.squeeze(image, 0)]);
  // The bytes of a string tensor as numbers: strings have no fixed size and do not leave the graph.
  return ops.expandDims(op('DecodeRaw', [file], { out_type: { dtype: 'uint8' } }), 0);
});
