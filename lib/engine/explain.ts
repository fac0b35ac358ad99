import type { Indices } from '../data/indices.js';
import type { Inputs } from '../data/inputs.js';
import type { Source } from '../data/source.js';
import type { AnyMethod, MethodParameters } from '../graph/method.js';
import type { Model } from '../model/model.js';
import { checkIsObject } from '../support/arguments.js';
import { checkSignal } from '../support/signal.js';
import type { RaggedTensor } from '../tensor/ragged.js';
import type { Tensor } from '../tensor/tensor.js';
import { warnOfFindings } from './findings.js';
import { checkInto, type Into, lendInto, refuseInputs } from './into.js';
import type { ExplainResult } from './make_explain_function.js';
import { fromNames } from './method_results.js';
import { type CommonOptions, type OptionalOptions, prepare } from './prepare.js';
import { runBatches } from './run_batches.js';

export interface ExplainOptions extends CommonOptions {
  /**
   * Tensors that the results are written into, so that memory is reused. The result holds these tensors. The number of
   * samples must be known and equal the number of rows. No other run may write to the tensors. Default: new tensors.
   */
  readonly into?: Into;
}

/** {@link ExplainOptions} and the parameters of the method itself. */
export type ExplainOptionsFor<M extends AnyMethod> = ExplainOptions & MethodParameters<M>;

/** The results of `explain` for `X`. Only the batches of a source can differ in size. */
export type ExplainResultFor<X extends Inputs | Source> = X extends Inputs
  ? ExplainResult
  : ExplainResult<Tensor | RaggedTensor>;

/**
 * Explains the outputs of `model` for `x`: locates the evidence for units `y`. Does not block the event loop: batches
 * are copied in slices and computed on native threads.
 *
 * @param method the explaining method: one of `methods`, or a custom function over symbolic tensors.
 * @param model the model. If the method needs activations, the model must be exposed (`inspection.expose`).
 * @param x the inputs, samples first: a Tensor, `{ data, shape }`, an array of either or a record by input name. Or a
 *   source of batches: an iterable, an async iterable, a stream of objects, a `Sequence`, `data.imageFiles(...)`.
 *   float32, float64, float16, bfloat16 and integers are fed unchanged and cast inside the graph.
 * @param y the units to explain, integers (N, U): unit numbers, no one-hot rows. Default: every unit. A source yields
 *   units with its batches: `[x, y]`.
 * @returns `logits` (N, U), `maps` (N, H, W, U) and `extras`, the further results of the method by name, with a row per
 *   sample. All tensors are in TensorFlow's memory. They are RaggedTensors if the batches of a source differ in size.
 * @throws TypeError, RangeError for misuse, before the run starts.
 * @throws GraphError if TensorFlow refuses an op that the method records.
 * @throws UnsupportedOpError if an op of the model has no confirmed gradient.
 * @throws CancelledError soon after `signal` is aborted. TimeoutError after `timeout`.
 * @throws errors of the source and of callbacks, unchanged. `finishedSteps(error)` returns the steps that were done.
 */
export async function explain<M extends AnyMethod, X extends Inputs | Source>(
  method: M,
  model: Model,
  x: X,
  y?: Indices | null,
  ...[given]: OptionalOptions<ExplainOptionsFor<M>>
): Promise<ExplainResultFor<X>> {
  checkIsObject('options', given ?? {});
  const { into, ...options } = (given ?? {}) as ExplainOptions;
  const { handler, step, loop, release } = prepare(method, model, x, y, options);
  try {
    const destination = checkInto(into, handler.samples);
    refuseInputs(destination, [x, y]);
    const giveBack = lendInto(destination);
    try {
      await handler.validate();
      checkSignal(loop.signal);
      const results = fromNames(await runBatches(model, handler, step, loop, destination));
      await warnOfFindings(method, model, results);
      return results as ExplainResultFor<X>;
    } finally {
      giveBack();
    }
  } finally {
    release();
  }
}
