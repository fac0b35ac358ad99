import type { Indices } from '../data/indices.js';
import type { Inputs } from '../data/inputs.js';
import type { Source } from '../data/source.js';
import type { AnyMethod, MethodParameters } from '../graph/method.js';
import type { Model } from '../model/model.js';
import { checkIsObject } from '../support/arguments.js';
import { checkSignal } from '../support/signal.js';
import type { RaggedTensor } from '../tensor/ragged.js';
import type { Tensor } from '../tensor/tensor.js';
import { checkInto, type Into, lendInto, refuseInputs } from './into.js';
import type { ExplainResult } from './make_explain_function.js';
import { fromNames } from './method_results.js';
import { type CommonOptions, type OptionalOptions, prepare } from './prepare.js';
import { runBatches } from './run_batches.js';

export interface ExplainOptions extends CommonOptions {
  /**
   * Where the results are written, so that their memory is used again: the result's tensors are these. Their rows
   * must be as many as the samples, whose number must be known, and no other run may have them. Default: memory of
   * their own.
   */
  readonly into?: Into;
}

/** {@link ExplainOptions} and the parameters of the method itself. */
export type ExplainOptionsFor<M extends AnyMethod> = ExplainOptions & MethodParameters<M>;

/** What `explain` gives for `X`: a source may yield batches of different sizes, arrays do not. */
export type ExplainResultFor<X extends Inputs | Source> = X extends Inputs
  ? ExplainResult
  : ExplainResult<Tensor | RaggedTensor>;

/**
 * Explains the outputs of `model` for `x`: where the evidence for units `y` lies. Nothing of it blocks the event
 * loop: batches are copied in slices and computed on native threads.
 *
 * @param method the explaining method: one of `methods`, or a function of your own over symbolic tensors.
 * @param model the model, exposed (`inspection.expose`) where the method needs activations.
 * @param x the inputs, samples first: a Tensor, `{ data, shape }`, an array of either or a record by input name; or a
 *   source of batches: an iterable, an async iterable, a stream of objects, a `Sequence`, `data.imageFiles(...)`.
 *   float32, float64, float16, bfloat16 and integers are fed as they are and cast inside the graph.
 * @param y the units to explain, integers (N, U). Default: every unit. A source brings its own: `[x, y]`.
 * @returns `logits` (N, U), `maps` (N, H, W, U) and `extras`, what else the method gives by name, a row per sample. All
 *   lie in TensorFlow's memory. They are RaggedTensors where a source's batches differ in size.
 * @throws TypeError, RangeError for misuse, before anything runs.
 * @throws GraphError where the method records what TensorFlow refuses.
 * @throws UnsupportedOpError where an op of the model has no confirmed gradient.
 * @throws CancelledError soon after `signal` is aborted; TimeoutError after `timeout`.
 * @throws what the source or a callback throws, as it is. `finishedSteps(error)` gives the steps done until then.
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
      return fromNames(await runBatches(model, handler, step, loop, destination)) as ExplainResultFor<X>;
    } finally {
      giveBack();
    }
  } finally {
    release();
  }
}
