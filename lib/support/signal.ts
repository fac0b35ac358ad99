/** What an `AbortSignal` and a `timeout` mean to a run. */
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkMilliseconds, wrongType } from './arguments.js';
import { CancelledError, TimeoutError } from './errors.js';

/** What every run takes, beside what it is about. */
export interface RunOptions {
  /**
   * Ends the run with a CancelledError, soon: what has not begun is left out, and every loop under way (a Jacobian's
   * units, Score-CAM's masks, smooth's repetitions, a `forRange` of your own) ends before its next turn. What
   * TensorFlow computes in one go is finished first: a turn, or for a method without loops its few rows of a batch.
   * The model can be used on at once, and `finishedSteps` of the error holds what was done.
   */
  readonly signal?: AbortSignal;
  /** Milliseconds after which the run ends as by `signal`, with a TimeoutError. Default: none. */
  readonly timeout?: number;
}

export function checkIsSignal(signal: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw wrongType('signal', 'an AbortSignal', signal);
}

/** The longest that a timer of Node's waits: 24.8 days. */
const LONGEST = 2 ** 31 - 1;

export function checkTimeout(timeout: unknown): void {
  if (timeout !== undefined) checkMilliseconds('timeout', timeout, 1, LONGEST);
}

/** The error of what `signal` has ended. */
export function cancelled(signal: AbortSignal): Error {
  if (signal.reason instanceof TimeoutError) return signal.reason;
  return new CancelledError('The run was cancelled by its signal.', { cause: signal.reason });
}

/** Throws CancelledError, or TimeoutError, where `signal` is aborted. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw cancelled(signal);
}

export interface Following {
  readonly signal: AbortSignal;
  readonly abort: (reason: unknown) => void;
  /** The error of the outer signal or the timeout, where one of them has ended it. */
  readonly interruption: () => Error | null;
  /** Lets go of the outer signal, and of the clock. */
  readonly dispose: () => void;
}

/**
 * As many listen as batches are read or run at once, or as calls share the caller's signal, which may be a service's
 * own: Node would warn of a leak from the eleventh on.
 */
export function manyListen(signal: AbortSignal): void {
  setMaxListeners(0, signal);
}

/** A signal of one's own that is aborted with `outer`, too, and after `timeout` milliseconds. */
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

/** Awaits `work`, but no longer than until `signal` is aborted; the work itself goes on. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  // What it is over with later, nobody hears of.
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

/** How long what was left or aborted waits for what others have under way. */
const GRACE_MILLISECONDS = 250;

/** Waits for `work`, but not for long, and whatever it is over with. */
export async function withinGrace(work: Promise<unknown>): Promise<void> {
  const late = new AbortController();
  const time = sleep(GRACE_MILLISECONDS, null, { signal: late.signal });
  await Promise.race([work, time]).catch(ignore);
  late.abort();
  await time.catch(ignore);
}

/**
 * Awaits `work` of others, all of it, but not for long once `signal` is aborted: then it throws CancelledError, and the
 * work goes on.
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
