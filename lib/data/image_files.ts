/** A source of batches that reads pictures from files. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureTensorflow } from '../binding/loader.js';
import { describeTensor } from '../image/check.js';
import { IMAGE_REPLICAS } from '../image/image_function.js';
import { checkModelInput, type Preprocessing, prepareImage } from '../image/preprocess.js';
import { readImage } from '../image/read.js';
import { checkInteger, checkOptions, outOfRange, refused, wrongType } from '../support/arguments.js';
import { mapConcurrently } from '../support/map_concurrently.js';
import { matchFiles } from '../support/match_files.js';
import { checkSignal } from '../support/signal.js';
import type { NumericDType } from '../tensor/dtype.js';
import { allocate, joinRows, type Tensor } from '../tensor/tensor.js';
import type { FileFeed } from './batch.js';
import { fileFeed } from './file_handler.js';
import type { InputLike } from './inputs.js';
import type { BatchRecord, Sequence } from './source.js';

export interface ImageFilesOptions {
  /** The size that pictures are resized to (bilinear, as in `image.prepareImage`). Default: each keeps its own size. */
  readonly size?: readonly [height: number, width: number];
  /**
   * Pictures per batch. Default 32, or 1 without `size`, because all pictures of a batch must have the same size.
   */
  readonly batchSize?: number;
  /** As for `image.prepareImage`. Default `none`. */
  readonly preprocess?: Preprocessing;
  /** 3, or 1 for grey. Default 3. */
  readonly channels?: 1 | 3;
  /**
   * Default uint8 if `preprocess` is `none`, otherwise float32. uint8 needs a quarter of the memory and is cast in the
   * graph. Resized pixels are then rounded, which Keras does not do. Pass float32 for the same values as Keras.
   */
  readonly dtype?: NumericDType;
  /** As for `image.readImage`. */
  readonly maxPixels?: number;
  readonly maxBytes?: number;
  /**
   * Which process reads the files in a run, in the terms of Keras' AutoShardPolicy. `off` (default): this process reads
   * ahead of the run and sends the pictures to the model's workers. `file`: each worker reads the files of its own
   * samples when it needs them, and only paths and maps are sent. Absolute paths must then name the same files on every
   * worker, and `size` must be given.
   */
  readonly autoShard?: AutoShard;
}

export type AutoShard = 'file' | 'off';

const AUTO_SHARD: readonly AutoShard[] = ['file', 'off'];

type Prepared = Required<
  Pick<ImageFilesOptions, 'batchSize' | 'preprocess' | 'channels' | 'dtype' | 'autoShard'>
> &
  Pick<ImageFilesOptions, 'size' | 'maxPixels' | 'maxBytes'>;

/** Batches of pictures, read on request. Returned by {@link imageFiles}. */
export class ImageFiles implements Sequence {
  /** The files, in the order of the samples. */
  readonly paths: readonly string[];
  readonly batchSize: number;
  readonly #options: Prepared;

  /** @internal */
  constructor(paths: readonly string[], options: Prepared) {
    this.paths = Object.freeze([...paths]);
    this.batchSize = options.batchSize;
    this.#options = options;
  }

  /** The number of pictures. */
  get samples(): number {
    return this.paths.length;
  }

  /** The number of batches. */
  get length(): number {
    return Math.ceil(this.samples / this.batchSize);
  }

  /** Which process reads the files in a run. `at` always reads them in this process. */
  get autoShard(): AutoShard {
    return this.#options.autoShard;
  }

  /** @internal Describes how the model's graph reads the files, and the dtype and shape of the resulting input. */
  sharded(): { batchSize: number; length: number; feed: FileFeed; inputs: InputLike } {
    const { samples, batchSize, length } = this;
    const { channels, dtype } = this.#options;
    const size = this.#options.size as readonly [number, number];
    const feed = fileFeed({ ...this.#options, size });
    return { batchSize, length, feed, inputs: { dtype, shape: [samples, ...size, channels] } };
  }

  /**
   * Reads batch `index` off the JavaScript thread, up to four pictures at once. `release` frees the batch's memory.
   *
   * @throws ImageError that names the file, as `image.readImage`. RangeError if pictures of one batch differ in size.
   */
  async at(
    index: number,
    signal?: AbortSignal,
  ): Promise<BatchRecord & { readonly x: Tensor; release(): void }> {
    checkInteger('index', index, 0, this.length - 1);
    const begin = index * this.batchSize;
    const paths = this.paths.slice(begin, begin + this.batchSize);
    if (paths.length === 1) {
      checkSignal(signal);
      const x = await this.#prepare(paths[0] as string);
      return { x, release: () => x.release() };
    }
    const batch = new PictureBatch(paths);
    try {
      await mapConcurrently(paths, IMAGE_REPLICAS, async (path, row) => {
        checkSignal(signal);
        const picture = await this.#prepare(path);
        try {
          await batch.put(row, picture);
        } finally {
          picture.release();
        }
      });
      return { x: batch.whole, release: () => batch.release() };
    } catch (error) {
      batch.release();
      throw error;
    }
  }

  async #prepare(path: string): Promise<Tensor> {
    const { size, channels, preprocess, dtype, maxPixels, maxBytes } = this.#options;
    const limits = { ...(maxPixels && { maxPixels }), ...(maxBytes && { maxBytes }) };
    const decoded = await readImage(path, limits);
    const [, height = 0, width = 0] = decoded.shape;
    const asItIs = preprocess === 'none' && dtype === 'uint8' && channels === 3;
    const [newHeight, newWidth] = size ?? [height, width];
    if (asItIs && newHeight === height && newWidth === width) return decoded;
    try {
      return await prepareImage(decoded, { size: [newHeight, newWidth], channels, preprocess, dtype });
    } finally {
      decoded.release();
    }
  }
}

/** The memory of a batch. Rows are written in any order. */
class PictureBatch {
  readonly #paths: readonly string[];
  #whole: Tensor | null = null;
  #released = false;
  #first = '';

