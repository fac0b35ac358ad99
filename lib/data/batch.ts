/** The interface between the engine and all sources of data. */
import { fixedBatchSize, type TensorSpec } from '../graph/layer.js';
import type { Symbolic } from '../graph/symbolic.js';
import { refused } from '../support/arguments.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Feeds } from './feeds.js';
import type { UnitSizes } from './indices.js';

/** The part of a model that data is checked against. */
export interface FedModel {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

export interface DataOptions {
  /**
   * Samples per batch of an array. Default 32. Limits memory, and is the size of the steps that callbacks see. Not for
   * sources, which determine their batches.
   */
  readonly batchSize?: number;
  /**
   * The number of batches after which the run stops and the source is closed. Arrays without `batchSize` are divided
   * into `steps` batches. If an iterable ends earlier, the run ends with a warning.
   */
  readonly steps?: number;
  /** The maximum number of batches that are prepared ahead of the run, or run at once. Default 10. */
  readonly maxQueueSize?: number;
  /**
   * The number of batches of a Sequence that are read at once, in order. Default 1. With 0, no batch is read ahead of
   * the run. Iterables are always read one batch after the other. Arrays are in memory already.
   */
  readonly workers?: number;
  /** Whether `workers` threads read a `data.moduleSequence`. Default false. */
  readonly useMultiprocessing?: boolean;
}

export const DATA_OPTIONS = ['batchSize', 'steps', 'maxQueueSize', 'workers', 'useMultiprocessing'] as const;

/** The options of a handler: those of the caller and those of the model. */
export interface HandlerOptions extends DataOptions {
  /** The number of steps per execution of the compiled function. Default 1. */
  readonly stepsPerExecution?: number;
}

/**
 * Pictures that the model's graph reads from files. Describes how a compiled function turns the fed paths into inputs.
 */
export interface FileFeed {
  /** Equal keys mean equal ops. */
  readonly key: string;
  /** Bytes of one sample of the resulting input. */
  readonly rowBytes: number;
  /** The maximum size of a file in bytes. */
  readonly maxBytes: number;
  /** Records the samples `(n, height, width, channels)` for the fed paths, which `packStrings` has packed. */
  readonly record: (packed: Symbolic) => Symbolic;
  /** Throws ImageError for the contents of a file that the ops of `record` refuse. */
  readonly check: (contents: Uint8Array) => Promise<void>;
}

/**
 * The samples of one execution: of one step or of several successive steps. The samples are rows
 * [begin, begin + samples) of the batch's tensors.
 */
export interface Batch {
  /** The number of the batch's first step, counted from 0. */
  readonly step: number;
  /** The number of steps in the batch. */
  readonly steps: number;
  /** The row of the first sample in each tensor. */
  readonly begin: number;
  readonly samples: number;
  /** Samples per step. If steps differ, the largest step counts. */
  readonly batchSize: number;
  /**
   * One tensor per input of the model, in memory that TensorFlow reads without a copy. Strings are packed
   * (`packStrings`). A scalar has no rows: all samples share the scalar.
   */
  readonly inputs: readonly Tensor[];
  /** Set if the input holds packed paths (`packStrings`). Names the files. */
  readonly files?: { readonly paths: readonly string[]; readonly feed: FileFeed } | undefined;
  /** int32 units with the rows of the inputs. null means every unit. */
  readonly indices: Tensor | null;
  /** The step's further tensors, by name. Tensors that are not whole have the rows of the inputs. */
  readonly feeds?: Feeds | undefined;
  /** Frees the memory that the batch owns and releases the producer's batch. Idempotent. */
  release(): void;
}

/** Inputs, checked and divided into batches. Returned by {@link makeDataHandler}. */
export interface DataHandler {
  /** The maximum number of steps. null if it is unknown until the source ends. */
  readonly inferredSteps: number | null;
  /** The number of all samples. null if it is unknown until the source ends. */
  readonly samples: number | null;
  /** Samples per step, except for the last step. null if the source determines it. */
  readonly batchSize: number | null;
  readonly maxQueueSize: number;
  /** Checks all values that are in memory before the run starts. Throws RangeError for NaN and Infinity. */
  validate(): Promise<void>;
  /**
   * Yields the batches in order. The consumer releases each batch. Closing the generator closes the source. `signal`
   * ends every wait with CancelledError.
   */
  batches(signal?: AbortSignal): AsyncGenerator<Batch, void>;
  /** Returns the only batch if there is a single batch and it is in memory. Otherwise returns null. */
  only?(): Promise<Batch> | null;
}

/**
 * Returns a key of the dtypes and sizes of all fed tensors, and of the values of scalars. Steps with equal keys can be
 * joined into one batch.
 */
export function kindOf({ inputs, indices, feeds = {} }: Pick<Batch, 'inputs' | 'indices' | 'feeds'>): string {
  const named = Object.entries(feeds).map(([name, { tensor, whole }]) => {
    const sizes = whole ? `whole ${tensor.shape}` : tensor.shape.slice(1);
    return `${JSON.stringify(name)} ${tensor.dtype}[${sizes}]`;
  });
  return [...inputs, indices]
    .map((fed) => {
      if (fed === null) return 'all';
      // All samples of a batch share a scalar.
      return fed.shape.length === 0 ? `${fed.dtype} ${fed.data[0]}` : `${fed.dtype}[${fed.shape.slice(1)}]`;
    })
    .concat(named)
    .join();
}

/**
 * Returns the number of units of the explained output along each axis behind the samples. An output (N) has one unit.
 * If the caller named the axis of units (`axis` is not -1), there is only that axis. A number is null if it is unknown
 * before a run. The result is null if the number of axes is unknown.
 */
export function unitsOf({ outputs }: Pick<FedModel, 'outputs'>, axis: number): UnitSizes {
  const shape = outputs[0]?.shape ?? null;
  if (axis !== -1) return [shape?.at(axis) ?? null];
  if (shape === null) return null;
  return shape.length === 1 ? [1] : shape.slice(1);
}

/** Throws RangeError if the model was saved with a fixed batch size and `samples` is not a multiple of that size. */
export function checkWholeBatches({ inputs }: Pick<FedModel, 'inputs'>, samples: number, name: string): void {
  const size = fixedBatchSize(inputs) ?? 1;
  if (samples % size === 0) return;
  const expected = `a multiple of ${size} samples, the batch size that this model was saved for,`;
  throw refused(name, expected, `${samples}`);
}
