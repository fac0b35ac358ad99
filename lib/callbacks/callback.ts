import type { Tensor } from '../tensor.js';

/** What one step gave, by name: `logits` and `maps`. The tensors are freed after the callback unless it keeps them. */
export interface StepLogs {
  readonly outputs: Readonly<Record<string, Tensor>>;
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
  readonly steps: number;
  readonly samples: number;
}

/**
 * Hooks into a run; extend it or pass an object with some of its methods. They are awaited, in order: a slow one
 * slows the run. Several batches may be under way at once, so that the next begins before the last has ended;
 * ends come in the order of the steps.
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
  /** `endStep` is the number of steps that are done. */
  onPredictBatchEnd(_endStep: number, _logs: StepLogs): void | Promise<void> {}
  onPredictEnd(): void | Promise<void> {}
  /** The run failed, or was cancelled: `onPredictEnd` is not called. */
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
