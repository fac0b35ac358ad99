import type { Tensor } from '../tensor/tensor.js';

/** What a step is over with. */
export interface StepLogs {
  /** What it gave, by name: `logits` and `maps`. Part of the run's result, so not to be released or written to. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** Ends the run after this step, as if the input had ended here: the result is that of the steps so far. */
  stopPredicting(): void;
}

/** How far a batch is, in turns of the loops that its method records: a Jacobian's units, `forRange`, `mapRange`. */
export interface BatchProgress {
  /** Turns that have ended, of all parts of the batch. */
  readonly done: number;
  /** Turns that there will be; an estimate until every part has begun. */
  readonly total: number;
}

/** What is known of a run before it begins. */
export interface RunParameters {
  readonly verbose: number;
  /** null where only the end of the input tells. */
  readonly steps: number | null;
  readonly samples: number | null;
}

/**
 * Hooks into a run; extend it or pass an object with some of its methods. They are awaited, in order: a slow one
 * slows the run. Several batches may be under way at once, so that the next begins before the last has ended;
 * ends come in the order of the steps. Once the run was aborted or is late, a hook under way has a quarter of a second
 * left; then the run ends without it.
 */
export abstract class Callback {
  params: RunParameters | null = null;
  model: unknown = null;

  setParams(params: RunParameters): void {
    this.params = params;
  }

  setModel(model: unknown): void {
    this.model = model;
  }

  onPredictBegin(): void | Promise<void> {}
  /** `step` counts from 0. */
  onPredictBatchBegin(_step: number): void | Promise<void> {}
  /**
   * How far the batch `step` (from 0) is, where its method has loops: at most every 100 ms, whenever that has changed,
   * and when it is done. Comes between its begin and its end, whatever the other hooks are waiting for.
   */
  onPredictBatchProgress(_step: number, _progress: BatchProgress): void | Promise<void> {}
  /** `endStep` is the number of steps that are done. With `stepsPerExecution` it is called once for several of them. */
  onPredictBatchEnd(_endStep: number, _logs: StepLogs): void | Promise<void> {}
  onPredictEnd(): void | Promise<void> {}
  /** The run failed, or was cancelled: `onPredictEnd` is not called. `finishedSteps(error)` gives what was done. */
  onPredictError(_error: unknown): void | Promise<void> {}
}

/** A callback, or an object with some of its methods. */
export type CallbackLike = Partial<
  Pick<
    Callback,
    | 'setParams'
    | 'setModel'
    | 'onPredictBegin'
    | 'onPredictBatchBegin'
    | 'onPredictBatchProgress'
    | 'onPredictBatchEnd'
    | 'onPredictEnd'
    | 'onPredictError'
  >
>;
