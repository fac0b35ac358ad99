import type { Indices } from '../data/indices.js';
import type { Inputs } from '../data/inputs.js';
import type { Source } from '../data/source.js';
import type { AnyMethod, MethodParameters } from '../graph/method.js';
import type { Model } from '../model/model.js';
import { checkFunction, checkIsObject } from '../support/arguments.js';
import { checkSignal } from '../support/signal.js';
import { warnOfFindings } from './findings.js';
import { checkInto, type Into, lendInto } from './into.js';
import type { ExplainResult } from './make_explain_function.js';
import { fromNames, releaseResults } from './method_results.js';
import { type CommonOptions, type OptionalOptions, prepare } from './prepare.js';
import { destinationsFrom, Results } from './results.js';
import { runSteps } from './run_batches.js';

export interface ExplainBatchesOptions extends CommonOptions {
  /**
   * Called before a step starts. Returns the tensors that the results of the step are written into, so that memory is
   * reused. Several steps run at once, so return only tensors that are no longer needed. Tensors of a step that is not
   * delivered yet are refused. Default: new tensors.
   */
  readonly into?: (step: number, samples: number) => Into | undefined;
}

/** {@link ExplainBatchesOptions} and the parameters of the method itself. */
export type ExplainBatchesOptionsFor<M extends AnyMethod> = ExplainBatchesOptions & MethodParameters<M>;

/**
 * The results of one step. The caller owns the tensors. `using`, or `release()` of each tensor, frees their memory at
 * once.
 */
export interface ExplainedStep extends ExplainResult {
  /** The number of the step, counted from 0. */
  readonly step: number;
  readonly samples: number;
  /** Releases all tensors. */
  [Symbol.dispose](): void;
}

/**
 * Explains step by step, for endless input or for maps that do not fit in memory. Only the steps that keep the device
 * busy are computed ahead. A slow consumer therefore slows the source and memory use stays constant. The garbage
 * collector frees tensors that are no longer referenced. Leaving the loop aborts the steps in flight and closes the
 * source.
 *
 * Takes the arguments and throws the errors of `explain`, on the first request for a step or later.
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
  if (into !== undefined) checkFunction('into', into, '`explainBatches` calls it for each step.');
  const { handler, step, loop, release } = prepare(method, model, x, y, options);
  /** The functions that end the loans of tensors, by step. */
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
      // Delivered results belong to the caller. `finishedSteps` of an error does not include them.
      computed = new Results(null);
      lent.get(batch.step)?.();
      lent.delete(batch.step);
      const results = fromNames(outputs);
      await warnOfFindings(method, model, results);
      const dispose = () => releaseResults(results);
      const about = { step: batch.step, samples: batch.samples, [Symbol.dispose]: dispose };
      yield Object.assign(results, about);
    }
  } finally {
    for (const giveBack of lent.values()) giveBack();
    release();
  }
}
