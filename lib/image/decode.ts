import { op } from '../graph/operand.js';
import * as ops from '../graph/ops/index.js';
import type { Symbolic } from '../graph/symbolic.js';
import { checkOptions, checkPositive, wrongType } from '../support/arguments.js';
import { ImageError, KerasExplainableError } from '../support/errors.js';
import { plainArray } from '../tensor/dtype.js';
import { Tensor } from '../tensor/tensor.js';
import { imageFunction, perKey } from './image_function.js';
import { type ImageFormat, readImageHeader } from './image_header.js';

/** 67 million pixels: 201 MB decoded. */
export const MOST_PIXELS = 2 ** 26;

/** All frames of a GIF together may have this many times `maxPixels`, at one byte per pixel. */
export const MOST_FRAMES = 4;

export interface DecodeOptions {
  /** The maximum number of pixels. The header is checked before memory is allocated. Default 2^26. */
  readonly maxPixels?: number;
}

/**
 * Decodes a JPEG, PNG, GIF (the first frame) or BMP with TensorFlow's own decoders, off the JavaScript thread.
 * Grey becomes RGB, an alpha channel is dropped, and 16 bits become 8. The orientation tag of a JPEG is ignored, like
 * in TensorFlow and Keras.
 *
 * @returns a batch of one: uint8 `(1, height, width, 3)`.
 * @throws ImageError: `DATA_LOSS` for a damaged or truncated file, `UNIMPLEMENTED` for another format, `OUT_OF_RANGE`
 *   for more than `maxPixels` pixels.
 */
export async function decodeImage(bytes: Uint8Array, options: DecodeOptions = {}): Promise<Tensor<'uint8'>> {
  if (!(bytes instanceof Uint8Array)) throw wrongType('bytes', 'a Uint8Array (a Buffer is one)', bytes);
  checkOptions('options', options, ['maxPixels']);
  const { maxPixels = MOST_PIXELS } = options;
  checkPositive('maxPixels', maxPixels);
  const given = plainArray('bytes', bytes) as Uint8Array;
  checkDeclared(given, maxPixels);
  const contents = new Tensor('uint8', [1, given.length], { data: given });
  let format = '';
  try {
    await contents.toAligned();
    // The caller or another thread may have changed the bytes meanwhile. The copy is decoded, so the copy is checked.
    format = checkDeclared(contents.data, maxPixels);
    return (await decoder(format as ImageFormat)(contents)) as Tensor<'uint8'>;
  } catch (error) {
    if (!(error instanceof KerasExplainableError) || error.code !== 'INVALID_ARGUMENT') throw error;
    throw new ImageError('DATA_LOSS', `The ${format} data is damaged or truncated.`, {
      cause: error,
      op: error.op,
    });
  } finally {
    contents.release();
  }
}

/** Checks the header. Refuses data that is not a picture, and a picture that is too large. */
function checkDeclared(bytes: Uint8Array, maxPixels: number): ImageFormat {
  const { format, width, height, framePixels = 0 } = readImageHeader(bytes);
  if (width * height > maxPixels) {
    throw new ImageError(
      'OUT_OF_RANGE',
      `The picture declares ${width} x ${height} pixels, more than the ${maxPixels} that are allowed. ` +
        'Scale it down, or raise `maxPixels`.',
    );
  }
  if (framePixels > MOST_FRAMES * maxPixels) {
    throw new ImageError(
      'OUT_OF_RANGE',
      `The frames of the GIF declare ${framePixels} pixels together, more than the ${MOST_FRAMES * maxPixels} ` +
        `(${MOST_FRAMES} times \`maxPixels\`) that are allowed. Keep its first frame alone, or raise \`maxPixels\`.`,
    );
  }
  return format;
}

const decoder = perKey<ImageFormat>((format) =>
  imageFunction([{ dtype: 'string', shape: [null] }], (contents) =>
    ops.expandDims(DECODERS[format](ops.reshape(contents, [])), 0),
  ),
);

/** The ops that decode the contents of a file, a string, to `(height, width, 3)`. */
export const DECODERS: Readonly<Record<ImageFormat, (contents: Symbolic) => Symbolic>> = {
  // TensorFlow's default, the fast inverse transform, is up to 5 levels off. This one equals Pillow's to the bit.
  jpg: (contents) => op('DecodeJpeg', [contents], { channels: { int: 3 }, dct_method: 'INTEGER_ACCURATE' }),
  png: (contents) => op('DecodePng', [contents], { channels: { int: 3 } }),
  // DecodeGif would decode every frame.
  gif: (contents) => op('DecodeImage', [contents], { expand_animations: false }),
  bmp: (contents) => toRgb(op('DecodeBmp', [contents])),
};

/** Converts `(height, width, channels)` with 1, 3 or 4 channels to `(height, width, 3)`. */
function toRgb(image: Symbolic): Symbolic {
  const colours = ops.stridedSlice(image, [0, 0, 0], [0, 0, 3], { beginMask: 0b111, endMask: 0b011 });
  const plane = ops.slice(ops.shape(image), [0], [2]);
  return ops.broadcastTo(colours, ops.concat([plane, [3]], 0));
}
