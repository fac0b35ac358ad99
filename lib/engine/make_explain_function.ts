import { type Batch, DATA_OPTIONS } from '../data/batch.js';
import type { TensorSpec } from '../graph/layer.js';
import type { AnyMethod, Method, MethodArguments, MethodParameters } from '../graph/method.js';
import { explainedInput } from '../inspection/explained_input.js';
import { descriptorOf } from '../methods/descriptor.js';
import { Model } from '../model/model.js';
import { checkBoolean, checkFunction, nameOf, outOfRange, wrongType } from '../support/arguments.js';
import type { RaggedTensor } from '../tensor/ragged.js';
import type { Tensor } from '../tensor/tensor.js';
import { checkStepOptions, explainStep, STEP_OPTIONS, type StepOptions } from './explain_step.js';
import { makeStepFunction, type Step, type StepFunction } from './make_step_function.js';
import { byName, fromNames, type MethodResults } from './method_results.js';
import { checkOwnParameters, NotedParameters } from './params.js';
import type { RunHooks } from './run_function.js';

/** The results of `explain`. */
export interface ExplainResult<T extends Tensor | RaggedTensor = Tensor> extends MethodResults<T> {
  /** The logits of the explained units, (N, U). */
  readonly logits: T;
  /** A map per unit, (N, H, W, U). */
  readonly maps: T;
  /** Further results of the method, by name, with a row per sample. `{}` if there are none. */
  readonly extras: Readonly<Record<string, T>>;
}

/** Explains one batch. Compiles once per kind of batch (dtypes, units or none). */
export interface ExplainFunction {
  (batch: Batch, hooks?: RunHooks): Promise<ExplainResult>;
  /**
   * Lets the model's cache drop the compiled functions. Idempotent. The function remains usable and may compile again.
   */
  release(): void;
}

/** The names of the options of `explain`. They are suggested for a misspelled option. */
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
 * Returns the function that explains batches of `model` with `method`.
 *
 * @param params the method's own parameters and the {@link StepOptions}.
 * @param force true: `method` runs again (a few ms), so changes of captured values take effect. The recording is
 *   compiled unless an equal recording was compiled before. false (as in the Python library): if `method` was compiled
 *   for this model with equal params and dtypes, the compiled function is used and `method` does not run. Functions
 *   among the params are compared by identity.
 * @param known the names of the caller's other options. They are suggested for a misspelled name.
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

/**
 * Like {@link makeExplainFunction}, with results by name: `logits`, `maps` and each extra, for example `extras.delta`.
 */
export function explainStepFunction<M extends AnyMethod>(
  model: Model,
  method: M,
  params: StepOptions & MethodParameters<M>,
  force = false,
  known: readonly string[] = ENGINE_OPTIONS,
): StepFunction {
  if (!(model instanceof Model)) throw wrongType('model', 'a model from `loadModel`', model);
  checkFunction('method', method, 'Pass a method, for example `methods.cams.gradcam`.');
  checkBoolean('force', force);
  checkStepOptions(params);
  const explained = explainedInput(model, params.input);
  checkStrings(model, method, explained);
  checkSignals(model, method, explained);
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
  const { seed, ...recorded } = params;
  return makeStepFunction(model, step, { key: [method, recorded], explained, force, seed, logits: 1 });
}

/** Refuses a method that differentiates by the explained input or changes this input, if the input holds strings. */
function checkStrings(model: Model, method: AnyMethod | Method<never>, explained: number): void {
  const { name, dtype } = model.inputs[explained] as TensorSpec;
  const size = descriptorOf(method)?.maps.size ?? 'activations';
  if (dtype !== 'string' || size === 'activations') return;
  throw outOfRange(
    'input',
    'an input of numbers instead of strings, because this method changes the input or differentiates by the input,',
    name,
    'Explain the embeddings instead: `inspection.subModel(model, { outputs: [layer] }).predict(x)` computes the ' +
      'embeddings, where `layer` is the Embedding layer, and `inspection.subModel(model, { inputs: [layer] })` is the ' +
      'model that takes them. `methods.cams.gradcam` of activations behind the embedding explains strings as they are.',
  );
}

/** Refuses activations of another branch than that of the explained input: their maps would not show this input. */
function checkSignals(model: Model, method: AnyMethod | Method<never>, explained: number): void {
  const signals = model.outputTensors.slice(1);
  if (model.inputs.length < 2 || signals.length === 0) return;
  if (!descriptorOf(method)?.needs.includes('activations')) return;
  const input = model.core.native.inputTensors[explained] as string;
  if (model.dependsOn(signals, [input])) return;
  const name = model.inputs[explained]?.name as string;
  throw outOfRange(
    'input',
    `an input that the exposed activations (${signals.join(', ')}) depend on`,
    name,
    `Expose activations of its branch: \`inspection.expose(model, null, { input: '${name}' })\`.`,
  );
}

/**
 * Refuses unknown parameters and invalid values of a method with a descriptor. The step repeats this check when the
 * method is recorded. `explain` checks before the run starts.
 *
 * @param known the names of the caller's other options. They are suggested for a misspelled name.
 */
export function checkMethodParameters<M extends AnyMethod>(
  method: M,
  params: StepOptions & MethodParameters<M>,
  known: readonly string[] = ENGINE_OPTIONS,
): void {
  checkOwnParameters(method, ownParameters(params), known);
}

/** Returns the parameters in `params` that belong to the method. */
function ownParameters(params: StepOptions): object {
  const { postprocessing, resizing, spatialAxis, indicesAxis, indicesBatchDims, input, seed, ...own } =
    params;
  return own;
}
