import { ImageError } from '../../errors.js';
import { IMAGE_REPLICAS } from '../../image/image_function.js';
import { batchImages, decodeImage, fitImage, type Preprocessing, prepareImage } from '../../image/index.js';
import { readImageFile } from '../../image/read.js';
import { mapConcurrently } from '../../map_concurrently.js';
import type { Tensor } from '../../tensor.js';
import type { Target } from './target.js';

/** What is shown of a picture: large enough for a page, small enough to encode in no time. */
const SHOWN_SIDE = 1024;

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

/**
 * Reads, decodes and prepares the pictures at `paths`; what cannot be read is reported, not thrown.
 *
 * @throws the reason of `signal`, once it is aborted.
 */
export async function loadBatch(
  paths: readonly string[],
  target: Target,
  preprocess: Preprocessing,
  signal: AbortSignal,
): Promise<LoadedBatch> {
  const results = await mapConcurrently(paths, IMAGE_REPLICAS, async (path) => {
    signal.throwIfAborted();
    try {
      return await loadPicture(path, target, preprocess);
    } catch (error) {
      if (!isFailureOfFile(error)) throw error;
      return { path, error };
    }
  });
  const failures = results.filter((result) => 'error' in result);
  const read = results.filter((result) => 'input' in result);
  return { pictures: read, inputs: await joined(read.map(({ input }) => input)), failures };
}

async function loadPicture(path: string, { size, channels, dtype }: Target, preprocess: Preprocessing) {
  const decoded = await decodeImage(await readImageFile(path));
  const input = await prepareImage(decoded, { size, channels, preprocess, dtype });
  const shown = await fitImage(decoded, SHOWN_SIDE);
  const [, height, width] = decoded.shape as [number, number, number, number];
  if (shown !== decoded) decoded.release();
  const picture: LoadedPicture & { input: Tensor } = { path, shown, size: [height, width], input };
  return picture;
}

/** A picture that is damaged, or a file that cannot be opened: anything else would happen to every picture. */
function isFailureOfFile(error: unknown): error is Error {
  return error instanceof ImageError || (error instanceof Error && 'syscall' in error);
}

/** The rows as one batch; null where there is none. */
async function joined(rows: readonly Tensor[]): Promise<Tensor | null> {
  if (rows.length === 0) return null;
  const batch = await batchImages(rows);
  for (const row of rows) {
    if (row !== batch) row.release();
  }
  return batch;
}
