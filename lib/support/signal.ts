/** How an `AbortSignal` and a `timeout` end a run. */
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkMilliseconds, wrongType } from './arguments.js';
import { CancelledError, TimeoutError } from './errors.js';

/** The options that every run takes. */
export interface RunOptions {
  /**
   * Ends the run with a CancelledError. Shards that have not begun are skipped. Every loop in flight (a Jacobian's
   * units, Score-CAM's masks, smooth's repetitions, your own `forRange`) ends before its next turn. TensorFlow finishes
   * the turn in progress first; a method without loops finishes the current shard. The model is usable again
   * immediately. `finishedSteps(error)` returns the results of the steps that were completed.
   */
  readonly signal?: AbortSignal;
  /** Milliseconds after which the run ends in the same way, with a TimeoutError. Default: no limit. */
  readonly timeout?: number;
}

export function checkIsSignal(signal: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw wrongType('signal', 'an AbortSignal', signal);
}

/** The longest delay of a timer in Node: 24.8 days. */
const LONGEST = 2 ** 31 - 1;

export function checkTimeout(timeout: unknown): void {
  if (timeout !== undefined) checkMilliseconds('timeout', timeout, 1, LONGEST);
}

/** Returns the error of a run that `signal` has ended: a CancelledError, or the TimeoutError in the reason. */
export function cancelled(signal: AbortSignal): Error {
  if (signal.reason instanceof TimeoutError) return signal.reason;
  return new CancelledError('The run was cancelled by its signal.', { cause: signal.reason });
}

/** Throws CancelledError or TimeoutError if `signal` is aborted. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw cancelled(signal);
}

export interface Following {
  readonly signal: AbortSignal;
  readonly abort: (reason: unknown) => void;
  /** Returns the error if the outer signal or the timeout has aborted `signal`, else null. */
  readonly interruption: () => Error | null;
  /** Removes the listener from the outer signal and stops the timer. */
  readonly dispose: () => void;
}

/**
 * Allows any number of listeners on `signal`. Each batch in flight adds a listener, and so does each call that shares a
 * service's signal. Node warns of a leak from the eleventh listener on.
 */
export function manyListen(signal: AbortSignal): void {
  setMaxListeners(0, signal);
}

/** Returns a new signal. The signal is aborted together with `outer`, and after `timeout` milliseconds. */
export function follow(outer: AbortSignal | undefined, timeout?: number): Following {
  const controller = new AbortController();
  manyListen(controller.signal);
  if (outer !== undefined) manyListen(outer);
  let interrupted = false;
  const interrupt = (reason: unknown) => {
    interrupted ||= !controller.signal.aborted;
    controller.abort(reason);
  };
  const pass = () => interrupt(outer?.reason);
  if (outer?.aborted === true) pass();
  outer?.addEventListener('abort', pass, { once: true });
  const expire = () => interrupt(new TimeoutError(`The run was not done within ${timeout} ms.`));
  const clock = timeout === undefined ? undefined : setTimeout(expire, timeout);
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    interruption: () => (interrupted ? cancelled(controller.signal) : null),
    dispose: () => {
      outer?.removeEventListener('abort', pass);
      clearTimeout(clock);
    },
  };
}

function ignore(): void {}

/** Awaits `work`, at most until `signal` is aborted. The work itself continues. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  // A later rejection of abandoned work must not end the process.
  work.catch(ignore);
  checkSignal(signal);
  let abort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(cancelled(signal));
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** How long an aborted run waits for work in flight, in milliseconds. */
const GRACE_MILLISECONDS = 250;

/** Waits for `work` to settle, at most for {@link GRACE_MILLISECONDS}. A rejection is ignored. */
export async function withinGrace(work: Promise<unknown>): Promise<void> {
  const late = new AbortController();
  const time = sleep(GRACE_MILLISECONDS, null, { signal: late.signal });
  await Promise.race([work, time]).catch(ignore);
  late.abort();
  await time.catch(ignore);
}

/**
 * Awaits `work`. Once `signal` is aborted, the work has {@link GRACE_MILLISECONDS} left; after that this throws
 * CancelledError and the work continues alone.
 */
export async function untilLongAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  let over = false;
  const end = () => {
    over = true;
  };
  const ended = work.then(end, end);
  await untilAborted(ended, signal).catch(ignore);
  if (!over) await withinGrace(ended);
  if (!over) throw cancelled(signal);
  return work;
}
