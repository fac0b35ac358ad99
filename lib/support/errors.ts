/**
 * The errors that this package throws. Misuse of an argument is a `TypeError` or a `RangeError` (arguments.ts). Every
 * other failure is a {@link KerasExplainableError}; `code` tells failures apart.
 */

export interface ErrorDetails extends ErrorOptions {
  /** The TensorFlow op or node that caused the error. */
  readonly op?: string;
}

/** The base of all failures that are not misuse of an argument. */
export class KerasExplainableError extends Error {
  /** A stable word for programs: one of TensorFlow's canonical codes (`'NOT_FOUND'`), or `'CLOSED'`. */
  readonly code: string;
  /** The TensorFlow op or node that caused the error, or `''`. */
  readonly op: string;

  constructor(code: string, message: string, { op = '', ...options }: ErrorDetails = {}) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.op = op;
  }
}

/** The native addon or libtensorflow cannot be found or loaded. */
export class LoadError extends KerasExplainableError {}

/** A model cannot be read (`NOT_FOUND`, `DATA_LOSS`, `UNIMPLEMENTED`, ...) or is closed (`CLOSED`). */
export class ModelError extends KerasExplainableError {}

/** TensorFlow refused an op that a method recorded, or a symbol was used outside of its trace. */
export class GraphError extends KerasExplainableError {}

/** An op between the output and the explained tensor has no proved gradient rule. `op` names the op. */
export class UnsupportedOpError extends KerasExplainableError {}

/**
 * A picture cannot be read: `DATA_LOSS` (damaged), `UNIMPLEMENTED` (unsupported format), `OUT_OF_RANGE` (too large), or
 * `NOT_FOUND` when the model's workers read the files.
 */
export class ImageError extends KerasExplainableError {}

/** A NumPy file cannot be read: `DATA_LOSS` (damaged, truncated), `UNIMPLEMENTED` (unsupported kind of array). */
export class DataError extends KerasExplainableError {}

/** A reader thread of this process has crashed or has ended by itself (`ABORTED`). */
export class ReaderError extends KerasExplainableError {
  /** The number of the thread, from 0. */
  readonly thread: number;
  /** The batch that the thread was reading. */
  readonly index: number;

  constructor(
    message: string,
    { thread, index, ...options }: ErrorOptions & { thread: number; index: number },
  ) {
    super('ABORTED', message, options);
    this.thread = thread;
    this.index = index;
  }
}

/** The properties of a {@link WorkerError} beside its message. */
export interface WorkerDetails extends ErrorDetails {
  readonly worker: string | null;
  readonly samples: { readonly first: number; readonly count: number };
  readonly attempts: number;
}

/**
 * A run on workers (`distribute.multiWorker`) could not be completed (`UNAVAILABLE`). Either the same samples were lost
 * with a worker more than `retries` times, or no worker was up for `timeoutMs`. `finishedSteps(error)` returns the
 * results of the steps that were completed.
 */
export class WorkerError extends KerasExplainableError {
  /** The worker that was lost last, as 'host:port'. Null if none of several workers was up. */
  readonly worker: string | null;
  /** The samples that were not computed. `first` counts from the first sample of the run. */
  readonly samples: { readonly first: number; readonly count: number };
  /** The number of workers that were lost with these samples. 0 if no worker was up. */
  readonly attempts: number;

  constructor(message: string, { worker, samples, attempts, ...details }: WorkerDetails) {
    super('UNAVAILABLE', message, details);
    this.worker = worker;
    this.samples = samples;
    this.attempts = attempts;
  }
}

/** The memory of the machine or of the device is exhausted. */
export class ResourceError extends KerasExplainableError {}

/** An `AbortSignal` has ended a run. The signal's reason is the `cause`. */
export class CancelledError extends KerasExplainableError {
  constructor(message = 'The run was cancelled.', options: ErrorDetails = {}) {
    super('CANCELLED', message, options);
  }
}

/** A run has exceeded its `timeout`. */
export class TimeoutError extends KerasExplainableError {
  constructor(message: string, options: ErrorDetails = {}) {
    super('DEADLINE_EXCEEDED', message, options);
  }
}

/** The properties of a {@link NumericsError} beside its message. */
export interface NumericsDetails extends ErrorDetails {
  readonly layer: string | null;
  readonly pass: 'forward' | 'backward';
  readonly step: number;
  readonly type: string;
  readonly value: 'NaN' | 'Inf';
}

/**
 * A model loaded with `runEagerly` has produced NaN or Inf. `op` is the first op with such an output although its
 * inputs were finite: the name of a node of the model, or an op that the method recorded.
 */
export class NumericsError extends KerasExplainableError {
  /** The innermost Keras layer of the op, as 'outer/inner'. Null for an op of the method or of no layer. */
  readonly layer: string | null;
  /** 'backward' if the gradient of `op` has produced the value. */
  readonly pass: 'forward' | 'backward';
  /** The step in which the value appeared, from 0. */
  readonly step: number;
  /** The op's type, for example 'Log'. 'Weight', 'Const' and 'Input' stand for values that no op has computed. */
  readonly type: string;
  readonly value: 'NaN' | 'Inf';

  constructor(message: string, { layer, pass, step, type, value, ...details }: NumericsDetails) {
    super('INVALID_ARGUMENT', message, details);
    this.layer = layer;
    this.pass = pass;
    this.step = step;
    this.type = type;
    this.value = value;
  }
}

type ErrorClass = new (code: string, message: string, details?: ErrorDetails) => KerasExplainableError;

/**
 * Converts a native error into one of this package's errors. The original error becomes the `cause`. The native code
 * selects the class; `fallback` is the class of all other codes. An error without a code is not native and is returned
 * unchanged.
 */
export function fromNative(error: unknown, fallback: ErrorClass = KerasExplainableError): unknown {
  if (!(error instanceof Error) || error instanceof KerasExplainableError) return error;
  const { code, op } = error as Error & { code?: unknown; op?: unknown };
  if (typeof code !== 'string' || error instanceof TypeError || error instanceof RangeError) return error;
  const details = { cause: error, op: typeof op === 'string' ? op : '' };
  switch (code) {
    case 'CANCELLED':
      return new CancelledError(error.message, details);
    // The function was closed together with its model.
    case 'CLOSED':
      return new ModelError(code, error.message, details);
    case 'RESOURCE_EXHAUSTED':
      return new ResourceError(code, error.message, details);
    case 'UNIMPLEMENTED':
      return new UnsupportedOpError(code, error.message, details);
    default:
      return new fallback(code, error.message, details);
  }
}

/** Runs the synchronous native `call` and converts its error. */
export function native<T>(call: () => T, fallback?: ErrorClass): T {
  try {
    return call();
  } catch (error) {
    throw fromNative(error, fallback);
  }
}

/** Awaits the native `call` and converts its error. */
export async function nativeAsync<T>(call: () => Promise<T>, fallback?: ErrorClass): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw fromNative(error, fallback);
  }
}
