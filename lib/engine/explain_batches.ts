import type { Indices } from '../data/indices.js';
import type { Inputs } from '../data/inputs.js';
import type { Source } from '../data/source.js';
import type { AnyMethod, MethodParameters } from '../graph/method.js';
import type { Model } from '../model/model.js';
import { checkFunction, checkIsObject } from '../support/arguments.js';
import { checkSignal } from '../support/signal.js';
import { checkInto, type Into, lendInto } from './into.js';
import type { ExplainResult } from './make_explain_function.js';
import { fromNames, releaseResults } from './method_results.js';
import { type CommonOptions, type OptionalOptions, prepare } from './prepare.js';
import { destinationsFrom, Results } from './results.js';
import { runSteps } from './run_batches.js';

export interface ExplainBatchesOptions extends CommonOptions {
  /**
   * Called before a step begins: the tensors that its results are written into, so that memory is used again. Several
   * steps are under way at once: give tensors that you have done with. What was given for a step that is not there yet
   * is refused. Default: memory of their own.
   */
  readonly into?: (step: number, samples: number) => Into | undefined;
}

/** {@link ExplainBatchesOptions} and the parameters of the method itself. */
export type ExplainBatchesOptionsFor<M extends AnyMethod> = ExplainBatchesOptions & MethodParameters<M>;

/** What one step gave. The tensors are yours; `using`, or `release()` of each, gives their memory back at once. */
export interface ExplainedStep extends ExplainResult {
  /** From 0. */
  readonly step: number;
  readonly samples: number;
  /** Releases all tensors. */
  [Symbol.dispose](): void;
}

/**
 * `explain`, step by step: for input that is endless, or whose maps are too many to hold. A few steps are computed
 * ahead (as many as keep the device busy) and no more, so that a slow consumer slows the source and memory stays flat;
 * tensors that nobody refers to any more are freed by the collector. Leaving the loop ends what is under way and closes
 * the source.
 *
 * All arguments are those of `explain`; it throws what `explain` throws, when the first step is asked for or later.
 *
 * @example
 * for await (using step of ke.explainBatches(ke.methods.cams.gradcam, exposed, frames())) show(step.maps);
 */
export async function* explainBatches<M extends AnyMethod>(
  method: M,
  model: Model,
  x: Inputs | Source,
  y?: Indices | null,
  ...[given]: OptionalOptions<ExplainBatchesOptionsFor<M>>
): AsyncGenerator<ExplainedStep, void> {
  checkIsObject('options', given ?? {});
  const { into, ...options } = (given ?? {}) as ExplainBatchesOptions;
  if (into !== undefined) checkFunction('into', into, 'Here it is called for each step.');
  const { handler, step, loop, release } = prepare(method, model, x, y, options);
  /** By step. */
  const lent = new Map<number, () => void>();
  try {
    await handler.validate();
    checkSignal(loop.signal);
    let computed = new Results(null);
    const steps = runSteps(model, handler, step, loop, {
      destinations: (batch) => {
        const given = checkInto(into?.(batch.step, batch.samples), batch.samples);
        lent.set(batch.step, lendInto(given));
        return destinationsFrom(given, 0);
      },
      accept: ({ batch, outputs }) => computed.append(batch, outputs),
      rest: () => computed,
    });
    for await (const { batch, outputs } of steps) {
      // What is given is the caller's: it is not among what an error has kept.
      computed = new Results(null);
      lent.get(batch.step)?.();
      lent.delete(batch.step);
      const results = fromNames(outputs);
      const dispose = () => releaseResults(results);
      const about = { step: batch.step, samples: batch.samples, [Symbol.dispose]: dispose };
      yield Object.assign(results, about);
    }
  } finally {
    for (const giveBack of lent.values()) giveBack();
    release();
  }
}
