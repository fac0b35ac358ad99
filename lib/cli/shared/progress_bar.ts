import { Presets, SingleBar } from 'cli-progress';
import { printable, type Terminal } from './terminal.js';

export interface Progress {
  /** Sets the number of done units, the total (0 if unknown) and the current item. */
  update(done: number, total: number, item: string): void;
  /** Hides the bar while `write` prints lines. */
  aside(write: () => Promise<void>): Promise<void>;
  stop(): void;
}

/** Starts a bar on standard error if that is a terminal. Otherwise prints nothing, so that logs stay readable. */
export function startProgress(terminal: Terminal, total: number, unit: (count: number) => string): Progress {
  if (terminal.err.isTTY !== true) return { update() {}, aside: (write) => write(), stop() {} };
  const bar = new SingleBar(
    {
      stream: terminal.err,
      format: '{bar} {percentage} % | {done} of {whole} | {item}',
      barsize: 24,
      hideCursor: true,
      clearOnComplete: true,
      linewrap: false,
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  let state = { done: 0, total, item: '' };
  const payload = () => ({
    done: unit(state.done),
    whole: state.total > 0 ? unit(state.total) : '?',
    item: printable(state.item),
  });
  const start = () => bar.start(Math.max(state.total, 1), state.done, payload());
  start();
  return {
    update(done, newTotal, item) {
      state = { done, total: newTotal, item };
      bar.setTotal(Math.max(newTotal, 1));
      bar.update(Math.min(done, Math.max(newTotal, 1)), payload());
    },
    async aside(write) {
      bar.stop();
      try {
        await write();
      } finally {
        start();
      }
    },
    stop: () => bar.stop(),
  };
}
