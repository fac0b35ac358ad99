/** The head of a classifier: what gathers the positions, and what gives the logits. */
import type { StaticShape } from '../binding/contract.js';
import type { LayerInfo, TensorSpec } from '../graph/layer.js';
import { checkLayered, getNestedLayer, holds, type Layered, type LayerName, noLayer } from './layers.js';

/** What also knows how its layers hang together: a model, outside and inside of a method. */
export interface Connected extends Layered {
  /** @internal */
  readonly outputTensors: readonly string[];
  /** @internal */
  dependsOn(outputs: readonly string[], from: readonly string[]): boolean;
}

/** The Keras classes that gather all positions into one vector. */
export const POOLING_LAYERS: readonly string[] = Object.freeze([
  'Flatten',
  'GlobalAveragePooling1D',
  'GlobalAveragePooling2D',
  'GlobalAveragePooling3D',
  'GlobalMaxPooling1D',
  'GlobalMaxPooling2D',
  'GlobalMaxPooling3D',
]);

/** The Keras classes that give their input another shape, or drop nothing of it at inference. */
const RESHAPING_LAYERS: readonly string[] = ['Reshape', 'Flatten', 'Dropout'];

const namesOf = (specs: readonly TensorSpec[]) => specs.map(({ name }) => name);

const outputsOf = (layer: LayerInfo) => layer.calls.flatMap(({ outputs }) => namesOf(outputs));

const isWithin = (layer: LayerInfo, outer: LayerInfo) =>
  layer.path.length > outer.path.length && outer.path.every((name, i) => layer.path[i] === name);

/**
 * That of `layers` which is computed last. A model that is a class of its own lists its layers as they were assigned to
 * it; where the graph says nothing (branches, a layer that is called again later), the last one listed.
 */
function lastComputed(model: Connected, layers: readonly LayerInfo[]): LayerInfo | undefined {
  const seen = new Set<LayerInfo>();
  let last = layers.at(-1);
  while (last !== undefined && !seen.has(last)) {
    seen.add(last);
    const present = last;
    const from = outputsOf(present);
    // What holds it, or passes on what it gives, is not behind it.
    const others = layers.filter(
      (layer) =>
        !seen.has(layer) &&
        !isWithin(present, layer) &&
        !outputsOf(layer).every((name) => from.includes(name)),
    );
    if (!model.dependsOn(others.flatMap(outputsOf), from)) break;
    last = others.findLast((layer) => model.dependsOn(outputsOf(layer), from));
  }
  return last ?? layers.at(-1);
}

/**
 * The layer that gives the logits: that of `name`, else of those that hold a `kernel` and on which the model's first
 * output depends, the one that is computed last.
 *
 * @throws ModelError (`NOT_FOUND`) where there is none.
 */
export function getLogitsLayer(model: Connected, name: LayerName | null = null): LayerInfo {
  if (name !== null) return getNestedLayer(model, name);
  checkLayered(model);
  const output = model.outputTensors.slice(0, 1);
  const found = lastComputed(
    model,
    model.layers.filter(
      (layer) => holds(model, layer, 'kernel') && model.dependsOn(output, outputsOf(layer)),
    ),
  );
  if (found === undefined) throw noLayer(model, 'with a `kernel`');
  return found;
}

/**
 * The global pooling after the layer that gives the logits, where that is a convolution which gives a map per unit and
 * the pooling makes them logits (SqueezeNet).
 */
function poolingOfLogits(model: Connected, { output }: LayerInfo): LayerInfo | undefined {
  if (!output.some(({ shape }) => shape !== null && shape.length > 2 && hasPositions(shape)))
    return undefined;
  return model.layers.find(
    (layer) =>
      layer.type !== 'Flatten' &&
      POOLING_LAYERS.includes(layer.type) &&
      model.dependsOn(outputsOf(layer), namesOf(output)) &&
      model.dependsOn(model.outputTensors.slice(0, 1), outputsOf(layer)),
  );
}

/**
 * The layer of `name`, else the last global pooling (or Flatten) layer that the logits are computed from, passing over
 * those that have no positions to gather (a Flatten of 1 x 1). Of a convolution with a map per unit, the pooling after
 * it.
 *
 * @throws ModelError (`NOT_FOUND`) where there is none.
 */
export function getGlobalPoolingLayer(model: Connected, name: LayerName | null = null): LayerInfo {
  if (name !== null) return getNestedLayer(model, name);
  const logitsLayer = getLogitsLayer(model);
  const after = poolingOfLogits(model, logitsLayer);
  if (after !== undefined) return after;
  const logits = namesOf(logitsLayer.input);
  const isPooling = (layer: LayerInfo) =>
    POOLING_LAYERS.includes(layer.type) && model.dependsOn(logits, outputsOf(layer));
  const poolings = model.layers.filter(isPooling);
  const gathering = poolings.filter(({ input }) => input.some(({ shape }) => hasPositions(shape)));
  const found = lastComputed(model, gathering.length > 0 ? gathering : poolings);
  if (found === undefined) throw noLayer(model, `of type ${POOLING_LAYERS.join(' or ')} before its logits`);
  return found;
}

/** Whether (N, ...positions, C) has more than one position. */
function hasPositions(shape: StaticShape): boolean {
  return shape === null || shape.slice(1, -1).some((size) => size !== 1);
}

/**
 * @internal What the logits layer gives, as (N, C): where that is the (N, 1, 1, C) of a convolution, what the Reshape
 * or Flatten after it makes of it (MobileNet), and where it is a map per unit, what the pooling after it does
 * (SqueezeNet).
 */
export function logitsOf(model: Connected): readonly TensorSpec[] {
  const layer = getLogitsLayer(model);
  let logits = (poolingOfLogits(model, layer) ?? layer).output;
  for (;;) {
    const [only, ...others] = logits;
    const shape = only?.shape ?? null;
    const isVector = shape === null || shape.length < 3 || hasPositions(shape);
    if (only === undefined || others.length > 0 || isVector) return logits;
    const next = model.layers.find(
      (layer) =>
        RESHAPING_LAYERS.includes(layer.type) &&
        layer.input.some(({ name }) => name === only.name) &&
        layer.output[0]?.name !== only.name,
    );
    if (next === undefined) return logits;
    logits = next.output;
  }
}
