/** How far the loops inside a batch are. */
import type { NativeRun } from '../binding/contract.js';
import type { BatchProgress } from '../callbacks/callback.js';

/** {@link BatchProgress} of the batch `step`, which counts from 0. */
export interface StepProgress extends BatchProgress {
  readonly step: number;
}

/** How often a run is asked. */
const MILLISECONDS = 100;

/**
 * Reports how far a run is, where that has changed, until it is finished or stopped. A report that is late (it may
 * return a promise) delays the next. One that fails ends the run, and is its failure.
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
    // The run keeps the process alive, this does not.
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

  /** Asks a last time, when the run is done, and waits for that report. Throws what a report threw. */
  async finish(): Promise<void> {
    this.stop();
    await this.#pending;
    this.#ask();
    await this.#pending;
    this.throwFailure();
  }

  /** Throws what a report threw. */
  throwFailure(): void {
    if (this.#failure !== null) throw this.#failure.reason;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
