import { type Batch, DATA_OPTIONS } from '../data/batch.js';
import type { AnyMethod, MethodArguments, MethodParameters } from '../graph/method.js';
import { descriptorOf } from '../methods/descriptor.js';
import { Model } from '../model/model.js';
import { checkBoolean, checkFunction, nameOf, wrongType } from '../support/arguments.js';
import type { RaggedTensor } from '../tensor/ragged.js';
import type { Tensor } from '../tensor/tensor.js';
import {
  checkStepOptions,
  explainedInput,
  explainStep,
  STEP_OPTIONS,
  type StepOptions,
} from './explain_step.js';
import { makeStepFunction, type Step, type StepFunction } from './make_step_function.js';
import { byName, fromNames, type MethodResults } from './method_results.js';
import { checkOwnParameters, NotedParameters } from './params.js';
import type { RunHooks } from './run_function.js';

/** What `explain` gives. */
export interface ExplainResult<T extends Tensor | RaggedTensor = Tensor> extends MethodResults<T> {
  /** The explained units' logits, (N, U). */
  readonly logits: T;
  /** A map per unit, (N, H, W, U). */
  readonly maps: T;
  /** What else the method gives, by name, a row per sample; `{}` where it gives nothing. */
  readonly extras: Readonly<Record<string, T>>;
}

/** Explains one batch. It compiles at the first batch of a kind (dtypes, units or none) and keeps what it compiled. */
export interface ExplainFunction {
  (batch: Batch, hooks?: RunHooks): Promise<ExplainResult>;
  /** Lets the model's cache drop what was compiled. Idempotent; the function works on, and may compile again. */
  release(): void;
}

/** Names that `explain` itself takes, for telling what a misspelled option meant. */
const ENGINE_OPTIONS: readonly string[] = [
  ...DATA_OPTIONS,
  ...STEP_OPTIONS,
  'verbose',
  'callbacks',
  'force',
  'signal',
  'timeout',
  'onProgress',
  'into',
];

/**
 * The function that explains batches of `model` with `method`.
 *
 * @param params the method's own parameters beside the {@link StepOptions}.
 * @param force true: `method` runs again (a few ms), so that values which it captured are honoured, and what it
 *   records is compiled unless the very same was compiled before. false (as in the Python library): where this
 *   method was compiled for this model with equal params and dtypes, that function is taken without running it;
 *   functions among the params are compared by identity.
 * @param known the options of the caller's own, for telling what a misspelled one meant.
 */
export function makeExplainFunction<M extends AnyMethod>(
  model: Model,
  method: M,
  params: StepOptions & MethodParameters<M>,
  force = false,
  known: readonly string[] = ENGINE_OPTIONS,
): ExplainFunction {
  const run = explainStepFunction(model, method, params, force, known);
  const explainBatch = async (batch: Batch, hooks?: RunHooks) => fromNames(await run(batch, hooks));
  return Object.assign(explainBatch, { release: run.release });
}

/** {@link makeExplainFunction} by the names of its results: `logits`, `maps`, and of each extra, as `extras.delta`. */
export function explainStepFunction<M extends AnyMethod>(
  model: Model,
  method: M,
  params: StepOptions & MethodParameters<M>,
  force = false,
  known: readonly string[] = ENGINE_OPTIONS,
): StepFunction {
  if (!(model instanceof Model)) throw wrongType('model', 'a model from `loadModel`', model);
  checkFunction('method', method, 'Pass a method, as `methods.cams.gradcam`.');
  checkBoolean('force', force);
  checkStepOptions(params);
  const explained = explainedInput(model, params.input);
  const step: Step = ({ model: symbolic, inputs, indices }) => {
    checkMethodParameters(method, params, known);
    const data = { inputs, indices };
    if (descriptorOf(method) !== undefined) return byName(explainStep(symbolic, method, data, params));
    const noted = new NotedParameters(ownParameters(params));
    const seen = (args: MethodArguments) => method(noted.note(args) as never);
    Object.defineProperty(seen, 'name', { value: nameOf(method) });
    const results = explainStep(symbolic, seen, data, params);
    noted.checkAllRead(method, known);
    return byName(results);
  };
  return makeStepFunction(model, step, { key: [method, params], explained, force });
}

/**
 * Refuses own parameters that a described method does not have, and invalid values. The step repeats this check when the
 * method is recorded; `explain` checks before the run begins.
 *
 * @param known the caller's own options, among which the meaning of a misspelled option is sought.
 */
export function checkMethodParameters<M extends AnyMethod>(
  method: M,
  params: StepOptions & MethodParameters<M>,
  known: readonly string[] = ENGINE_OPTIONS,
): void {
  checkOwnParameters(method, ownParameters(params), known);
}

/** What of `params` is the method's own. */
function ownParameters(params: StepOptions): object {
  const { postprocessing, resizing, spatialAxis, indicesAxis, indicesBatchDims, input, ...own } = params;
  return own;
}
