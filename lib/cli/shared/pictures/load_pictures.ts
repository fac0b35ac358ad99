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
import { type Tensor, tensor } from '../../../tensor/tensor.js';
import type { Target } from './target.js';

/** The maximum side of a shown picture: large enough for a page, small enough to encode fast. */
const SHOWN_SIDE = 1024;

export interface LoadedPicture {
  readonly path: string;
  /** The size in the file, before the picture was scaled down. */
  readonly size: readonly [height: number, width: number];
}

export interface ShownPicture extends LoadedPicture {
  /** uint8 `(1, height, width, 3)`, at most 1024 pixels on the longer side. */
  readonly shown: Tensor<'uint8'>;
}

export interface LoadedBatch<P extends LoadedPicture> {
  readonly pictures: readonly P[];
  /** The model's input with a row per picture. null if no picture could be read. */
  readonly inputs: Tensor | null;
  readonly failures: readonly { readonly path: string; readonly error: Error }[];
}

/** The options for reading pictures. */
export interface LoadOptions {
  readonly target: Target;
  readonly preprocess: Preprocessing;
  readonly signal: AbortSignal;
}

/**
 * Reads, decodes and prepares the pictures at `paths` for the model and for display. Unreadable pictures are reported
 * in `failures`.
 *
 * @throws the reason of the signal once it is aborted.
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

/** Like {@link loadBatch}, but only for the model's input. */
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
  { target: { size, channels, hasChannelAxis, dtype }, preprocess, signal }: LoadOptions,
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
    inputs: await joined(
      read.map(({ input }) => input),
      hasChannelAxis,
    ),
    failures: failures.sort((a, b) => place(a.path) - place(b.path)),
  };
}

/** Returns whether `error` concerns one file (damaged or unreadable). Other errors would occur for every picture. */
function isFailureOfFile(error: unknown): error is Error {
  return error instanceof ImageError || (error instanceof Error && 'syscall' in error);
}

/** Returns the rows as one batch, with or without its axis of channels, or null if there are none. */
async function joined(rows: readonly Tensor[], hasChannelAxis: boolean): Promise<Tensor | null> {
  if (rows.length === 0) return null;
  const batch = await batchImages(rows);
  for (const row of rows) {
    if (row !== batch) row.release();
  }
  return hasChannelAxis ? batch : tensor(batch.data, batch.shape.slice(0, -1), batch.dtype);
}
