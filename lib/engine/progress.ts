/** Reports the progress of the loops inside a batch. */
import type { NativeRun } from '../binding/contract.js';
import type { BatchProgress } from '../callbacks/callback.js';

/** The {@link BatchProgress} of batch `step`, counted from 0. */
export interface StepProgress extends BatchProgress {
  readonly step: number;
}

/** The interval between two reads of a run's progress. */
const MILLISECONDS = 100;

/**
 * Reports changes of a run's progress until the run is finished or stopped. A report may return a promise, which delays
 * the next report. An error of a report cancels the run and becomes the error of the run.
 */
export class ProgressWatch {
  readonly #run: NativeRun;
  readonly #report: (progress: BatchProgress) => unknown;
  readonly #timer: NodeJS.Timeout;
  #last: BatchProgress = { done: 0, total: 0 };
  #pending: Promise<void> | null = null;
  #failure: { readonly reason: unknown } | null = null;

  constructor(run: NativeRun, report: (progress: BatchProgress) => unknown) {
    this.#run = run;
    this.#report = report;
    // The run keeps the process alive. The timer does not.
    this.#timer = setInterval(() => this.#ask(), MILLISECONDS).unref();
  }

  #ask(): void {
    if (this.#pending !== null || this.#failure !== null) return;
    const { done, total } = this.#run.progress();
    if (done === this.#last.done && total === this.#last.total) return;
    this.#last = { done, total };
    this.#pending = this.#tell(this.#last);
  }

  async #tell(progress: BatchProgress): Promise<void> {
    try {
      await this.#report(progress);
    } catch (reason) {
      this.#failure = { reason };
      this.#run.cancel();
    } finally {
      this.#pending = null;
    }
  }

  /** Sends the last report after the run is done and waits for it. Throws the error of a report. */
  async finish(): Promise<void> {
    this.stop();
    await this.#pending;
    this.#ask();
    await this.#pending;
    this.throwFailure();
  }

  /** Throws the error of a report, if any. */
  throwFailure(): void {
    if (this.#failure !== null) throw this.#failure.reason;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
