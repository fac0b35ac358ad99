/** The results that a run had computed before it failed. */
import type { RaggedTensor } from '../../tensor/ragged.js';
import type { Tensor } from '../../tensor/tensor.js';

export interface FinishedSteps {
  readonly steps: number;
  readonly samples: number;
  /** Results by name, as in callbacks: `logits`, `maps`, and the method's extras, for example `extras.delta`. */
  readonly outputs: Readonly<Record<string, Tensor | RaggedTensor>>;
}

/** A map instead of a property, because the error may be frozen or belong to other code. */
const finished = new WeakMap<object, FinishedSteps>();

function isObject(error: unknown): error is object {
  return (typeof error === 'object' && error !== null) || typeof error === 'function';
}

/**
 * @internal Stores the steps that were finished when `error` was thrown. null means none. Replaces an earlier entry of
 * the same error, which comes from an inner run (a source of this run) or from an earlier run.
 */
export function noteFinished(error: unknown, steps: FinishedSteps | null): void {
  if (!isObject(error)) return;
  if (steps === null) finished.delete(error);
  else finished.set(error, steps);
}

/**
 * Returns the steps that `explain` or `explainBatches` had finished but not delivered when it threw `error`. The error
 * may come from a source, a callback, a signal, a timeout or TensorFlow.
 *
 * @returns undefined if no step was finished, or if the error is not an object.
 */
export function finishedSteps(error: unknown): FinishedSteps | undefined {
  return isObject(error) ? finished.get(error) : undefined;
}
