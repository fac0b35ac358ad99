import { type GenericFormatter, type Options, SingleBar } from 'cli-progress';
import { type BatchProgress, Callback } from './callback.js';

/** The stream that progress is written to. */
export interface ProgressStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
}

/** The interval between two lines on a stream that is not a terminal. */
const LINE_MILLISECONDS = 5000;

const render: GenericFormatter = (options: Options, { progress, value, total, startTime }) => {
  const elapsed = Date.now() - startTime;
  if (total === UNKNOWN) return counting(elapsed, Math.floor(value), null);
  const width = options.barsize ?? 30;
  const done = Math.round(Math.min(progress, 1) * width);
  const bar = '━'.repeat(done) + ' '.repeat(width - done);
  return `${Math.floor(value)}/${total} ${bar} ${timing(elapsed, value, total)}`;
};

/** The total of a bar whose number of steps is unknown. */
const UNKNOWN = 0;

/** Formats progress as a line of text: for log files, and for input of unknown length. */
function counting(elapsed: number, done: number, total: number | null): string {
  const time = timing(elapsed, done, total);
  return `${done}/${total ?? '?'}${time === '' ? '' : ` - ${time}`}`;
}

function timing(elapsed: number, done: number, total: number | null): string {
  if (done === 0) return '';
  const perStep = elapsed / done;
  const remaining =
    total !== null && done < total ? `${duration((total - done) * perStep)} left` : duration(elapsed);
  return `${remaining} ${perStep < 1000 ? `${Math.round(perStep)}ms` : `${(perStep / 1000).toFixed(1)}s`}/step`;
}

function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  return seconds < 60
    ? `${seconds}s`
    : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/**
 * Shows the progress of a run on stderr. With `verbose` 1: a bar on a terminal; in a log file, or if `CI` is set, a
 * line every 5 seconds. With `verbose` 2: one line at the end. If the number of steps is unknown, the steps are
 * counted.
 */
export class ProgbarLogger extends Callback {
  readonly #stream: ProgressStream;
  #bar: SingleBar | null = null;
  /** The finished share of each batch in flight, by step. */
  readonly #parts = new Map<number, number>();
  #ended = 0;
  #begun = 0;
  #lastLine = 0;

  constructor({ stream = process.stderr }: { stream?: ProgressStream } = {}) {
    super();
    this.#stream = stream;
  }

  override onPredictBegin(): void {
    this.#begun = Date.now();
    this.#lastLine = this.#begun;
    this.#parts.clear();
    this.#ended = 0;
    const redrawn = this.#stream.isTTY === true && !process.env.CI && process.env.TERM !== 'dumb';
    if (this.params?.verbose !== 1 || !redrawn) return;
    this.#bar = new SingleBar({
      format: render,
      stream: this.#stream,
      barsize: 30,
      hideCursor: false,
      gracefulExit: false,
    });
    this.#bar.start(this.params.steps ?? UNKNOWN, 0);
  }

  override onPredictBatchProgress(step: number, { done, total }: BatchProgress): void {
    this.#parts.set(step, done / total);
    this.#update();
  }

  override onPredictBatchEnd(endStep: number): void {
    // Steps end in the order in which they began. Several steps may end at once.
    for (const step of this.#parts.keys()) if (step < endStep) this.#parts.delete(step);
    this.#ended = endStep;
    this.#update();
    const due = Date.now() - this.#lastLine >= LINE_MILLISECONDS;
    if (due && this.params?.verbose === 1 && endStep !== this.params.steps) this.#writeLine();
  }

  override onPredictEnd(): void {
    if (this.#ended > 0) this.#writeLine();
    this.#stop();
  }

  override onPredictError(): void {
    this.#stop();
  }

  #update(): void {
    const inFlight = [...this.#parts.values()].reduce((sum, part) => sum + part, 0);
    this.#bar?.update(this.#ended + inFlight);
  }

  /** Writes a line, unless a bar shows the progress already. */
  #writeLine(): void {
    if (this.#bar !== null) return;
    this.#lastLine = Date.now();
    const { steps } = this.params ?? { steps: null };
    this.#stream.write(`${counting(Date.now() - this.#begun, this.#ended, steps)}\n`);
  }

  #stop(): void {
    this.#bar?.stop();
    this.#bar = null;
  }
}
