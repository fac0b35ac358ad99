/** Reads .npy files as a whole, or in batches of rows as a Sequence. */
import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { ensureTensorflow } from '../../binding/loader.js';
import { checkInteger, checkOptions, wrongType } from '../../support/arguments.js';
import { DataError } from '../../support/errors.js';
import { openToRead } from '../../support/open_file.js';
import { checkSignal } from '../../support/signal.js';
import type { NumericDType } from '../../tensor/dtype.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { BatchRecord, Sequence } from '../source.js';
import { readElements } from './npy_array.js';
import { HEADER_BYTES, type NpyHeader, parseNpyHeader } from './npy_header.js';

/** Bytes per read. Determines how soon an aborted run stops reading. */
const PIECE_BYTES = 1 << 23;

/** Returns the path as a string. */
export function checkPath(path: unknown): string {
  if (path instanceof URL) return fileURLToPath(path);
  if (typeof path !== 'string' || path === '') throw wrongType('path', 'a path or a file: URL', path);
  return path;
}

/** Runs `work` and puts the file's name before the message of a DataError. */
export async function naming<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    throw new DataError(error.code, `${path}: ${error.message}`, { cause: error.cause ?? error });
  }
}

/** Throws DataError for pipes and devices, whose reads may never end. Node itself refuses a directory. */
export function checkRegular(found: Stats): void {
  if (found.isFile() || found.isDirectory()) return;
  throw new DataError('FAILED_PRECONDITION', 'This is not a regular file.');
}

async function withFile<T>(path: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
  return naming(path, async () => {
    const file = await openToRead(path, checkRegular);
    try {
      return await work(file);
    } finally {
      await file.close();
    }
  });
}

/** Fills `bytes` from `position` on. */
async function readAt(
  file: FileHandle,
  bytes: Buffer,
  position: number,
  signal?: AbortSignal,
): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    checkSignal(signal);
    const length = Math.min(PIECE_BYTES, bytes.length - done);
    const { bytesRead } = await file.read(bytes, done, length, position + done);
    if (bytesRead === 0) throw new DataError('DATA_LOSS', 'The file became shorter while it was read.');
    done += bytesRead;
  }
}

async function readHeader(file: FileHandle): Promise<NpyHeader> {
  const { size } = await file.stat();
  const first = Buffer.alloc(Math.min(HEADER_BYTES, size));
  await readAt(file, first, 0);
  const header = parseNpyHeader(first);
  checkSize(header, size);
  return header;
}

/** Refuses an array that ends behind its file; what follows it in the file is left alone, as NumPy does. */
export function checkSize({ shape, dtype, offset, byteLength }: NpyHeader, size: number): void {
  if (offset + byteLength <= size) return;
  throw new DataError(
    'DATA_LOSS',
    `The header declares ${dtype} (${shape.join(', ')}), ${byteLength} bytes, but the file has only ${size - offset} ` +
      'behind it: it is truncated or damaged.',
  );
}

/**
 * Reads an array that `numpy.save` wrote directly into the memory that TensorFlow reads. Both byte orders, and both C
 * and Fortran order, are converted.
 *
 * @param path path or `file:` URL of the file.
 * @returns a Tensor with the shape and dtype of the array. float16 is held as bits, bool as bytes of 0 and 1.
 * @throws DataError that names the file: `UNIMPLEMENTED` for objects, text, complex numbers and structured arrays,
 *   `DATA_LOSS` for a damaged or truncated file. Node's error if the file cannot be read (for example `ENOENT`).
 */
export async function readNpy(path: string | URL): Promise<Tensor> {
  const name = checkPath(path);
  await ensureTensorflow();
  return withFile(name, async (file) => {
    const header = await readHeader(file);
    return readElements(header, (bytes) => readAt(file, bytes, header.offset));
  });
}

export interface NpyFileOptions {
  /** Rows per batch. Default 32. */
  readonly batchSize?: number;
}

/** The rows of a .npy file, read on request. Returned by {@link npyFile}. */
export class NpyFile implements Sequence {
  readonly path: string;
  /** The shape of the whole array. */
  readonly shape: readonly number[];
  readonly dtype: NumericDType;
  readonly batchSize: number;
  readonly #header: NpyHeader;

  /** @internal */
  constructor(path: string, header: NpyHeader, batchSize: number) {
    this.path = path;
    this.shape = header.shape;
    this.dtype = header.dtype;
    this.batchSize = batchSize;
    this.#header = header;
  }

  /** The number of rows of the array. */
  get samples(): number {
    return this.shape[0] as number;
  }

  /** The number of batches. */
  get length(): number {
    return Math.ceil(this.samples / this.batchSize);
  }

  /** Reads batch `index` directly into the memory that TensorFlow reads. `release` frees this memory. */
  async at(
    index: number,
    signal?: AbortSignal,
  ): Promise<BatchRecord & { readonly x: Tensor; release(): void }> {
    checkInteger('index', index, 0, this.length - 1);
    const { samples, batchSize } = this;
    const begin = index * batchSize;
    const rows = Math.min(batchSize, samples - begin);
    const rowBytes = this.#header.byteLength / samples;
    const header = { ...this.#header, shape: [rows, ...this.shape.slice(1)] };
    const x = await withFile(this.path, (file) =>
      readElements(header, (bytes) => readAt(file, bytes, header.offset + begin * rowBytes, signal)),
    );
    return { x, release: () => x.release() };
  }
}

/**
 * Returns a .npy file as a source of batches. Only the queued batches and the batches in progress are in memory. Pass
 * the source as `x`, and the units of all rows as `y`.
 *
 * @throws DataError as {@link readNpy}, and `UNIMPLEMENTED` for Fortran order, in which a row is not contiguous.
 */
export async function npyFile(path: string | URL, options: NpyFileOptions = {}): Promise<NpyFile> {
  const name = checkPath(path);
  checkOptions('options', options, ['batchSize']);
  const { batchSize = 32 } = options;
  checkInteger('batchSize', batchSize);
  await ensureTensorflow();
  const header = await withFile(name, readHeader);
  await naming(name, async () => {
    const [rows] = header.shape;
    if (rows === undefined || rows === 0) {
      throw new DataError(
        'OUT_OF_RANGE',
        `Expected rows but the array has the shape (${header.shape.join(', ')}).`,
      );
    }
    if (header.fortranOrder && header.shape.length > 1) {
      throw new DataError(
        'UNIMPLEMENTED',
        'The array is in Fortran order: its rows are scattered over the file. Save it with ' +
          '`numpy.save(path, numpy.ascontiguousarray(a))`, or read it as a whole with `data.readNpy`.',
      );
    }
  });
  return new NpyFile(name, header, batchSize);
}
