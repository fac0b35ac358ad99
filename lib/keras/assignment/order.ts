/**
 * The orders in which Keras lists the variables of a layer with layers inside. HDF5 files and TensorFlow.js files store
 * this list. The list begins with the trainable variables, so the option `trainable` of each layer within changes the
 * order, and the versions of Keras differ in how. The names in the file tell which order was used.
 */
import type { LayerNode } from '../layer_node.js';
import type { StoredArray } from '../stored_weights.js';
import {
  type Assignment,
  assign,
  childrenOf,
  isCustom,
  ownSlots,
  refuseArrays,
  type Slot,
  withDescendants,
} from './slots.js';

/**
 * Assigns the list of arrays of `node` to the variables of `node` and of all layers within.
 *
 * @throws ModelError (`DATA_LOSS`) if the number of arrays or their names do not match the variables.
 */
export function assignInOrder(
  assignment: Assignment,
  node: LayerNode,
  arrays: readonly StoredArray[],
  version: number,
): void {
  const left = takeCustom(assignment, node, arrays);
  const orders = ordersOf(node, version);
  const [slots = []] = orders;
  if (slots.length !== left.length) refuseArrays(node, slots, left);
  const fits = nameCheck(node, slots);
  const best = orders.find((order) => order.every((slot, i) => fits(slot, left[i] as StoredArray)));
  if (best === undefined) refuseArrays(node, slots, left);
  for (const [i, slot] of best.entries()) assign(assignment, slot, left[i] as StoredArray);
}

/** Returns the number of variables that the layer and all layers within have, custom classes left out. */
export function countVariables(node: LayerNode, version: number): number {
  let count = 0;
  for (const inner of withDescendants(node)) count += ownSlots(inner, version).length;
  return count;
}

/** Returns the parts of a name: 'dense/kernel:0' has the parts 'dense' and 'kernel'. */
export const partsOf = (array: StoredArray): string[] => array.name.replace(/:\d+$/, '').split('/');

/** Returns the name of a variable without the number that TensorFlow 1 adds to a name that is taken. */
const withoutNumber = (name: string): string => name.replace(/_\d+$/, '');

/**
 * Returns a function that returns whether an array may be the variable, by its name. The name of an array in a nested
 * model has the name of the layer that is directly in a model. Names of neither a variable nor a layer, such as those
 * of Keras 1, contradict nothing.
 */
function nameCheck(outer: LayerNode, slots: readonly Slot[]): (slot: Slot, array: StoredArray) => boolean {
  const layersByName = new Map<string, Set<LayerNode>>();
  const layerOf = new Map<LayerNode, LayerNode>();
  for (const layer of outer.model === null ? [] : layersOfModels(outer)) {
    layersByName.set(layer.name, (layersByName.get(layer.name) ?? new Set()).add(layer));
    for (const inner of withDescendants(layer)) layerOf.set(inner, layer);
  }
  const known = new Set(slots.map(({ name }) => name));
  const own = new Map<LayerNode, Set<string>>();
  for (const { node, name } of slots) own.set(node, (own.get(node) ?? new Set()).add(name));

  return (slot, array) => {
    const parts = partsOf(array);
    const exact = parts.at(-1) as string;
    const name = known.has(exact) ? exact : withoutNumber(exact);
    const layers = parts.slice(0, -1).flatMap((part) => [...(layersByName.get(part) ?? [])]);
    const isInLayer = layers.includes(layerOf.get(slot.node) as LayerNode);
    if (layers.length > 0 && !isInLayer) return false;
    return name === slot.name || !(isInLayer ? own.get(slot.node) : known)?.has(name);
  };
}

/** Returns the layers of a model and of the models within, without sublayers. */
const layersOfModels = (node: LayerNode): LayerNode[] =>
  node.model === null ? [node] : node.model.layers.flatMap(layersOfModels);

/** Assigns the arrays of custom classes, which are found by the layer's name. Returns the other arrays. */
function takeCustom(assignment: Assignment, node: LayerNode, arrays: readonly StoredArray[]): StoredArray[] {
  let left = [...arrays];
  for (const custom of withDescendants(node)) {
    if (!isCustom(custom)) continue;
    const own =
      custom === node ? left : left.filter((array) => partsOf(array).slice(0, -1).includes(custom.name));
    if (own.length === 0) continue;
    assignment.set(custom, namedWithin(custom, own));
    left = left.filter((array) => !own.includes(array));
  }
  return left;
}

/** Returns the arrays by their names without the layer's name, or by their full names if two were alike. */
function namedWithin(layer: LayerNode, arrays: readonly StoredArray[]): Record<string, StoredArray> {
  const within = (array: StoredArray) => {
    const parts = partsOf(array);
    return parts.slice(parts.indexOf(layer.name) + 1).join('/');
  };
  const unique = new Set(arrays.map(within)).size === arrays.length;
  return Object.fromEntries(arrays.map((array) => [unique ? within(array) : array.name, array]));
}

/** Returns the orders that a file may have, the most likely order first. */
function ordersOf(node: LayerNode, version: number): Slot[][] {
  const { trainable, frozen } = trainableFirst(node, version, isTrainable);
  const lists = [trainable.concat(frozen), structural(node, version)];
  const byFlags = [...(lists[1] as Slot[])].sort((a, b) => Number(flagged(b)) - Number(flagged(a)));
  const all = trainableFirst(node, version, () => true);
  const orders = version >= 3 ? [byFlags, ...lists] : [...lists, byFlags];
  return [...orders, all.trainable.concat(all.frozen)];
}

const isTrainable = (node: LayerNode): boolean => node.config.get('trainable') !== false;

const flagged = ({ node, trainable }: Slot): boolean => trainable && isTrainable(node);

/** Keras 3's `layer.weights`: the variables of each layer together. */
function structural(node: LayerNode, version: number): Slot[] {
  return [...ownSlots(node, version), ...childrenOf(node).flatMap((child) => structural(child, version))];
}

/** Keras 1's and 2's `layer.trainable_weights` and `layer.non_trainable_weights`. */
function trainableFirst(
  node: LayerNode,
  version: number,
  isTrained: (node: LayerNode) => boolean,
): { trainable: Slot[]; frozen: Slot[] } {
  const own = ownSlots(node, version);
  const inner = childrenOf(node).map((child) => trainableFirst(child, version, isTrained));
  const ownTrainable = own.filter(({ trainable }) => trainable);
  const ownFrozen = own.filter(({ trainable }) => !trainable);
  if (isTrained(node)) {
    return {
      trainable: [...ownTrainable, ...inner.flatMap(({ trainable }) => trainable)],
      frozen: [...ownFrozen, ...inner.flatMap(({ frozen }) => frozen)],
    };
  }
  const frozen =
    node.model === null
      ? [...own, ...inner.flatMap(({ trainable, frozen }) => [...trainable, ...frozen])]
      : [...inner.flatMap(({ trainable }) => trainable), ...inner.flatMap(({ frozen }) => frozen)];
  return { trainable: [], frozen };
}
