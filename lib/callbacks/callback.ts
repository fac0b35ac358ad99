import type { Tensor } from '../tensor/tensor.js';

/** The results of a finished step. */
export interface StepLogs {
  /** The outputs by name: `logits` and `maps`. They are part of the run's result: do not release or change them. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** Ends the run after this step, as if the input ended here. The result holds the steps so far. */
  stopPredicting(): void;
}

/** The progress of a batch, in turns of the loops of its method: a Jacobian's units, `forRange`, `mapRange`. */
export interface BatchProgress {
  /** The number of finished turns, over all shards of the batch. */
  readonly done: number;
  /** The number of all turns. An estimate until every shard has begun. */
  readonly total: number;
}

/** The parameters of a run, known before the run begins. */
export interface RunParameters {
  readonly verbose: number;
  /** The number of steps, or null if only the end of the input determines the number. */
  readonly steps: number | null;
  readonly samples: number | null;
}

/**
 * Hooks into a run. Extend this class, or pass an object with some of its methods. Hooks are awaited in order, so a
 * slow hook slows the run. Several batches may be in flight, so a batch may begin before the last batch has ended. Ends
 * come in the order of the steps. After an abort or a timeout, a hook in progress has 250 ms left; then the run ends
 * without waiting for the hook.
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
  /** A batch begins. `step` counts from 0. */
  onPredictBatchBegin(_step: number): void | Promise<void> {}
  /**
   * Reports the progress of batch `step` (from 0) if its method has loops: at most every 100 ms, only after a change,
   * and when the batch is done. The call comes between the batch's begin and end, even while other hooks are awaited.
   */
  onPredictBatchProgress(_step: number, _progress: BatchProgress): void | Promise<void> {}
  /**
   * A batch has ended. `endStep` is the number of finished steps. With `stepsPerExecution`, one call ends several
   * steps.
   */
  onPredictBatchEnd(_endStep: number, _logs: StepLogs): void | Promise<void> {}
  onPredictEnd(): void | Promise<void> {}
  /**
   * The run failed or was cancelled. `onPredictEnd` is not called. `finishedSteps(error)` returns the finished steps.
   */
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
