import { open } from 'node:fs/promises';
import { ImageError } from '../../errors.js';
import { IMAGE_REPLICAS } from '../../image/image_function.js';
import { decodeImage, fitImage, type Preprocessing, prepareImage } from '../../image/index.js';
import { allocate, type Tensor } from '../../tensor.js';
import type { Target } from './target.js';

/** What is shown of a picture: large enough for a page, small enough to encode in no time. */
const SHOWN_SIDE = 1024;
const MOST_BYTES = 2 ** 28;

export interface LoadedPicture {
  readonly path: string;
  /** uint8 `(1, height, width, 3)`, at most 1024 pixels on the longer side. */
  readonly shown: Tensor<'uint8'>;
  /** Of the file, before it was scaled down. */
  readonly size: readonly [height: number, width: number];
}

export interface LoadedBatch {
  readonly pictures: readonly LoadedPicture[];
  /** The model's input, a row per picture; null where no picture could be read. */
  readonly inputs: Tensor | null;
  readonly failures: readonly { readonly path: string; readonly error: Error }[];
}

/** Reads, decodes and prepares the pictures at `paths`; what cannot be read is reported, not thrown. */
export async function loadBatch(
  paths: readonly string[],
  target: Target,
  preprocess: Preprocessing,
): Promise<LoadedBatch> {
  const results = await mapConcurrently(paths, IMAGE_REPLICAS, async (path) => {
    try {
      return await loadPicture(path, target, preprocess);
    } catch (error) {
      if (!isFailureOfFile(error)) throw error;
      return { path, error };
    }
  });
  const failures = results.filter((result) => 'error' in result);
  const read = results.filter((result) => 'input' in result);
  return { pictures: read, inputs: stack(read.map(({ input }) => input)), failures };
}

async function loadPicture(path: string, { size, channels, dtype }: Target, preprocess: Preprocessing) {
  const decoded = await decodeImage(await readPicture(path));
  const input = await prepareImage(decoded, { size, channels, preprocess, dtype });
  const shown = await fitImage(decoded, SHOWN_SIDE);
  const [, height, width] = decoded.shape as [number, number, number, number];
  if (shown !== decoded) decoded.release();
  const picture: LoadedPicture & { input: Tensor } = { path, shown, size: [height, width], input };
  return picture;
}

async function readPicture(path: string): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size > MOST_BYTES)
      throw new ImageError('OUT_OF_RANGE', `The file has ${size} bytes: no picture is that large.`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** A picture that is damaged, or a file that cannot be opened: anything else would happen to every picture. */
function isFailureOfFile(error: unknown): error is Error {
  return error instanceof ImageError || (error instanceof Error && 'syscall' in error);
}

function stack(rows: readonly Tensor[]): Tensor | null {
  const [first] = rows;
  if (first === undefined || rows.length === 1) return first ?? null;
  const stacked = allocate([rows.length, ...first.shape.slice(1)], first.dtype);
  rows.forEach((row, i) => {
    // Both are of one dtype: `set` is a memcpy.
    (stacked.data as Float32Array).set(row.data as Float32Array, i * row.size);
    row.release();
  });
  return stacked;
}

async function mapConcurrently<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  const queue = items.entries();
  const worker = async () => {
    for (const [i, item] of queue) results[i] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}
