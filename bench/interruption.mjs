/** Ctrl-C as an end of work that keeps what was done. */
import { setImmediate as turn } from 'node:timers/promises';

/**
 * Runs `work` with a signal that Ctrl-C (SIGINT) or SIGTERM aborts. A second one ends the process at once.
 *
 * @param {(signal: AbortSignal) => Promise<void>} work
 * @returns false where `work` failed after the signal was aborted
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
    // A terminal sends SIGINT to the peers, too: the end of a peer may be reported before the signal is.
    await turn();
    if (!controller.signal.aborted) throw error;
    return false;
  } finally {
    for (const name of names) process.off(name, abort);
  }
}
