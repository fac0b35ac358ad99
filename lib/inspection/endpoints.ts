import type { LayerInfo, TensorSpec } from '../graph/layer.js';
import { checkOptions, describe, wrongType } from '../support/arguments.js';
import { ModelError } from '../support/errors.js';
import { checkLayered, getNestedLayer, type Layered, type LayerName, layerAt } from './layers.js';

/** The full description of a place in a model. */
export interface EndpointDescriptor {
  /** The layer's name or path. */
  readonly name?: LayerName;
  /** Instead of a name: the layer itself, or its position among the layers that are not nested. */
  readonly layer?: LayerInfo | number;
  /** The inputs or the outputs of the layer. Default: 'output'. */
  readonly link?: 'input' | 'output';
  /** The number of the call of a layer that is called several times, from 0. Default: the last call. */
  readonly node?: number | 'last';
}

/**
 * A place in a model: a layer's name, path or position or the layer itself (all mean its output), a descriptor, or the
 * name of a tensor of the graph as `model.layers` and the command `layers` show it ('head/BiasAdd:0').
 */
export type Endpoint = LayerName | number | LayerInfo | EndpointDescriptor;

/**
 * Returns the tensors at the given places, in order. A layer with several inputs (or outputs) contributes all of them.
 *
 * @throws ModelError (`NOT_FOUND`) for a layer or call that does not exist. TypeError for a value that is not a place.
 */
export function endpoints(model: Layered, places: readonly Endpoint[]): readonly TensorSpec[] {
  checkLayered(model);
  if (!Array.isArray(places)) throw wrongType('places', `an array of places, each ${FORMS},`, places);
  return (places as readonly Endpoint[]).flatMap((place) => {
    const tensor = tensorNamed(model, place);
    if (tensor !== null) return tensor;
    const { layer, link, node } = resolve(model, place);
    const call = layer.calls.at(node === 'last' ? -1 : node);
    const name = layer.path.join('/');
    if (call === undefined || (typeof node === 'number' && node < 0)) {
      throw new ModelError(
        'NOT_FOUND',
        `The layer '${name}' has no call ${node}: it is called ${layer.calls.length} times, counted from 0.`,
      );
    }
    const tensors = link === 'input' ? call.inputs : call.outputs;
    if (tensors.length === 0) {
      throw new ModelError(
        'NOT_FOUND',
        `The ${link} of the layer '${name}' is not part of the model's graph.`,
      );
    }
    return tensors;
  });
}

/** Returns the tensor of the graph that `place` names ("node:index"), or null. A layer of that name goes first. */
function tensorNamed(model: Layered, place: Endpoint): TensorSpec | null {
  if (typeof place !== 'string' || !/:\d+$/.test(place)) return null;
  if (model.layers.some(({ name }) => name === place)) return null;
  return model.tensorSpec?.(place) ?? null;
}

interface Resolved {
  layer: LayerInfo;
  link: 'input' | 'output';
  node: number | 'last';
}

const FORMS = "a layer's name, a path of names, a position, a layer, or { name | layer, link, node }";

function resolve(model: Layered, place: Endpoint): Resolved {
  const whole = { link: 'output', node: 'last' } as const;
  if (typeof place === 'number') return { layer: layerAt(model, place), ...whole };
  if (typeof place === 'string' || Array.isArray(place)) {
    return { layer: getNestedLayer(model, place as LayerName), ...whole };
  }
  if (typeof place !== 'object' || place === null) throw wrongType('endpoints', FORMS, place);
  if (isLayer(place)) return { layer: ownLayer(model, place), ...whole };

  checkOptions('endpoints', place, ['name', 'layer', 'link', 'node']);
  const { name, layer, link = 'output', node = 'last' } = place as EndpointDescriptor;
  if (link !== 'input' && link !== 'output') throw wrongType('link', "'input' or 'output'", link);
  if (node !== 'last' && !Number.isInteger(node)) throw wrongType('node', "a call's number or 'last'", node);
  if (layer !== undefined) {
    const found = typeof layer === 'number' ? layerAt(model, layer) : ownLayer(model, layer);
    return { layer: found, link, node };
  }
  if (name === undefined) throw wrongType('endpoints', FORMS, place);
  return { layer: getNestedLayer(model, name), link, node };
}

function isLayer(place: object): place is LayerInfo {
  return 'calls' in place && 'path' in place;
}

function ownLayer(model: Layered, layer: LayerInfo): LayerInfo {
  if (!model.layers.includes(layer)) {
    const shown = isLayer(layer) ? `the layer '${layer.path.join('/')}' of another model` : describe(layer);
    throw wrongType('layer', 'a layer of this model', shown, 'Take it from `model.layers`.');
  }
  return layer;
}
