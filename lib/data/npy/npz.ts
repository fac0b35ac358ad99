import { crc32 } from 'node:zlib';
import { type Entry, fromFdPromise, type ZipFile } from 'yauzl';
import { ensureTensorflow } from '../../binding/loader.js';
import { checkInteger, checkOptions } from '../../support/arguments.js';
import { DataError, KerasExplainableError } from '../../support/errors.js';
import { openToRead } from '../../support/open_file.js';
import type { Tensor } from '../../tensor/tensor.js';
import { readElements } from './npy_array.js';
import { checkPath, checkRegular, checkSize, naming } from './npy_file.js';
import { HEADER_BYTES, parseNpyHeader } from './npy_header.js';

/** Deflate expands one byte to at most 1032 bytes. An entry that declares more is damaged. */
const MOST_INFLATION = 1032;

/** 4.3 GB. */
const MOST_BYTES = 2 ** 32;

export interface ReadNpzOptions {
  /**
   * The maximum size of all arrays together. Larger archives are refused before memory is allocated, because a small
   * archive can declare huge arrays. Default 2^32.
   */
  readonly maxBytes?: number;
}

/**
 * Reads the arrays that `numpy.savez` or `numpy.savez_compressed` wrote, each like {@link readNpy}. Compressed arrays
 * are inflated off the JavaScript thread.
 *
 * @returns the arrays by name: `{ x, y } = await readNpz('digits.npz')`.
 * @throws DataError that names the file and the array, as {@link readNpy}, and `OUT_OF_RANGE` for more than `maxBytes`
 *   bytes.
 */
export async function readNpz(
  path: string | URL,
  options: ReadNpzOptions = {},
): Promise<Readonly<Record<string, Tensor>>> {
  const name = checkPath(path);
  checkOptions('options', options, ['maxBytes']);
  const { maxBytes = MOST_BYTES } = options;
  checkInteger('maxBytes', maxBytes);
  let bytes = 0;
  await ensureTensorflow();
  const arrays: Record<string, Tensor> = Object.create(null);
  try {
    await naming(name, async () => {
      const file = await openToRead(name, checkRegular);
      try {
        const zip = await fromFdPromise(file.fd, { autoClose: false });
        for await (const entry of zip.eachEntry()) {
          const { fileName } = entry;
          if (!fileName.endsWith('.npy')) continue;
          const array = fileName.slice(0, -'.npy'.length);
          if (array in arrays) throw new DataError('DATA_LOSS', `There are two arrays called ${fileName}.`);
          bytes += entry.uncompressedSize;
          if (bytes > maxBytes) {
            throw new DataError(
              'OUT_OF_RANGE',
              `The arrays up to ${fileName} declare ${bytes} bytes, more than the limit of ${maxBytes}. Raise ` +
                '`maxBytes`.',
            );
          }
          arrays[array] = await naming(fileName, () => readEntry(zip, entry));
        }
      } catch (error) {
        throw asDataError(error);
      } finally {
        await file.close();
      }
    });
    return arrays;
  } catch (error) {
    for (const tensor of Object.values(arrays)) tensor.release();
    throw error;
  }
}

/** Turns errors of yauzl and zlib into DataError. Errors of the file system and of this package stay unchanged. */
function asDataError(error: unknown): unknown {
  if (error instanceof KerasExplainableError || !(error instanceof Error)) return error;
  if ('syscall' in error) return error;
  return new DataError('DATA_LOSS', `The archive cannot be read: ${error.message}.`, { cause: error });
}

async function readEntry(zip: ZipFile, entry: Entry): Promise<Tensor> {
  const { uncompressedSize, compressedSize } = entry;
  if (entry.isEncrypted()) throw new DataError('UNIMPLEMENTED', 'The entry is encrypted.');
  if (uncompressedSize > MOST_INFLATION * (compressedSize + 1)) {
    throw new DataError(
      'DATA_LOSS',
      `The archive declares ${uncompressedSize} bytes compressed to ${compressedSize}, which is impossible.`,
    );
  }
  const stream = await zip.openReadStreamPromise(entry);
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let checksum = 0;
  const next = async (): Promise<Buffer | null> => {
    const { done, value } = await chunks.next();
    if (done === true) return null;
    checksum = crc32(value, checksum);
    return value;
  };
  try {
    let first = Buffer.alloc(0);
    while (first.length < Math.min(HEADER_BYTES, uncompressedSize)) {
      const chunk = await next();
      if (chunk === null) break;
      first = Buffer.concat([first, chunk]);
    }
    const header = parseNpyHeader(first);
    checkSize(header, uncompressedSize);
    return await readElements(header, async (bytes) => {
      let filled = first.copy(bytes, 0, header.offset);
      // The stream is read to its end, because yauzl checks the declared size there.
      for (let chunk = await next(); chunk !== null; chunk = await next())
        filled += chunk.copy(bytes, filled);
      if (checksum !== entry.crc32)
        throw new DataError('DATA_LOSS', 'Its checksum is wrong: the archive is damaged.');
    });
  } finally {
    stream.destroy();
  }
}
