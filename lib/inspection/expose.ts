import type { TensorSpec } from '../graph/layer.js';
import { Model } from '../model/model.js';
import { checkOptions, wrongType } from '../support/arguments.js';
import { warnOnce } from '../support/warn_once.js';
import { activationsOf } from './activations.js';
import { type Endpoint, endpoints } from './endpoints.js';
import { explainedInput } from './explained_input.js';
import { logitsOf } from './head.js';
import { withoutActivation } from './output_activation.js';

/**
 * One place or several places. An array of strings is one path through nested models; `[['a'], ['b']]` is two layers.
 */
export type Endpoints = Endpoint | readonly Endpoint[];

export interface ExposeOptions {
  /**
   * 'keep': the explained outputs as the layers compute them. 'linear': the tensors that enter the final softmax or
   * sigmoid of the explained outputs, whether the activation is fused into the last layer or is a layer of its own. An
   * output without such an activation is unchanged. Gradients of saturated probabilities vanish, so 'linear' usually
   * explains better. Default 'keep', as in the Python library.
   */
  readonly activation?: 'linear' | 'keep';
  /**
   * The name or position of the input that will be explained (the option `input` of `explain`). The default signal is
   * then taken from the branch of this input. Default: the first input if a pooling follows it, else any.
   */
  readonly input?: string | number;
}

/**
 * Returns a view of `model` whose outputs are `[...outputs, ...args]`: the logits, and the signals that explain them.
 * CAM methods need such a view. The view shares the model's weights. Closing the view closes the model, and closing the
 * model closes the view.
 *
 * @param model the model to look into.
 * @param args the signals, as {@link Endpoint}s. `[]`: none. Default: the input of the last global pooling (or Flatten)
 *   layer before the logits. If this input has a single position, or no layer pools, the last tensor with several
 *   positions is taken, with a warning.
 * @param outputs the explained outputs. Default: the output of the last layer that holds a kernel and whose units are
 *   those of the model's first output, one to one. After a convolution, the Reshape, Flatten or global pooling that
 *   follows the layer is included. If no layer with weights leads to the first output one to one, for example where
 *   heads are concatenated, the output itself.
 * @param options {@link ExposeOptions}. May take the place of `outputs`.
 * @throws ModelError (`NOT_FOUND`) for a layer that does not exist, with the nearest names, and if there is no default.
 * @throws TypeError, RangeError for invalid options.
 *
 * @example
 * const exposed = inspection.expose(model, null, { activation: 'linear' });
 */
export function expose(
  model: Model,
  args?: Endpoints | null,
  outputs?: Endpoints | null,
  options?: ExposeOptions,
): Model;
export function expose(model: Model, args: Endpoints | null | undefined, options: ExposeOptions): Model;
export function expose(
  model: Model,
  args?: Endpoints | null,
  outputs?: Endpoints | null | ExposeOptions,
  options?: ExposeOptions,
): Model {
  if (!(model instanceof Model)) throw wrongType('model', 'a model from `loadModel`', model);
  model.checkOpen();
  const [places, given] =
    isOptions(outputs) && options === undefined ? [null, outputs] : [outputs, options ?? {}];
  checkOptions('options', given, ['activation', 'input']);
  const { activation = 'keep', input } = given as ExposeOptions;
  if (activation !== 'keep' && activation !== 'linear') {
    throw wrongType('activation', "'linear' or 'keep'", activation);
  }
  const named = places ? endpoints(model, listOf(places as Endpoints)) : [logitsOf(model)];
  const targets = activation === 'linear' ? named.map((each) => withoutActivation(model, each)) : named;
  const signals = args ? endpoints(model, listOf(args)) : [defaultSignal(model, targets, input)];
  return model.withOutputs([...targets, ...signals]);
}

/** A descriptor of a place has none of the options' names. A layer has the property `input`, but also `calls`. */
function isOptions(value: unknown): value is ExposeOptions {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return ('activation' in value || 'input' in value) && !('calls' in value);
}

function defaultSignal(
  model: Model,
  targets: readonly TensorSpec[],
  input: string | number | undefined,
): TensorSpec {
  const position = explainedInput(model, input);
  const explained = {
    ...model.inputs[position],
    name: model.core.native.inputTensors[position],
  } as TensorSpec;
  const logits = targets.map(({ name }) => name);
  const { tensor, isGuess } = activationsOf(model, logits, explained, input !== undefined);
  if (isGuess) {
    warnOnce(
      model.core,
      'ACTIVATIONS_WITHOUT_POOLING',
      `The model has no global pooling or Flatten whose input has several positions. \`expose\` therefore takes the last ` +
        `tensor with several positions before the logits: ${tensor.name} (${tensor.shape?.map((size) => size ?? 'any').join(', ')}). ` +
        'Name a layer to choose others: `expose(model, layer)`.',
    );
  }
  return tensor;
}

function listOf(places: Endpoints): readonly Endpoint[] {
  if (!Array.isArray(places)) return [places as Endpoint];
  const isPath = places.length > 0 && places.every((place) => typeof place === 'string');
  return isPath ? [places as readonly string[]] : (places as readonly Endpoint[]);
}
