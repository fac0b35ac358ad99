/** What the engine asks of data, whatever it comes from. */

import type { TensorSpec } from '../graph/layer.js';
import type { Symbolic } from '../graph/symbolic.js';
import { refused } from '../support/arguments.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Feeds } from './feeds.js';

/** What of a model data is checked against. */
export interface FedModel {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

export interface DataOptions {
  /**
   * Samples per batch of an array, 32 by default. Bounds memory, and is the step that callbacks see. Sources make
   * their batches themselves.
   */
  readonly batchSize?: number;
  /**
   * Stop after so many batches, and close the source. For arrays without `batchSize` the samples are divided into so
   * many. An iterable that ends sooner ends the run, with a warning.
   */
  readonly steps?: number;
  /** Most batches that are prepared ahead of the run, or are run at once. Default 10. */
  readonly maxQueueSize?: number;
  /**
   * How many batches of a Sequence are read at once, their order kept. Default 1. 0: nothing is read ahead, each batch
   * when it is asked for. Iterables are read one batch after the other, arrays are there already.
   */
  readonly workers?: number;
  /** Read a `data.moduleSequence` in `workers` threads of their own. Default false. */
  readonly useMultiprocessing?: boolean;
}

export const DATA_OPTIONS = ['batchSize', 'steps', 'maxQueueSize', 'workers', 'useMultiprocessing'] as const;

/** What a handler is made with: the caller's options, and the model's own. */
export interface HandlerOptions extends DataOptions {
  /** Steps that are run in one go. Default 1. */
  readonly stepsPerExecution?: number;
}

/**
 * Pictures that are read where the model runs: how a compiled function makes its inputs of what is fed, their paths.
 */
export interface FileFeed {
  /** Equal keys stand for equal ops. */
  readonly key: string;
  /** Of a sample that is made. */
  readonly rowBytes: number;
  readonly maxBytes: number;
  /** Records the samples `(n, height, width, channels)` for paths `(n)`, as they are fed. */
  readonly record: (paths: Symbolic) => Symbolic;
  /** Throws ImageError for what is in a file, where `record`'s ops refuse that. */
  readonly check: (contents: Uint8Array) => Promise<void>;
}

/**
 * The samples of one run: of one step, or of several in a row. They are rows [begin, begin + samples) of its tensors.
 */
export interface Batch {
  /** Its first step, from 0. */
  readonly step: number;
  /** How many steps it stands for. */
  readonly steps: number;
  /** The row of each tensor that is the first sample. */
  readonly begin: number;
  readonly samples: number;
  /** Samples per step, the largest of them where they differ. */
  readonly batchSize: number;
  /** One tensor per input of the model, in memory that TensorFlow reads without a copy. */
  readonly inputs: readonly Tensor[];
  /** Where the inputs are paths, uint8 (N, L), with zeros behind those that are shorter: of these files. */
  readonly files?: { readonly paths: readonly string[]; readonly feed: FileFeed } | undefined;
  /** Units of int32, as many rows as the inputs; null for every unit. */
  readonly indices: Tensor | null;
  /** What else a step is fed with, by name. Of those that are not whole the rows are those of the inputs. */
  readonly feeds?: Feeds | undefined;
  /** Gives back memory that is this batch's alone, and lets go of what its producer lent. Idempotent. */
  release(): void;
}

/** Inputs, checked and cut into batches. Made by {@link makeDataHandler}. */
export interface DataHandler {
  /** The steps that there will be at most; null where only the end of the source tells. */
  readonly inferredSteps: number | null;
  /** All samples; null where only the end of the source tells. */
  readonly samples: number | null;
  /** Samples per step but the last; null where the source decides. */
  readonly batchSize: number | null;
  readonly maxQueueSize: number;
  /** Looks at all values that are there already. Throws RangeError for NaN, so that nothing runs in vain. */
  validate(): Promise<void>;
  /**
   * The batches, in order, each to be released by who takes it. Closing it closes the source; `signal` ends whatever
   * it waits for, with CancelledError.
   */
  batches(signal?: AbortSignal): AsyncGenerator<Batch, void>;
  /** In place of `batches`, where there is one batch only and all of it is there already: that; else null. */
  only?(): Promise<Batch> | null;
}

/** A word for the dtypes and sizes of what is fed: equal where the rows of both can lie in one batch. */
export function kindOf({ inputs, indices, feeds = {} }: Pick<Batch, 'inputs' | 'indices' | 'feeds'>): string {
  const named = Object.entries(feeds).map(([name, { tensor, whole }]) => {
    const sizes = whole ? `whole ${tensor.shape}` : tensor.shape.slice(1);
    return `${JSON.stringify(name)} ${tensor.dtype}[${sizes}]`;
  });
  return [...inputs, indices]
    .map((fed) => (fed === null ? 'all' : `${fed.dtype}[${fed.shape.slice(1)}]`))
    .concat(named)
    .join();
}

/** How many units the explained output has on `axis`; null where only a run can tell. */
export function unitsOf({ outputs }: Pick<FedModel, 'outputs'>, axis: number): number | null {
  return outputs[0]?.shape?.at(axis) ?? null;
}

/** Refuses samples that are no whole batches of a model which was saved for batches of one size. */
export function checkWholeBatches({ inputs }: Pick<FedModel, 'inputs'>, samples: number, name: string): void {
  const size = inputs[0]?.shape?.[0] ?? 1;
  if (samples % size === 0) return;
  const expected = `a multiple of ${size} samples, the batch size that this model was saved for,`;
  throw refused(name, expected, `${samples}`);
}
