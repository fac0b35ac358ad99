/** The part of the contract about compiled functions and their runs. See `contract.ts`. */
import type { NativeTensor } from './contract_tensors.js';

/**
 * Memory for the rows of one fetch of several runs, which may be in flight at once. The memory is allocated when the
 * first run shows the dtype and shape of a row. A run whose rows differ rejects with INVALID_ARGUMENT and names the
 * fetch.
 */
export interface NativeRows {
  /** The tensor with all rows. Null until the first run that writes to this memory has ended. */
  readonly tensor: NativeTensor | null;
}

/** The memory into which a run writes rows, beginning at `row`. */
export type NativeTarget = { readonly row: number } & (
  | { readonly tensor: NativeTensor }
  | { readonly rows: NativeRows }
);

export interface NativeRunOptions {
  /** The maximum number of rows that a kernel receives at once. */
  readonly shardSize: number;
  /** The first row of every feed with rows. Default 0. Rows at a multiple of 64 bytes are read without a copy. */
  readonly begin?: number | undefined;
  /** The number of rows. Default: all rows from `begin` on. */
  readonly rows?: number | undefined;
  readonly run?: NativeRun | null | undefined;
  /**
   * One target per fetch, into which a native thread copies the rows once. Null, the default, allocates a new tensor.
   * Releasing or detaching a target during the run is safe.
   */
  readonly into?: readonly (NativeTarget | null)[] | null | undefined;
}

/** A compiled graph with a session in this process or on each worker of its strategy. */
export interface NativeFunction {
  /**
   * Runs the graph over the feeds on native threads. Splits the selected rows along axis 0 into shards of at most
   * `shardSize` rows, runs the shards on the replicas, and joins the fetches along axis 0 in order. If one shard holds
   * all rows, the returned tensors are TensorFlow's memory. Otherwise the rows are joined by one copy. With `into`, the
   * returned tensors are the targets.
   *
   * A feed with a scalar placeholder, or a whole feed of `compile`, is passed unchanged to every shard. A placeholder
   * of dtype string and shape (N) is fed with uint8 (N, L): the bytes of each string. If no feed has rows, the run has
   * one shard.
   *
   * Errors before the run starts:
   * - INVALID_ARGUMENT that names the feed, if a feed does not fit its placeholder, the feeds differ in their number of
   *   rows, or a feed lacks rows of the range.
   * - INVALID_ARGUMENT that names the fetch (`op`), if its target has another dtype or shape, is too short, or shares
   *   memory with a feed.
   * - FAILED_PRECONDITION, if the function is closed, a tensor is released or a buffer is detached.
   *
   * Errors during the run:
   * - INVALID_ARGUMENT that names the fetch, if a fetch has lost the batch axis, or its rows differ in shape between
   *   shards or from the target's rows. Targets then hold the rows of the shards that have ended.
   * - CANCELLED, if `run` was cancelled before the last shard started, or while a loop of a shard had turns left.
   */
  run(feeds: readonly NativeTensor[], options: NativeRunOptions): Promise<NativeTensor[]>;
  /**
   * Runs the graph synchronously on the JavaScript thread if former runs of the same sizes were shorter than waking
   * another thread (native/runtime/short_runs.h). Otherwise returns null without running. Throws the errors with which
   * `run` rejects.
   */
  runNow(feeds: readonly NativeTensor[], options: NativeRunOptions): NativeTensor[] | null;
  /** Frees the session and the graph after the runs in flight have ended. Idempotent. */
  close(): void;
}

/** `numerics` of the Error of a run with `checkNumerics`. The Error's `op` is the op that produced the value. */
export interface NativeNumerics {
  /** The type of the op, such as 'Log'. 'Weight' or 'Input' if no op computed the value. */
  readonly type: string;
  /** Whether `op` is a node of the model. Otherwise the method recorded `op`. */
  readonly ofModel: boolean;
  /** 'backward' if the value is the gradient of `op`. */
  readonly pass: 'forward' | 'backward';
  readonly value: 'NaN' | 'Inf';
}

/** The progress of a run's loops, in turns. Loops are a Jacobian's units, `forRange` and `mapRange`. */
export interface NativeProgress {
  /** The number of turns that have ended. Never decreases and never exceeds `total`. */
  readonly done: number;
  /**
   * The number of turns of all shards. 0 before the first loop begins, and in a graph without loops. A shard that has
   * not begun is assumed to have as many turns as the others. `total` grows if a loop's number of turns is known only
   * after earlier loops have ended.
   */
  readonly total: number;
}

/**
 * Cancels one run and reports the run's progress. Created before the run, passed to `NativeFunction.run`, and used
 * while the promise of the run is pending.
 */
export interface NativeRun {
  /**
   * Cancels the run. Shards that have not begun are skipped. In running shards, every loop, including inner loops,
   * stops before its next turn. TensorFlow finishes the ops between two turns, and a graph without a loop, first.
   * Idempotent. Has no effect after the run has ended.
   */
  cancel(): void;
  /**
   * Returns the progress of outermost loops whose number of turns is known. Inner loops are not counted, because their
   * number of turns can differ from turn to turn of the outer loop. Takes microseconds.
   */
  progress(): NativeProgress;
}
