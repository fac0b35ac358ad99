/** The facts about a model that `keras-explainable layers` shows, as data. */

import type { LayerInfo, TensorSpec } from '../../graph/layer.js';
import { expose, getGlobalPoolingLayer, getLogitsLayer } from '../../inspection/index.js';
import { hasLayersInside } from '../../inspection/layers.js';
import type { Model } from '../../model/model.js';
import { KerasExplainableError } from '../../support/errors.js';
import { bytesPerElement, isNumeric } from '../../tensor/dtype.js';

/**
 * The role of a layer in `inspection.expose(model)`. `logits` and `activations` compute these. `pooling` takes the
 * activations. `kernel` holds the kernel of the logits, if another layer computes the logits.
 */
export type Mark = 'logits' | 'kernel' | 'activations' | 'pooling';

export interface LayerFacts {
  readonly name: string;
  readonly path: readonly string[];
  readonly type: string;
  /** The outputs of the layer's last call. */
  readonly outputs: readonly TensorSpec[];
  readonly parameters: number;
  /** Whether the layer contains layers. Their parameters are then included. */
  readonly nested: boolean;
  readonly calls: number;
  /** The names of the layers on the same level that produce its inputs, over all its calls. */
  readonly connectedTo: readonly string[];
  readonly marks: readonly Mark[];
}

export interface ModelFacts {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly layers: readonly LayerFacts[];
  /** The parameters of all weights that the outputs depend on. */
  readonly parameters: number;
  readonly bytes: number;
  readonly exposed: Exposed;
}

/** The result of `expose(model)`, or the reason of its refusal. */
export type Exposed =
  | { readonly logits: TensorSpec; readonly activations: TensorSpec }
  | { readonly refused: string };

export function factsOf(model: Model): ModelFacts {
  const exposed = exposedOf(model);
  const connections = connectionsOf(model);
  const marks = marksOf(model, exposed);
  const weights = model.core.native.weights;
  return {
    inputs: model.inputs,
    outputs: model.outputs,
    layers: model.layers.map((layer) => ({
      name: layer.name,
      path: layer.path,
      type: layer.type,
      outputs: layer.output,
      parameters: sum(layer.weights, elementsIn),
      nested: hasLayersInside(model, layer),
      calls: layer.calls.length,
      connectedTo: connections.get(layer) ?? [],
      marks: marks.get(layer) ?? [],
    })),
    parameters: sum(weights, elementsIn),
    bytes: sum(weights, (weight) =>
      isNumeric(weight.dtype) ? elementsIn(weight) * bytesPerElement(weight.dtype) : 0,
    ),
    exposed,
  };
}

/** Returns the number of elements of a sample or a weight. Unknown sizes count as 1. */
function elementsIn({ shape }: TensorSpec): number {
  return (shape ?? []).reduce<number>((product, size) => product * (size ?? 1), 1);
}

function sum(specs: readonly TensorSpec[], of: (spec: TensorSpec) => number): number {
  return specs.reduce((total, spec) => total + of(spec), 0);
}

export function exposedOf(model: Model): Exposed {
  try {
    const [logits, activations] = expose(model).outputs as [TensorSpec, TensorSpec];
    return { logits, activations };
  } catch (error) {
    if (!(error instanceof KerasExplainableError)) throw error;
    return { refused: error.message };
  }
}

/**
 * Returns, for each layer, the names of the layers that produce its inputs. A tensor may be the output of several
 * layers: of layers that do nothing at inference, or of a nested model and its last layer. As in `model.summary()`, the
 * last such layer before the consumer on the same level counts.
 */
function connectionsOf(model: Model): ReadonlyMap<LayerInfo, readonly string[]> {
  const rooms = new Map<string, LayerInfo[]>();
  for (const layer of model.layers) {
    const room = layer.path.slice(0, -1).join('\0');
    const members = rooms.get(room);
    if (members === undefined) rooms.set(room, [layer]);
    else members.push(layer);
  }
  const found = new Map<LayerInfo, readonly string[]>();
  for (const members of rooms.values()) {
    const producers = new Map<string, { name: string; place: number }[]>();
    for (const [place, { name, calls }] of members.entries()) {
      for (const output of new Set(calls.flatMap(({ outputs }) => outputs.map((spec) => spec.name)))) {
        const all = producers.get(output);
        if (all === undefined) producers.set(output, [{ name, place }]);
        else all.push({ name, place });
      }
    }
    for (const [place, layer] of members.entries()) {
      const inputs = layer.calls.flatMap((call) => call.inputs);
      const names = inputs.flatMap(({ name }) => {
        const all = producers.get(name) ?? [];
        const last = all.findLast((each) => each.place < place) ?? all.find((each) => each.place > place);
        return last === undefined ? [] : [last.name];
      });
      found.set(layer, [...new Set(names)]);
    }
  }
  return found;
}

function marksOf(model: Model, exposed: Exposed): ReadonlyMap<LayerInfo, readonly Mark[]> {
  const marks = new Map<LayerInfo, Mark[]>();
  const mark = (layer: LayerInfo | undefined, as: Mark) => {
    if (layer !== undefined) marks.set(layer, [...(marks.get(layer) ?? []), as]);
  };
  // The output of a nested model is the output of its last layer, which is meant here.
  const giving = ({ name: wanted }: TensorSpec) =>
    model.layers.find(
      (layer) => !hasLayersInside(model, layer) && layer.output.some(({ name }) => name === wanted),
    );
  const kernel = ifFound(() => getLogitsLayer(model));
  if ('refused' in exposed) {
    mark(kernel, 'logits');
    return marks;
  }
  const logits = giving(exposed.logits);
  mark(logits, 'logits');
  if (kernel !== logits) mark(kernel, 'kernel');
  mark(giving(exposed.activations), 'activations');
  mark(
    ifFound(() => getGlobalPoolingLayer(model)),
    'pooling',
  );
  return marks;
}

function ifFound<T>(find: () => T): T | undefined {
  try {
    return find();
  } catch (error) {
    if (error instanceof KerasExplainableError) return undefined;
    throw error;
  }
}