  constructor(paths: readonly string[]) {
    this.#paths = paths;
  }

  get whole(): Tensor {
    return this.#whole as Tensor;
  }

  async put(row: number, picture: Tensor): Promise<void> {
    // The batch was released because another picture could not be read.
    if (this.#released) return;
    const path = this.#paths[row] as string;
    const shape = picture.shape.slice(1);
    if (this.#whole === null) {
      this.#first = path;
      this.#whole = allocate([this.#paths.length, ...shape], picture.dtype) as Tensor;
    }
    if (this.#whole.shape.slice(1).join() !== shape.join()) {
      throw refused(
        'size',
        'the size that all pictures are resized to, or pictures of one size in each batch,',
        `${describeTensor(picture)} of ${path} beside ${describeTensor(this.#whole)} of ${this.#first}`,
        'Pass `size`, or leave `batchSize` out to have each picture in a batch of its own.',
      );
    }
    await joinRows(this.#whole, row, picture, 'in');
  }

  release(): void {
    this.#released = true;
    this.#whole?.release();
  }
}

/**
 * Returns a source of batches of pictures (JPEG, PNG, GIF, BMP). TensorFlow decodes them off the JavaScript thread.
 * Pass the source as `x`. Pass units as `y`, one row per picture in the order of `paths`. At most `maxQueueSize`
 * batches and the batches in progress are in memory.
 *
 * @param pathsOrGlob a glob or a path (files are sorted by path), or a list of paths or `file:` URLs (the order is
 *   kept).
 * @throws RangeError if no file matches. An unreadable file is reported when its batch is read.
 */
export async function imageFiles(
  pathsOrGlob: string | URL | readonly (string | URL)[],
  options: ImageFilesOptions = {},
): Promise<ImageFiles> {
  checkOptions('options', options, [
    'size',
    'batchSize',
    'preprocess',
    'channels',
    'dtype',
    'maxPixels',
    'maxBytes',
    'autoShard',
  ]);
  const { size, preprocess = 'none', channels = 3, maxPixels, maxBytes, autoShard = 'off' } = options;
  const { batchSize = size === undefined ? 1 : 32, dtype = preprocess === 'none' ? 'uint8' : 'float32' } =
    options;
  checkInteger('batchSize', batchSize);
  checkModelInput({ size: size ?? [1, 1], channels, preprocess, dtype });
  for (const [name, limit] of Object.entries({ maxPixels, maxBytes })) {
    if (limit !== undefined) checkInteger(name, limit);
  }
  if (!AUTO_SHARD.includes(autoShard)) {
    throw outOfRange('autoShard', `one of ${AUTO_SHARD.join(', ')}`, autoShard);
  }
  if (autoShard === 'file' && size === undefined) {
    throw refused(
      'size',
      "[height, width] with autoShard: 'file'",
      'none',
      'All pictures that a worker reads must have the same size.',
    );
  }
  const paths = await findPaths(pathsOrGlob);
  await ensureTensorflow();
  const limits = { maxPixels, maxBytes };
  return new ImageFiles(paths, { size, batchSize, preprocess, channels, dtype, autoShard, ...limits });
}

async function findPaths(given: unknown): Promise<string[]> {
  const expected = 'a glob (for example "photos/**/*.jpg") or a list of paths';
  if (typeof given === 'string' && given !== '') {
    const paths = await matchFiles([given]);
    if (paths.length > 0) return paths;
    throw refused('pathsOrGlob', expected, `"${given}", which no file matches in ${resolve('.')}`);
  }
  const list = given instanceof URL ? [given] : given;
  if (!Array.isArray(list)) throw wrongType('pathsOrGlob', expected, given);
  if (list.length === 0) throw refused('pathsOrGlob', 'at least one path', 'none');
  return list.map((path: unknown, i) => {
    if (path instanceof URL) return fileURLToPath(path);
    if (typeof path !== 'string' || path === '' || path.includes('\0')) {
      throw wrongType(`pathsOrGlob[${i}]`, 'a path', path);
    }
    return path;
  });
}
