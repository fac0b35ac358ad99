/**
 * The errors that this package throws. Misuse of an argument is a `TypeError` or `RangeError` (arguments.ts);
 * everything that goes wrong beyond that is a {@link KerasExplainableError}, to be told apart by `code`.
 */

export interface ErrorDetails extends ErrorOptions {
  /** The TensorFlow op or node at fault. */
  readonly op?: string;
}

/** The base of all failures that are not misuse of an argument. */
export class KerasExplainableError extends Error {
  /** A stable word for programs: TensorFlow's canonical codes (`'NOT_FOUND'`), and `'CLOSED'`. */
  readonly code: string;
  /** The TensorFlow op or node at fault, or `''`. */
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

/** TensorFlow refused an op that a method asked for, or symbols were used where they do not belong. */
export class GraphError extends KerasExplainableError {}

/** No confirmed rule exists for an op on the way: `op` names it. */
export class UnsupportedOpError extends KerasExplainableError {}

/**
 * A picture cannot be read: `DATA_LOSS` (damaged), `UNIMPLEMENTED` (its format), `OUT_OF_RANGE` (too large); where the
 * model's workers read files, `NOT_FOUND`.
 */
export class ImageError extends KerasExplainableError {}

/** A file of numbers cannot be read: `DATA_LOSS` (damaged, truncated), `UNIMPLEMENTED` (its kind of array). */
export class DataError extends KerasExplainableError {}

/** A thread of this process that reads batches has crashed, or ended by itself (`ABORTED`). */
export class ReaderError extends KerasExplainableError {
  /** Which of the threads it was, from 0. */
  readonly thread: number;
  /** The batch that it was reading. */
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

/** What a {@link WorkerError} tells beside its message. */
export interface WorkerDetails extends ErrorDetails {
  readonly worker: string | null;
  readonly samples: { readonly first: number; readonly count: number };
  readonly attempts: number;
}

/**
 * A run of a model on workers (`distribute.multiWorker`) could not be ended for want of them (`UNAVAILABLE`): samples
 * were lost with a worker more often than `retries`, or no worker was up for `timeoutMs`. `finishedSteps` has what was
 * done.
 */
export class WorkerError extends KerasExplainableError {
  /** The worker that was lost last, as 'host:port'; null where none of several was up. */
  readonly worker: string | null;
  /** Those that were not computed, counted from the run's first. */
  readonly samples: { readonly first: number; readonly count: number };
  /** The workers that they were lost with; 0 where none was up. */
  readonly attempts: number;

  constructor(message: string, { worker, samples, attempts, ...details }: WorkerDetails) {
    super('UNAVAILABLE', message, details);
    this.worker = worker;
    this.samples = samples;
    this.attempts = attempts;
  }
}

/** Memory, of the machine or of the device, is exhausted. */
export class ResourceError extends KerasExplainableError {}

/** A run was ended by its `AbortSignal`, whose reason is the `cause`. */
export class CancelledError extends KerasExplainableError {
  constructor(message = 'The run was cancelled.', options: ErrorDetails = {}) {
    super('CANCELLED', message, options);
  }
}

/** A run was not done within its `timeout`. */
export class TimeoutError extends KerasExplainableError {
  constructor(message: string, options: ErrorDetails = {}) {
    super('DEADLINE_EXCEEDED', message, options);
  }
}

/** What a {@link NumericsError} tells beside its message. */
export interface NumericsDetails extends ErrorDetails {
  readonly layer: string | null;
  readonly pass: 'forward' | 'backward';
  readonly step: number;
  readonly type: string;
  readonly value: 'NaN' | 'Inf';
}

/**
 * A model loaded with `runEagerly` gave NaN or Inf. `op` is the first op that did (though what it was given was
 * finite): the node's name in the model, or an op that the method recorded.
 */
export class NumericsError extends KerasExplainableError {
  /** The innermost Keras layer that holds the op, as 'outer/inner'; null for an op of the method, or of no layer. */
  readonly layer: string | null;
  /** 'backward': it was the gradient of `op` that gave it. */
  readonly pass: 'forward' | 'backward';
  /** The step, from 0, in which it happened. */
  readonly step: number;
  /** The op's type, as 'Log'; 'Weight', 'Const' and 'Input' where the value was there before anything was computed. */
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
 * Turns what native code threw into ours, with the original as its `cause`: by its code where that says it all,
 * else as `fallback`. Anything that is not a native error (it carries no code) is returned as it is.
 */
export function fromNative(error: unknown, fallback: ErrorClass = KerasExplainableError): unknown {
  if (!(error instanceof Error) || error instanceof KerasExplainableError) return error;
  const { code, op } = error as Error & { code?: unknown; op?: unknown };
  if (typeof code !== 'string' || error instanceof TypeError || error instanceof RangeError) return error;
  const details = { cause: error, op: typeof op === 'string' ? op : '' };
  switch (code) {
    case 'CANCELLED':
      return new CancelledError(error.message, details);
    // Of a function, which is closed with its model.
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

/** Runs `call`, synchronous native work, and converts what it throws. */
export function native<T>(call: () => T, fallback?: ErrorClass): T {
  try {
    return call();
  } catch (error) {
    throw fromNative(error, fallback);
  }
}

/** Awaits native work, and converts what it rejects with. */
export async function nativeAsync<T>(call: () => Promise<T>, fallback?: ErrorClass): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw fromNative(error, fallback);
  }
}
