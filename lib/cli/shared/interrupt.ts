import { exitCodes } from './failure.js';
import { type Terminal, writeLine } from './terminal.js';

/** By what this process was asked to end, if it was. */
let received: NodeJS.Signals | null = null;

/** Aborts on Ctrl-C (or SIGTERM), so that what is done is kept; a second Ctrl-C ends the process at once. */
export function onInterrupt(): { signal: AbortSignal; dispose: () => void } {
  const controller = new AbortController();
  const abort = (name: NodeJS.Signals) => {
    received = name;
    controller.abort();
  };
  process.once('SIGINT', abort);
  process.once('SIGTERM', abort);
  return {
    signal: controller.signal,
    dispose: () => {
      process.off('SIGINT', abort);
      process.off('SIGTERM', abort);
    },
  };
}

/**
 * Runs a command's work, which returns the exit code, and tells `done` what it is: 130 where the work gave up because
 * of Ctrl-C.
 */
export async function interruptible(
  terminal: Terminal,
  done: (code: number) => void,
  work: (signal: AbortSignal) => Promise<number>,
): Promise<void> {
  const { signal, dispose } = onInterrupt();
  try {
    done(await work(signal));
  } catch (error) {
    if (!signal.aborted) throw error;
    await writeLine(terminal.err, 'Interrupted.');
    done(exitCodes.interrupted);
  } finally {
    dispose();
  }
}

/** What has been given up may need this long to end by itself. */
const GRACE_MILLISECONDS = 200;

/**
 * Ends an interrupted process whose background threads go on. TensorFlow cannot be stopped while it is being loaded,
 * and even `process.exit` would wait for it: only the signal itself ends the process then, which shells report as 130,
 * too. What ends by itself in time does so, with its exit code.
 */
export function endInterrupted(): void {
  const signal = received;
  if (signal !== null) setTimeout(() => process.kill(process.pid, signal), GRACE_MILLISECONDS).unref();
}
