import { Callback } from './callback.js';

export interface StepRecord {
  /** The first step of those that were run in one go. */
  readonly step: number;
  /** From the begin of this step to the end of it; several may be under way at once. */
  readonly milliseconds: number;
}

/** Records when steps ended: a record per step, so not for input without an end. */
export class History extends Callback {
  /** In the order of the steps, of the last run. */
  readonly steps: StepRecord[] = [];
  /** The whole of the last run. */
  milliseconds = 0;
  #begun = 0;
  readonly #begins = new Map<number, number>();

  override onPredictBegin(): void {
    this.steps.length = 0;
    this.#begins.clear();
    this.#begun = performance.now();
  }

  override onPredictBatchBegin(step: number): void {
    this.#begins.set(step, performance.now());
  }

  override onPredictBatchEnd(endStep: number): void {
    // Ends come in the order of the begins.
    const [[step, begun]] = [...this.#begins, [endStep - 1, this.#begun]] as [[number, number]];
    this.#begins.delete(step);
    this.steps.push({ step, milliseconds: performance.now() - begun });
  }

  override onPredictEnd(): void {
    this.milliseconds = performance.now() - this.#begun;
  }
}
