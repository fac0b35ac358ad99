/** Batches of paths. The model's graph reads the files. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import * as ops from '../graph/ops/index.js';
import { packStrings, unpackStrings } from '../graph/packed_strings.js';
import type { Symbolic } from '../graph/symbolic.js';
import { decodeImage, MOST_PIXELS } from '../image/decode.js';
import { readPicture } from '../image/file_graph.js';
import { type Preprocessing, recordPreparation } from '../image/preprocess.js';
import { checkFile, MOST_BYTES, withName } from '../image/read.js';
import { mapConcurrently } from '../support/map_concurrently.js';
import { checkSignal } from '../support/signal.js';
import { bytesPerElement, type NumericDType } from '../tensor/dtype.js';
import { alignedRows, Tensor } from '../tensor/tensor.js';
import type { Batch, DataHandler, FileFeed } from './batch.js';
import { type Feeds, tensorsPerSample, withTensorsPerSample } from './feeds.js';

/** The number of files that are checked at once. */
const STATS = 16;

export interface FeedOptions {
  readonly size: readonly [height: number, width: number];
  readonly preprocess: Preprocessing;
  readonly channels: 1 | 3;
  readonly dtype: NumericDType;
  readonly maxPixels?: number | undefined;
  readonly maxBytes?: number | undefined;
}

/** Returns a loop over the paths. Pictures cannot share a tensor before they are resized, since their sizes differ. */
export function fileFeed(options: FeedOptions): FileFeed {
  const { size, preprocess: mode, channels, dtype } = options;
  const { maxPixels = MOST_PIXELS, maxBytes = MOST_BYTES } = options;
  const spec = { size, channels, mode, dtype };
  return {
    key: JSON.stringify([spec, maxPixels, maxBytes]),
    rowBytes: size[0] * size[1] * channels * bytesPerElement(dtype),
    maxBytes,
    record: (packed: Symbolic) => {
      const paths = unpackStrings(packed);
      return ops.mapRange(ops.size(paths), (i) =>
        recordPreparation(readPicture(ops.gather(paths, i), { maxPixels, maxBytes }), spec),
      );
    },
    check: async (contents) => {
      if (contents.length > maxBytes)
        checkFile({ size: contents.length, isFile: () => true, isDirectory: () => false }, maxBytes);
      (await decodeImage(contents, { maxPixels })).release();
    },
  };
}

export interface FilePlan {
  readonly batchSize: number;
  readonly steps: number;
  readonly stepsPerExecution: number;
  readonly maxQueueSize: number;
  /** Units of all samples. */
  readonly indices: Tensor | null;
  /** Feeds of all samples. */
  readonly feeds: Feeds;
}

export class FileHandler implements DataHandler {
  readonly samples: number;
  readonly batchSize: number;
  readonly inferredSteps: number;
  readonly maxQueueSize: number;
  readonly #paths: readonly string[];
  readonly #feed: FileFeed;
  readonly #plan: FilePlan;

  constructor(paths: readonly string[], feed: FileFeed, plan: FilePlan) {
    const { batchSize, steps, maxQueueSize } = plan;
    this.#paths = paths;
    this.#feed = feed;
    this.#plan = plan;
    this.samples = Math.min(paths.length, batchSize * steps);
    this.batchSize = batchSize;
    this.inferredSteps = steps;
    this.maxQueueSize = maxQueueSize;
  }

  /** Does nothing: the graph checks the contents of the files. */
  async validate(): Promise<void> {}

  async *batches(signal?: AbortSignal): AsyncGenerator<Batch, void> {
    const rows = this.batchSize * this.#plan.stepsPerExecution;
    for (let begin = 0; begin < this.samples; begin += rows) {
      checkSignal(signal);
      yield await this.#batch(begin, Math.min(begin + rows, this.samples));
    }
  }

  async #batch(begin: number, end: number): Promise<Batch> {
    const { batchSize, samples } = this;
    const { indices, feeds } = this.#plan;
    const paths = this.#paths.slice(begin, end).map((path) => resolve(path));
    await this.#checkVisible(paths);
    const fed = packStrings('x', paths, [paths.length]);
    const own: Tensor[] = [];
    const release = () => {
      fed.release();
      for (const part of own) part.release();
    };
    const named = tensorsPerSample(feeds);
    try {
      for (const whole of indices === null ? named : [...named, indices]) {
        own.push(Tensor.fromNative(await alignedRows(whole, begin, end)));
      }
    } catch (error) {
      release();
      throw error;
    }
    return {
      step: begin / batchSize,
      steps: Math.ceil((end - begin) / batchSize),
      begin: 0,
      samples: end - begin,
      batchSize: Math.min(batchSize, samples),
      inputs: [fed],
      indices: own[named.length] ?? null,
      feeds: withTensorsPerSample(feeds, own.slice(0, named.length)),
      files: { paths, feed: this.#feed },
      release,
    };
  }

  /**
   * Refuses files that are not regular or too large, if they exist on this machine too. A read of a pipe would block a
   * thread of TensorFlow forever.
   */
  async #checkVisible(paths: readonly string[]): Promise<void> {
    await mapConcurrently(paths, STATS, async (path) => {
      const found = await stat(path).catch(() => null);
      try {
        if (found !== null) checkFile(found, this.#feed.maxBytes);
      } catch (error) {
        throw withName(error, path);
      }
    });
  }
}
