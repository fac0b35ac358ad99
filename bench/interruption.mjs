/** Ends work at Ctrl-C and keeps the results so far. */
import { setImmediate as turn } from 'node:timers/promises';

/**
 * Runs `work` with an AbortSignal. Ctrl-C (SIGINT) or SIGTERM aborts the AbortSignal. A second SIGINT or SIGTERM ends
 * the process at once.
 *
 * @param {(signal: AbortSignal) => Promise<void>} work
 * @returns whether `work` ended normally; false if `work` failed after an abort
 */
export async function unlessInterrupted(work) {
  const controller = new AbortController();
  const abort = () => controller.abort();
  const names = ['SIGINT', 'SIGTERM'];
  for (const name of names) process.once(name, abort);
  try {
    await work(controller.signal);
    return true;
  } catch (error) {
    // A terminal also sends SIGINT to the peers. The exit of a peer may be reported before the signal of this process.
    await turn();
    if (!controller.signal.aborted) throw error;
    return false;
  } finally {
    for (const name of names) process.off(name, abort);
  }
}
