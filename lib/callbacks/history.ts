import { Callback } from './callback.js';

export interface StepRecord {
  /** The first step of an execution. With `stepsPerExecution`, an execution has several steps. */
  readonly step: number;
  /** Milliseconds from the begin to the end of the execution. Several executions may be in flight. */
  readonly milliseconds: number;
}

/** Records the time of every step. The records grow with the number of steps: do not use History with endless input. */
export class History extends Callback {
  /** The records of the last run, in the order of the steps. */
  readonly steps: StepRecord[] = [];
  /** The duration of the last run in milliseconds. */
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
    // Steps end in the order in which they began.
    const [[step, begun]] = [...this.#begins, [endStep - 1, this.#begun]] as [[number, number]];
    this.#begins.delete(step);
    this.steps.push({ step, milliseconds: performance.now() - begun });
  }

  override onPredictEnd(): void {
    this.milliseconds = performance.now() - this.#begun;
  }
}
