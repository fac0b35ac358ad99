import { exitCodes } from './failure.js';
import { type Terminal, writeLine } from './terminal.js';

/** The signal that asked this process to end, or null. */
let received: NodeJS.Signals | null = null;

/** Aborts on Ctrl-C or SIGTERM, so that finished work is kept. A second Ctrl-C ends the process at once. */
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
 * Runs the work of a command and passes its exit code to `done`. The exit code is 130 if Ctrl-C ended the work.
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

/** The time that abandoned work has to end by itself. */
const GRACE_MILLISECONDS = 200;

/**
 * Ends an interrupted process whose background threads continue. TensorFlow cannot be stopped while it is loaded, and
 * `process.exit` would wait for it. Only the signal itself then ends the process, which shells also report as 130. A
 * process that ends by itself within the grace period keeps its exit code.
 */
export function endInterrupted(): void {
  const signal = received;
  if (signal !== null) setTimeout(() => process.kill(process.pid, signal), GRACE_MILLISECONDS).unref();
}
