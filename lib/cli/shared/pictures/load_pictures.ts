import { IMAGE_REPLICAS } from '../../../image/image_function.js';
import {
  batchImages,
  decodeImage,
  fitImage,
  type Preprocessing,
  prepareImage,
} from '../../../image/index.js';
import { readImageFile } from '../../../image/read.js';
import { ImageError } from '../../../support/errors.js';
import { mapConcurrently } from '../../../support/map_concurrently.js';
import type { Tensor } from '../../../tensor/tensor.js';
import type { Target } from './target.js';

/** What is shown of a picture: large enough for a page, small enough to encode in no time. */
const SHOWN_SIDE = 1024;

export interface LoadedPicture {
  readonly path: string;
  /** Of the file, before it was scaled down. */
  readonly size: readonly [height: number, width: number];
}

export interface ShownPicture extends LoadedPicture {
  /** uint8 `(1, height, width, 3)`, at most 1024 pixels on the longer side. */
  readonly shown: Tensor<'uint8'>;
}

export interface LoadedBatch<P extends LoadedPicture> {
  readonly pictures: readonly P[];
  /** The model's input, a row per picture; null where no picture could be read. */
  readonly inputs: Tensor | null;
  readonly failures: readonly { readonly path: string; readonly error: Error }[];
}

/** How pictures are read: for whom, how, and until when. */
export interface LoadOptions {
  readonly target: Target;
  readonly preprocess: Preprocessing;
  readonly signal: AbortSignal;
}

/**
 * Reads, decodes and prepares the pictures at `paths`, to be shown, too; what cannot be read is reported, not thrown.
 *
 * @throws the reason of the signal, once it is aborted.
 */
export function loadBatch(
  paths: readonly string[],
  options: LoadOptions,
): Promise<LoadedBatch<ShownPicture>> {
  return load(paths, options, async (picture, decoded) => {
    const shown = await fitImage(decoded, SHOWN_SIDE);
    if (shown !== decoded) decoded.release();
    return { ...picture, shown };
  });
}

/** As {@link loadBatch}, where nothing but the model's input is wanted. */
export function loadInputs(
  paths: readonly string[],
  options: LoadOptions,
): Promise<LoadedBatch<LoadedPicture>> {
  return load(paths, options, async (picture, decoded) => {
    decoded.release();
    return picture;
  });
}

async function load<P extends LoadedPicture>(
  paths: readonly string[],
  { target: { size, channels, dtype }, preprocess, signal }: LoadOptions,
  finish: (picture: LoadedPicture, decoded: Tensor<'uint8'>) => Promise<P>,
): Promise<LoadedBatch<P>> {
  const failures: { path: string; error: Error }[] = [];
  const loaded = await mapConcurrently(paths, IMAGE_REPLICAS, async (path) => {
    signal.throwIfAborted();
    try {
      const decoded = await decodeImage(await readImageFile(path));
      const input = await prepareImage(decoded, { size, channels, preprocess, dtype });
      const [, height, width] = decoded.shape as [number, number, number, number];
      return { input, picture: await finish({ path, size: [height, width] }, decoded) };
    } catch (error) {
      if (!isFailureOfFile(error)) throw error;
      failures.push({ path, error });
      return null;
    }
  });
  const read = loaded.filter((each) => each !== null);
  const place = (path: string) => paths.indexOf(path);
  return {
    pictures: read.map(({ picture }) => picture),
    inputs: await joined(read.map(({ input }) => input)),
    failures: failures.sort((a, b) => place(a.path) - place(b.path)),
  };
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
