/**
 * Weights in one list by name, as TensorFlow.js stores them: 'block1/conv/kernel'. A name has the names of the layers
 * around the variable, of some or of all of them, and may begin with the model's.
 */
import { ModelError } from '../../support/errors.js';
import type { LayerNode } from '../layer_node.js';
import type { StoredArray } from '../stored_weights.js';
import { assignInOrder, countVariables, partsOf } from './order.js';
import { type Assignment, described, isOperation, listed, withDescendants } from './slots.js';

export function assignFlat(
  root: LayerNode,
  arrays: ReadonlyMap<string, StoredArray>,
  version: number,
): Assignment {
  const layers = (root.model?.layers ?? []).filter((layer) => !isOperation(layer));
  const lists =
    listsByName(layers, [...arrays.values()]) ?? listsByOrder(layers, [...arrays.values()], version);
  const assignment: Assignment = new Map();
  for (const layer of layers) assignInOrder(assignment, layer, lists.get(layer) ?? [], version);
  return assignment;
}

/** Returns the arrays of each outermost layer, or null if the names do not determine the layers. */
function listsByName(
  layers: readonly LayerNode[],
  arrays: readonly StoredArray[],
): Map<LayerNode, StoredArray[]> | null {
  const outer = new Map(layers.map((layer) => [layer.name, layer]));
  const inner = new Map<string, Set<LayerNode>>();
  for (const layer of layers) {
    for (const { name } of withDescendants(layer)) inner.set(name, (inner.get(name) ?? new Set()).add(layer));
  }
  const lists = new Map<LayerNode, StoredArray[]>();
  for (const array of arrays) {
    const parts = partsOf(array).slice(0, -1);
    const owners = parts.map((part) => inner.get(part)).find((found) => found !== undefined);
    const owner = parts.map((part) => outer.get(part)).find((layer) => layer !== undefined) ?? only(owners);
    if (owner === undefined) return null;
    const list = lists.get(owner) ?? [];
    list.push(array);
    lists.set(owner, list);
  }
  return lists;
}

/** Returns the element of a set that has one. */
function only<T>(set: ReadonlySet<T> | undefined): T | undefined {
  return set?.size === 1 ? [...set][0] : undefined;
}

/** Returns the arrays of each outermost layer by the order of a converted HDF5 file: layer by layer. */
function listsByOrder(
  layers: readonly LayerNode[],
  arrays: readonly StoredArray[],
  version: number,
): Map<LayerNode, StoredArray[]> {
  const lists = new Map<LayerNode, StoredArray[]>();
  let next = 0;
  for (const layer of layers) {
    const count = countVariables(layer, version);
    lists.set(layer, arrays.slice(next, next + count));
    next += count;
  }
  if (next !== arrays.length) {
    throw new ModelError(
      'DATA_LOSS',
      `The weights do not match the architecture. Expected ${next} arrays but the file has ${arrays.length}: ` +
        `${listed(arrays, (array) => described(array))}.`,
    );
  }
  return lists;
}
