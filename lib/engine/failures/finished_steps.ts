/** What a run that ended early had computed until then. */
import type { RaggedTensor } from '../../tensor/ragged.js';
import type { Tensor } from '../../tensor/tensor.js';

export interface FinishedSteps {
  readonly steps: number;
  readonly samples: number;
  /** By name, as callbacks see them: `logits`, `maps`, and the method's extras as `extras.delta`. */
  readonly outputs: Readonly<Record<string, Tensor | RaggedTensor>>;
}

/** Not a property of the error: it may be anybody's, and frozen. */
const finished = new WeakMap<object, FinishedSteps>();

function isObject(error: unknown): error is object {
  return (typeof error === 'object' && error !== null) || typeof error === 'function';
}

/**
 * @internal Remembers what was done when `error` was thrown; null: nothing. An earlier note of the same error is
 * replaced: it is that of a run which this one read from, or of one before it.
 */
export function noteFinished(error: unknown, steps: FinishedSteps | null): void {
  if (!isObject(error)) return;
  if (steps === null) finished.delete(error);
  else finished.set(error, steps);
}

/**
 * The steps that `explain` or `explainBatches` had done, and not given yet, when it threw `error`: a source that
 * failed, a callback that threw, a signal, a timeout, an error of TensorFlow.
 *
 * @returns undefined where nothing was done, and for errors that are no objects.
 */
export function finishedSteps(error: unknown): FinishedSteps | undefined {
  return isObject(error) ? finished.get(error) : undefined;
}
