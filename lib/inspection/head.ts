/** Finds the head of a model: the layer that computes the logits, and the tensor that is explained. */
import type { LayerInfo, TensorSpec } from '../graph/layer.js';
import { ModelError } from '../support/errors.js';
import { type Connected, hasPositions, lastComputed, namesOf, outputsOf } from './connected.js';
import { checkLayered, getNestedLayer, hasLayersInside, holds, type LayerName, noLayer } from './layers.js';
import { POOLING_LAYERS } from './pooling_layers.js';

/** The maximum number of tensors that a refusal lists. */
const MOST_CANDIDATES = 6;

/**
 * Returns the layer that computes the logits: the layer `name`, or by default the last computed layer that holds a
 * `kernel` and whose units are those of the model's first output. If there is no such layer, returns the first computed
 * layer with any weight whose units are those of the output, for example a custom head.
 *
 * @throws ModelError (`NOT_FOUND`) if no such layer exists.
 */
export function getLogitsLayer(model: Connected, name: LayerName | null = null): LayerInfo {
  if (name !== null) return getNestedLayer(model, name);
  checkLayered(model);
  const found = logitsLayerOf(model);
  if (found === undefined)
    throw noLayer(model, "with a `kernel` that computes the units of the model's first output");
  return found;
}

function logitsLayerOf(model: Connected): LayerInfo | undefined {
  const chain = chainOf(model);
  const computed = kernelLayer(model);
  if (computed !== undefined) {
    const { output } = poolingOfLogits(model, computed) ?? computed;
    if (output.length === 1 && chain.includes(output[0]?.name as string)) return computed;
  }
  return firstOnChain(model, chain, (layer) => layer.weights.length > 0);
}

/** Returns the names of the tensors whose units are those of the first output, from the output back. */
function chainOf(model: Connected): readonly string[] {
  const [output] = model.outputTensors;
  return output === undefined ? [] : model.outputChain(output).map(({ tensor }) => tensor);
}

/** Returns the last computed layer that holds a `kernel` and on which the first output depends. */
function kernelLayer(model: Connected): LayerInfo | undefined {
  const output = model.outputTensors.slice(0, 1);
  return lastComputed(
    model,
    model.layers.filter(
      (layer) => holds(model, layer, 'kernel') && model.dependsOn(output, outputsOf(layer)),
    ),
  );
}

/** Returns the innermost layer that computes the tensor of `chain` farthest from the output. */
function firstOnChain(
  model: Connected,
  chain: readonly string[],
  fits: (layer: LayerInfo) => boolean,
): LayerInfo | undefined {
  const layers = model.layers.filter((layer) => !hasLayersInside(model, layer) && fits(layer));
  for (const tensor of [...chain].reverse()) {
    const layer = layers.find((each) => each.calls.length > 0 && outputsOf(each).includes(tensor));
    if (layer !== undefined && layer.type !== 'InputLayer') return layer;
  }
  return undefined;
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
 * @internal Returns the explained tensor: the output of the logits layer as (N, C). Its units are those of the model's
 * first output. If a convolution computes (N, 1, 1, C), the reshaped tensor is returned (MobileNet). If a convolution
 * computes one map per unit, the output of the following pooling is returned (SqueezeNet). If no layer leads to the
 * output one to one, the output itself is returned.
 *
 * @throws ModelError (`NOT_FOUND`) if the output is no floating tensor. The message lists the candidates.
 */
export function logitsOf(model: Connected): TensorSpec {
  const chain = chainOf(model);
  const layer = logitsLayerOf(model);
  const pooling = layer && poolingOfLogits(model, layer);
  const placeOf = (each: LayerInfo | undefined) => {
    const made = new Set(each === undefined ? [] : outputsOf(each));
    return chain.findLastIndex((tensor) => made.has(tensor));
  };
  const place = placeOf(pooling ?? layer);
  const at = place >= 0 ? place : Math.max(0, placeOf(firstOnChain(model, chain, () => true)));
  const logits = flattened(model, at);
  if (logits !== null && isFloating(logits)) return logits;
  throw noLogits(model);
}

/** Returns the tensor at place `at` of the chain, without axes of size 1 if the output has none. */
function flattened(model: Connected, at: number): TensorSpec | null {
  const links = model.outputChain(model.outputTensors[0] as string);
  const specOf = (place: number) => model.tensorSpec(links[place]?.tensor as string);
  let spec = specOf(at);
  for (let place = at - 1; place >= 0 && links[place]?.kind === 'view'; place--) {
    const { shape } = spec ?? { shape: null };
    if (shape === null || shape.length < 3 || hasPositions(shape)) break;
    spec = specOf(place);
  }
  return spec;
}

const isFloating = ({ dtype }: TensorSpec) => /float/.test(dtype);

function noLogits(model: Connected): ModelError {
  const [output] = model.outputTensors;
  const spec = output === undefined ? null : model.tensorSpec(output);
  const candidates = model.layers
    .filter((layer) => layer.weights.length > 0 && !hasLayersInside(model, layer))
    .filter((layer) => output !== undefined && model.dependsOn([output], outputsOf(layer)))
    .slice(-MOST_CANDIDATES)
    .map(
      ({ path, output: [made] }) =>
        `'${path.join('/')}' (${made?.shape?.map((size) => size ?? 'N').join(', ') ?? '?'})`,
    );
  const list =
    candidates.length === 0 ? '' : ` Layers with weights before the output: ${candidates.join(', ')}.`;
  return new ModelError(
    'NOT_FOUND',
    `The model's first output is ${spec?.dtype ?? 'missing'}, and no layer computes its units one to one, so there are ` +
      `no logits to explain by default. Name the explained output: \`expose(model, activations, outputs)\`.${list}`,
  );
}
