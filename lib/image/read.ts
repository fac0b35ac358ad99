import type { Stats } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { checkOptions, checkPositive, wrongType } from '../support/arguments.js';
import { ImageError } from '../support/errors.js';
import { openToRead } from '../support/open_file.js';
import type { Tensor } from '../tensor/tensor.js';
import { type DecodeOptions, decodeImage } from './decode.js';

/** 268 MB: no picture within the default `maxPixels` is that large. */
export const MOST_BYTES = 2 ** 28;

export interface ReadOptions extends DecodeOptions {
  /** Larger files are refused before they are read. Default 2^28. */
  readonly maxBytes?: number;
}

/**
 * Reads and decodes a JPEG, PNG, GIF (its first frame) or BMP file, as `decodeImage` does.
 *
 * @param path of the file, or a `file:` URL.
 * @returns a batch of one: uint8 `(1, height, width, 3)`.
 * @throws ImageError as `decodeImage`, and `OUT_OF_RANGE` for a file of more than `maxBytes`; its message names the
 *   file. Node's own error where the file cannot be read (`ENOENT`, `EACCES`, `EISDIR`, ...).
 */
export async function readImage(path: string | URL, options: ReadOptions = {}): Promise<Tensor<'uint8'>> {
  if (typeof path !== 'string' && !(path instanceof URL))
    throw wrongType('path', 'a path or a file: URL', path);
  checkOptions('options', options, ['maxPixels', 'maxBytes']);
  const { maxBytes, ...decodeOptions } = options;
  try {
    return await decodeImage(await readImageFile(path, maxBytes), decodeOptions);
  } catch (error) {
    throw withName(error, path);
  }
}

/** Reads the bytes of a picture's file. Throws an ImageError whose message does not name the file. */
export async function readImageFile(path: string | URL, maxBytes = MOST_BYTES): Promise<Uint8Array> {
  checkPositive('maxBytes', maxBytes);
  const file = await openToRead(path, (found) => checkFile(found, maxBytes));
  try {
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** Refuses a path that is not a regular file, and a file that is too large. The message does not name the file. */
export function checkFile(
  found: Pick<Stats, 'size' | 'isFile' | 'isDirectory'>,
  maxBytes = MOST_BYTES,
): void {
  // A device or a pipe reports a size of 0 and may never end.
  if (!found.isFile() && !found.isDirectory()) {
    throw new ImageError('FAILED_PRECONDITION', 'This is no regular file. Read it, and call `decodeImage`.');
  }
  if (found.size > maxBytes) {
    throw new ImageError(
      'OUT_OF_RANGE',
      `The file has ${found.size} bytes, more than the ${maxBytes} that are allowed. Raise \`maxBytes\`.`,
    );
  }
}

/** Adds the name of the file to the message of an ImageError. Returns any other error unchanged. */
export function withName(error: unknown, path: string | URL): unknown {
  if (!(error instanceof ImageError)) return error;
  const name = typeof path === 'string' ? path : fileURLToPath(path);
  return new ImageError(error.code, `${name}: ${error.message}`, { cause: error, op: error.op });
}
