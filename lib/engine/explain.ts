import { checkFunction, checkIsObject, wrongType } from '../arguments.js';
import type { CallbackLike } from '../callbacks/callback.js';
import { CallbackList, checkVerbose, type Verbosity } from '../callbacks/callback_list.js';
import { DATA_OPTIONS, type DataOptions, makeDataHandler } from '../data/data_handler.js';
import type { Indices } from '../data/indices.js';
import type { Inputs } from '../data/inputs.js';
import type { AnyMethod, MethodParameters } from '../graph/method.js';
import { KERNEL_AXIS } from '../inspection/axes.js';
import { Model } from '../model/model.js';
import type { StepOptions } from './explain_step.js';
import { type ExplainResult, makeExplainFunction } from './make_explain_function.js';
import type { StepProgress } from './progress.js';
import { runBatches } from './run_batches.js';
import { checkIsSignal, checkSignal } from './signal.js';

export interface ExplainOptions extends DataOptions, StepOptions {
  /** 'auto' (a progress bar on a terminal, else nothing), 0 (nothing), 1 (progress) or 2 (one line). Default 'auto'. */
  readonly verbose?: Verbosity;
  readonly callbacks?: readonly CallbackLike[] | CallbackList;
  /**
   * true: run the method again, so that values which it captured are honoured; what it records is compiled unless
   * the very same was compiled before. false: take the function that was compiled for equal arguments. Default true.
   */
  readonly force?: boolean;
  /**
   * Ends the run with a CancelledError, soon: what has not begun is left out, and every loop under way (a Jacobian's
   * units, Score-CAM's masks, smooth's repetitions, a `forRange` of your own) ends before its next turn. What
   * TensorFlow computes in one go is finished first: a turn, or for a method without loops its few rows of a batch.
   * The model can be used on at once.
   */
  readonly signal?: AbortSignal;
  /**
   * Told how far a batch is, in turns of its method's outermost loops: `{ step, done, total }`, steps from 0. Called
   * at most every 100 ms and at last when the batch is done, never for a method without loops (a gradient of one
   * unit). Several batches may be under way at once; `done` of each only grows, `total` is an estimate until all parts
   * of the batch have begun. A promise that it returns is awaited before the next call. What it throws ends the run.
   */
  readonly onProgress?: (progress: StepProgress) => void;
}

/** {@link ExplainOptions} and the parameters of the method itself. */
export type ExplainOptionsFor<M extends AnyMethod> = ExplainOptions & MethodParameters<M>;

/** The options, which may be left out where the method has no parameter that it requires. */
export type OptionalOptions<O> = object extends O ? [options?: O] : [options: O];

/**
 * Explains the outputs of `model` for `x`: where the evidence for units `y` lies. Nothing of it blocks the event
 * loop: batches are copied in slices and computed on native threads.
 *
 * @param method the explaining method: one of `methods`, or a function of your own over symbolic tensors.
 * @param model the model, exposed (`inspection.expose`) where the method needs activations.
 * @param x the inputs, samples first: a Tensor, `{ data, shape }`, an array of either or a record by input name.
 *   float32, float64, float16, bfloat16 and integers are fed as they are and cast inside the graph.
 * @param y the units to explain, integers (N, U). Default: every unit.
 * @returns `logits` (N, U) and `maps` (N, H, W, U), over TensorFlow's memory.
 * @throws TypeError, RangeError for misuse, before anything runs.
 * @throws GraphError where the method records what TensorFlow refuses.
 * @throws UnsupportedOpError where an op of the model has no confirmed gradient.
 * @throws CancelledError soon after `signal` is aborted.
 */
export async function explain<M extends AnyMethod>(
  method: M,
  model: Model,
  x: Inputs,
  y?: Indices | null,
  ...[given]: OptionalOptions<ExplainOptionsFor<M>>
): Promise<ExplainResult> {
  const options = (given ?? {}) as ExplainOptionsFor<M>;
  checkIsObject('options', options);
  if (!(model instanceof Model)) throw wrongType('model', 'a model from `loadModel`', model);
  model.checkOpen();
  const {
    verbose = 'auto',
    callbacks,
    force = true,
    signal,
    onProgress,
    ...rest
  } = options as ExplainOptions;
  checkVerbose(verbose);
  checkIsSignal(signal);
  if (onProgress !== undefined) checkFunction('onProgress', onProgress);
  const [data, params] = divide(rest, DATA_OPTIONS);
  const explainFunction = makeExplainFunction(
    model,
    method,
    params as StepOptions & MethodParameters<M>,
    force,
  );
  try {
    const handler = makeDataHandler(
      model,
      x,
      y,
      data as DataOptions,
      (params as StepOptions).indicesAxis ?? KERNEL_AXIS,
    );
    await handler.validate();
    checkSignal(signal);

    const about = { model, verbose, steps: handler.inferredSteps, samples: handler.samples };
    const list =
      callbacks instanceof CallbackList
        ? callbacks
        : new CallbackList(callbacks, { addHistory: true, addProgbar: verbose !== 0, ...about });
    return await runBatches(model, handler, async (...step) => ({ ...(await explainFunction(...step)) }), {
      callbacks: list,
      counter: model.countSteps(),
      signal,
      onProgress,
    });
  } finally {
    explainFunction.release();
  }
}

function divide(options: object, names: readonly string[]): [chosen: object, others: object] {
  const entries = Object.entries(options);
  return [
    Object.fromEntries(entries.filter(([name]) => names.includes(name))),
    Object.fromEntries(entries.filter(([name]) => !names.includes(name))),
  ];
}
