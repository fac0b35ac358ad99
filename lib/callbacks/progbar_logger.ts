import { type GenericFormatter, type Options, SingleBar } from 'cli-progress';
import { type BatchProgress, Callback } from './callback.js';

/** Where progress is written. */
export interface ProgressStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
}

/** How often a stream that is no terminal gets a line. */
const LINE_MILLISECONDS = 5000;

const render: GenericFormatter = (options: Options, { progress, value, total, startTime }) => {
  const width = options.barsize ?? 30;
  const done = Math.round(Math.min(progress, 1) * width);
  const bar = '━'.repeat(done) + ' '.repeat(width - done);
  return `${Math.floor(value)}/${total} ${bar} ${timing(Date.now() - startTime, value, total)}`;
};

function timing(elapsed: number, done: number, total: number): string {
  if (done === 0) return '';
  const perStep = elapsed / done;
  const remaining = done < total ? `${duration((total - done) * perStep)} left` : duration(elapsed);
  return `${remaining} ${perStep < 1000 ? `${Math.round(perStep)}ms` : `${(perStep / 1000).toFixed(1)}s`}/step`;
}

function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  return seconds < 60
    ? `${seconds}s`
    : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/**
 * Shows how far a run is, on stderr: at `verbose` 1 a bar on a terminal and a line now and then in a log file, at
 * 2 one line at the end.
 */
export class ProgbarLogger extends Callback {
  readonly #stream: ProgressStream;
  #bar: SingleBar | null = null;
  /** Which part of a batch is done, by its step, of those that have begun and not ended. */
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
    if (this.params?.verbose !== 1 || this.#stream.isTTY !== true) return;
    this.#bar = new SingleBar({
      format: render,
      stream: this.#stream,
      barsize: 30,
      hideCursor: false,
      gracefulExit: false,
    });
    this.#bar.start(this.params.steps, 0);
  }

  override onPredictBatchProgress(step: number, { done, total }: BatchProgress): void {
    this.#parts.set(step, done / total);
    this.#update();
  }

  override onPredictBatchEnd(endStep: number): void {
    this.#parts.delete(endStep - 1);
    this.#ended = endStep;
    this.#update();
    const total = this.params?.steps ?? endStep;
    const due = Date.now() - this.#lastLine >= LINE_MILLISECONDS;
    const last = endStep === total;
    if (this.#bar === null && (last || (due && this.params?.verbose === 1))) {
      this.#lastLine = Date.now();
      this.#stream.write(`${endStep}/${total} - ${timing(Date.now() - this.#begun, endStep, total)}\n`);
    }
  }

  override onPredictEnd(): void {
    this.#stop();
  }

  override onPredictError(): void {
    this.#stop();
  }

  #update(): void {
    const underWay = [...this.#parts.values()].reduce((sum, part) => sum + part, 0);
    this.#bar?.update(this.#ended + underWay);
  }

  #stop(): void {
    this.#bar?.stop();
    this.#bar = null;
  }
}
