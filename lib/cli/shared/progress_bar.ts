import { Presets, SingleBar } from 'cli-progress';
import { printable, type Terminal } from './terminal.js';

export interface Progress {
  /** Sets what is done, of `total` where it has become known (0: unknown), and what is being worked on. */
  update(done: number, total: number, item: string): void;
  /** Runs `write` with the bar out of the way: lines printed in between do not tear it. */
  aside(write: () => Promise<void>): Promise<void>;
  stop(): void;
}

/** A bar on standard error, where that is a terminal; else nothing, so that logs stay readable. */
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
