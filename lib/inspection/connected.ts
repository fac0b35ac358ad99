/** What the search for a model's head asks of the graph. */
import type { NativeChainLink, StaticShape } from '../binding/contract.js';
import type { LayerInfo, TensorSpec } from '../graph/layer.js';
import type { Layered } from './layers.js';

/** One tensor on the way back from an output. @internal */
export type ChainLink = NativeChainLink;

/** A model whose graph can be asked for dependencies, outside or inside of a method. */
export interface Connected extends Layered {
  /** @internal */
  readonly outputTensors: readonly string[];
  /** @internal Returns whether any of `outputs` is computed from any of the tensors `from`. */
  dependsOn(outputs: readonly string[], from: readonly string[]): boolean;
  /** @internal Returns the tensors whose units are those of `output`, one to one, from `output` back. */
  outputChain(output: string): readonly ChainLink[];
  /** @internal Returns the last computed tensor with several positions on which `output` depends, or null. */
  lastWithPositions(output: string): string | null;
  /** @internal Returns the spec of a tensor of the graph, or null. */
  tensorSpec(name: string): TensorSpec | null;
}

export const namesOf = (specs: readonly TensorSpec[]) => specs.map(({ name }) => name);

export const outputsOf = (layer: LayerInfo) => layer.calls.flatMap(({ outputs }) => namesOf(outputs));

const isWithin = (layer: LayerInfo, outer: LayerInfo) =>
  layer.path.length > outer.path.length && outer.path.every((name, i) => layer.path[i] === name);

/** Returns whether (N, ...positions, C) has more than one position, or an unknown number of positions. */
export function hasPositions(shape: StaticShape): boolean {
  return shape === null || shape.slice(1, -1).some((size) => size !== 1);
}

/**
 * Returns the layer of `layers` that is computed last. A subclassed model lists its layers in the order of assignment,
 * so the graph determines the order. If the graph does not (branches, a layer that is called again later), the last
 * listed layer is returned.
 */
export function lastComputed(model: Connected, layers: readonly LayerInfo[]): LayerInfo | undefined {
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
