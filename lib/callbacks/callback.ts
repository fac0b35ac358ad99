import type { Tensor } from '../tensor.js';

/** What one step gave, by name: `logits` and `maps`. The tensors are freed after the callback unless it keeps them. */
export interface StepLogs {
  readonly outputs: Readonly<Record<string, Tensor>>;
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
    | 'onPredictBatchEnd'
    | 'onPredictEnd'
    | 'onPredictError'
  >
>;
