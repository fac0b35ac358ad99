/**
 * The types of all exports of the native addon. `native/binding/` implements this contract, and only `lib/` uses it.
 * Every failure of native work throws, or rejects with, a plain `Error` with two properties. `code` is TensorFlow's
 * error code, such as 'NOT_FOUND'. `op` is the node that caused the error, or ''. `lib/support/errors.ts` turns this
 * `Error` into an error class of the package.
 */
import type { NativeGraphParts, NativeLoadOptions, NativeModel } from './contract_model.js';
import type { NativeRows, NativeRun } from './contract_run.js';
import type {
  NativeDevice,
  NativeGpuOptions,
  NativeServerOptions,
  NativeStrategy,
  NativeStrategyOptions,
} from './contract_strategy.js';
import type { DType, NativeTensor } from './contract_tensors.js';
import type { NativeTrace } from './contract_trace.js';

export type * from './contract_model.js';
export type * from './contract_run.js';
export type * from './contract_strategy.js';
export type * from './contract_tensors.js';
export type * from './contract_trace.js';

export interface NativeMemory {
  /** The number of native tensors that JavaScript holds. */
  readonly liveTensors: number;
  readonly liveBytes: number;
  /** The number of bytes copied into runs since the process began. */
  readonly copiedInBytes: number;
  /** The number of bytes copied out of runs since the process began. */
  readonly copiedOutBytes: number;
}

export interface Addon {
  /**
   * Returns the version that the libtensorflow at `path` reports. Opens the library on a background thread, calls no
   * other function of the library, and does not close the library. Rejects with NOT_FOUND or FAILED_PRECONDITION.
   */
  libraryVersion(path: string): Promise<string>;
  /** Returns whether this processor has AVX, or null on a processor other than x64. */
  hasAvx(): boolean | null;
  /** Loads libtensorflow on a background thread, once per process, and returns the version. Idempotent. */
  loadLibrary(path: string): Promise<string>;
  /**
   * Returns the path of the loaded libtensorflow, or null. Except for createRun, configureGpus, setMemoryLimit and
   * memory, all functions below need the library. Without the library they throw FAILED_PRECONDITION, or reject with
   * FAILED_PRECONDITION if they return a promise.
   */
  loadedPath(): string | null;
  loadModel(options: NativeLoadOptions): Promise<NativeModel>;
  /** Loads a frozen graph that is not in a file of its own. Rejects with the errors of `loadModel`. */
  loadGraph(parts: NativeGraphParts): Promise<NativeModel>;
  createTrace(): NativeTrace;
  /** Returns a tensor in uninitialised aligned memory. Throws INVALID_ARGUMENT or RESOURCE_EXHAUSTED. */
  allocate(dtype: DType, shape: readonly number[]): NativeTensor;
  /**
   * Copies rows [`begin`, `begin` + `rows`) of `source` into `target` on a native thread, to the rows from `row` on.
   * Default: all rows. `direction` (default 'out') selects the counter of `memory()`. Rejects with INVALID_ARGUMENT if
   * the shapes do not fit, and names both shapes. Rejects with FAILED_PRECONDITION if a tensor is released or detached.
   * Either tensor may be released during the copy.
   */
  copyRows(
    target: NativeTensor,
    row: number,
    source: NativeTensor,
    begin?: number,
    rows?: number,
    direction?: 'in' | 'out',
  ): Promise<void>;
  /**
   * Returns the position of the first element that is NaN or infinite, or -1. The search runs on a native thread.
   * Returns null if JavaScript holds the bytes, because no other thread may read such bytes. Throws
   * FAILED_PRECONDITION if the tensor is released or detached.
   */
  findNotFinite(tensor: NativeTensor): Promise<number> | null;
  /**
   * Returns how many of the maps (samples, ...positions, units) have one value at all positions. The count runs on a
   * native thread. Returns null if JavaScript holds the bytes. Throws INVALID_ARGUMENT for fewer than 3 axes, and
   * FAILED_PRECONDITION if the tensor is released or detached.
   */
  countConstantMaps(maps: NativeTensor): Promise<number> | null;
  /** See {@link NativeRows}. */
  createRows(rows: number): NativeRows;
  createRun(): NativeRun;
  /** Throws INVALID_ARGUMENT if `replicas` is empty or a target is not an address. */
  createStrategy(options: NativeStrategyOptions): NativeStrategy;
  /** Returns the devices of this process. */
  listDevices(): Promise<NativeDevice[]>;
  /** Configures the GPUs of future sessions. TensorFlow uses the configuration of the first session that sees GPUs. */
  configureGpus(options: NativeGpuOptions): void;
  /**
   * Makes this process a worker by starting TensorFlow's server. The server listens on every address of the machine and
   * ends with the process. Rejects with FAILED_PRECONDITION if this process is already a worker.
   */
  startServer(options: NativeServerOptions): Promise<{ readonly devices: NativeDevice[] }>;
  /**
   * Sets the memory limit of the process, such as the limit of its container, in bytes. 0 means no limit. A run that
   * needs more memory than the limit, or than the machine has, is refused.
   */
  setMemoryLimit(bytes: number): void;
  memory(): NativeMemory;
}
