import type { TensorSpec } from '../graph/layer.js';
import { layersOf } from '../model/layer_infos.js';
import { Model } from '../model/model.js';
import { checkOptions, wrongType } from '../support/arguments.js';
import { ModelError, native as nativeCall } from '../support/errors.js';
import { type Endpoint, endpoints } from './endpoints.js';

export interface SubModelOptions {
  /**
   * The places at which the part begins: the outputs of these layers become its inputs. Several tensors of one place
   * become several inputs. Default: the model's inputs.
   */
  readonly inputs?: readonly Endpoint[];
  /** The places at which the part ends. Default: the model's outputs. */
  readonly outputs?: readonly Endpoint[];
}

/**
 * Returns a part of `model` that begins and ends at layers' tensors: a model without its preprocessing, or the network
 * behind an embedding. The part is a model of its own with the layers that do not depend on what is left out, and can
 * be exposed and explained. It shares the weights. Closing the part closes the model, and closing the model closes the
 * part.
 *
 * Inputs and outputs are named after the layers ('outer/inner'; with ':0', ':1' where a layer has several tensors).
 *
 * @throws ModelError (`NOT_FOUND`) for a layer that does not exist, with the nearest names. ModelError
 *   (`INVALID_ARGUMENT`) if an output also depends on inputs of the model that `inputs` leaves out, or on none of the
 *   inputs.
 *
 * @example
 * const network = inspection.subModel(model, { inputs: ['rescaling'] });  // takes pixels that are scaled already
 */
export function subModel(model: Model, options: SubModelOptions = {}): Model {
  if (!(model instanceof Model)) throw wrongType('model', 'a model from `loadModel`', model);
  model.checkOpen();
  checkOptions('options', options, ['inputs', 'outputs']);
  const { native } = model.core;
  const inputs =
    options.inputs === undefined
      ? model.inputs.map(({ name }, i) => ({ tensor: native.inputTensors[i] as string, name }))
      : named(model, 'inputs', options.inputs);
  const outputs =
    options.outputs === undefined
      ? model.outputs.map(({ name }, i) => ({ tensor: model.outputTensors[i] as string, name }))
      : named(model, 'outputs', options.outputs);
  const tensorsOf = (ends: readonly End[]) => ends.map(({ tensor }) => tensor);
  const namesOf = (ends: readonly End[]) => ends.map(({ name }) => name);
  const part = nativeCall(
    () => native.subModel(tensorsOf(inputs), namesOf(inputs), tensorsOf(outputs), namesOf(outputs)),
    ModelError,
  );
  const core = model.core.part(part);
  return new Model(core, layersOf(part), part.outputs, part.outputTensors);
}

/** A tensor at which a part begins or ends, and its name there. */
interface End {
  readonly tensor: string;
  readonly name: string;
}

function named(model: Model, option: string, places: readonly Endpoint[]): readonly End[] {
  if (!Array.isArray(places) || places.length === 0) {
    throw wrongType(option, "an array of layers' names or paths", places);
  }
  return (places as readonly Endpoint[]).flatMap((place) => {
    const tensors = endpoints(model, [place]);
    return tensors.map((spec, i) => ({
      tensor: spec.name,
      name: nameOf(model, place, spec, i, tensors.length),
    }));
  });
}

function nameOf(model: Model, place: Endpoint, { name }: TensorSpec, i: number, count: number): string {
  const input = model.core.native.inputTensors.indexOf(name);
  if (input >= 0) return model.inputs[input]?.name as string;
  const base = spelled(model, place);
  return count > 1 ? `${base}:${i}` : base;
}

function spelled(model: Model, place: Endpoint): string {
  if (typeof place === 'string') return place;
  if (Array.isArray(place)) return place.join('/');
  if (typeof place === 'number')
    return model.layers.filter(({ path }) => path.length === 1).at(place)?.name ?? '';
  if ('path' in place) return place.path.join('/');
  const { name, layer } = place as { name?: Endpoint; layer?: Endpoint };
  return spelled(model, (layer ?? name) as Endpoint);
}
