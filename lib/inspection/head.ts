/** Finds the head of a classifier: the layer that pools the positions, and the layer that computes the logits. */
import type { StaticShape } from '../binding/contract.js';
import type { LayerInfo, TensorSpec } from '../graph/layer.js';
import { checkLayered, getNestedLayer, holds, type Layered, type LayerName, noLayer } from './layers.js';

/** A model whose graph can be asked for dependencies, outside or inside of a method. */
export interface Connected extends Layered {
  /** @internal */
  readonly outputTensors: readonly string[];
  /** @internal */
  dependsOn(outputs: readonly string[], from: readonly string[]): boolean;
}

/** The Keras classes that reduce all positions to one vector. */
export const POOLING_LAYERS: readonly string[] = Object.freeze([
  'Flatten',
  'GlobalAveragePooling1D',
  'GlobalAveragePooling2D',
  'GlobalAveragePooling3D',
  'GlobalMaxPooling1D',
  'GlobalMaxPooling2D',
  'GlobalMaxPooling3D',
]);

/** The Keras classes that only reshape their input at inference. */
const RESHAPING_LAYERS: readonly string[] = ['Reshape', 'Flatten', 'Dropout'];

const namesOf = (specs: readonly TensorSpec[]) => specs.map(({ name }) => name);

const outputsOf = (layer: LayerInfo) => layer.calls.flatMap(({ outputs }) => namesOf(outputs));

const isWithin = (layer: LayerInfo, outer: LayerInfo) =>
  layer.path.length > outer.path.length && outer.path.every((name, i) => layer.path[i] === name);

/**
 * Returns the layer of `layers` that is computed last. A subclassed model lists its layers in the order of assignment,
 * so the graph determines the order. If the graph does not (branches, a layer that is called again later), the last
 * listed layer is returned.
 */
function lastComputed(model: Connected, layers: readonly LayerInfo[]): LayerInfo | undefined {
  const seen = new Set<LayerInfo>();
  let last = layers.at(-1);
  while (last !== undefined && !seen.has(last)) {
    seen.add(last);
    const present = last;
    const from = outputsOf(present);
    // A model around the layer, and a layer that only passes on the layer's output, are not computed after the layer.
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
 * Returns the layer that computes the logits: the layer `name`, or by default the last computed layer that holds a
 * `kernel` and on which the model's first output depends.
 *
 * @throws ModelError (`NOT_FOUND`) if no such layer exists.
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
 * Returns the global pooling after the logits layer, if the logits layer is a convolution with one map per unit and the
 * pooling computes the logits from these maps (SqueezeNet).
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
 * Returns the layer `name`, or by default the last global pooling (or Flatten) layer that the logits depend on. A layer
 * with a single position (a Flatten of 1 x 1) is skipped if another one exists. If the logits layer is a convolution
 * with one map per unit, the pooling after the convolution is returned.
 *
 * @throws ModelError (`NOT_FOUND`) if no such layer exists.
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
 * @internal Returns the output of the logits layer as (N, C). If a convolution computes (N, 1, 1, C), the output of the
 * following Reshape or Flatten is returned (MobileNet). If a convolution computes one map per unit, the output of the
 * following pooling is returned (SqueezeNet).
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
