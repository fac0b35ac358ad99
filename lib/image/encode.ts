import { op } from '../graph/operand.js';
import * as ops from '../graph/ops/index.js';
import type { Symbolic } from '../graph/symbolic.js';
import { checkInteger, checkOptions, refused } from '../support/arguments.js';
import type { Tensor } from '../tensor/tensor.js';
import { checkImage, IMAGE, INTEGER } from './check.js';
import { imageFunction } from './image_function.js';
import { scalar } from './resize.js';

/**
 * Encodes a picture as PNG with TensorFlow's encoder, off the JavaScript thread.
 *
 * @param image uint8 `(1, height, width, channels)` of 1, 3 or 4 channels.
 * @returns the file's bytes, over TensorFlow's memory.
 */
export async function encodePng(image: Tensor): Promise<Uint8Array> {
  checkChannels(image, [1, 3, 4]);
  return (await pngEncoder(image)).data as Uint8Array;
}

export interface JpegOptions {
  /** From 1 (small file) to 100 (best quality). Default 95, as in TensorFlow. */
  readonly quality?: number;
}

/**
 * Encodes a picture as a baseline JPEG with TensorFlow's encoder, off the JavaScript thread. Colours are stored at half
 * the resolution, as by most encoders.
 *
 * @param image uint8 `(1, height, width, channels)` of 1 or 3 channels.
 * @returns the file's bytes, over TensorFlow's memory.
 */
export async function encodeJpeg(image: Tensor, options: JpegOptions = {}): Promise<Uint8Array> {
  checkChannels(image, [1, 3]);
  checkOptions('options', options, ['quality']);
  const quality = checkInteger('quality', options.quality ?? 95, 1, 100);
  return (await jpegEncoder(image, scalar(quality))).data as Uint8Array;
}

function checkChannels(image: Tensor, allowed: readonly number[]): void {
  const channels = checkImage(image)[2];
  if (!allowed.includes(channels)) {
    throw refused('image', `a picture of ${allowed.join(' or ')} channels`, `one of ${channels}`);
  }
}

const pngEncoder = imageFunction([IMAGE], (image) => bytesOf(op('EncodePng', [ops.squeeze(image, 0)])));

const jpegEncoder = imageFunction([IMAGE, INTEGER], (image, quality) =>
  bytesOf(op('EncodeJpegVariableQuality', [ops.squeeze(image, 0), quality])),
);

/** Converts a string tensor to uint8. A string has no fixed size and cannot be fetched from the graph. */
function bytesOf(file: Symbolic): Symbolic {
  return ops.expandDims(op('DecodeRaw', [file], { out_type: { dtype: 'uint8' } }), 0);
}
