/** What an `AbortSignal` means to a run. */
import { wrongType } from '../arguments.js';
import { CancelledError } from '../errors.js';

export function checkIsSignal(signal: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw wrongType('signal', 'an AbortSignal', signal);
}

export function cancelled(signal: AbortSignal): CancelledError {
  return new CancelledError('The run was cancelled by its signal.', { cause: signal.reason });
}

/** Throws CancelledError where `signal` is aborted. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw cancelled(signal);
}

/** A signal of one's own that is aborted with `outer`, too. `dispose` lets go of `outer`. */
export function follow(outer: AbortSignal | undefined): {
  readonly signal: AbortSignal;
  readonly abort: (reason: unknown) => void;
  readonly dispose: () => void;
} {
  const controller = new AbortController();
  const pass = () => controller.abort(outer?.reason);
  if (outer?.aborted === true) pass();
  outer?.addEventListener('abort', pass, { once: true });
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    dispose: () => outer?.removeEventListener('abort', pass),
  };
}

/** Awaits `work`, but no longer than until `signal` is aborted; the work itself goes on. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
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
