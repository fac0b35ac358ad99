/** Weights by the outermost layers' names, as HDF5 files store them. */
import { ModelError } from '../../support/errors.js';
import type { LayerNode } from '../layer_node.js';
import type { StoredArray } from '../stored_weights.js';
import { assignInOrder, countVariables } from './order.js';
import { type Assignment, described, isCustom, isOperation, listed, withDescendants } from './slots.js';

export function assignGroups(
  root: LayerNode,
  groups: ReadonlyMap<string, readonly StoredArray[]>,
  version: number,
): Assignment {
  const assignment: Assignment = new Map();
  for (const [layer, arrays] of pairs(root, groups, version))
    assignInOrder(assignment, layer, arrays, version);
  return assignment;
}

/**
 * Returns each layer with its arrays. The names of a model's own file match. The weights of another instance of the
 * model may have other names, because Keras numbers the names of layers per process. Keras then pairs the layers that
 * have weights in their order.
 */
function pairs(
  root: LayerNode,
  groups: ReadonlyMap<string, readonly StoredArray[]>,
  version: number,
): (readonly [LayerNode, readonly StoredArray[]])[] {
  const layers = (root.model?.layers ?? []).filter((layer) => !isOperation(layer));
  const names = new Set(layers.map(({ name }) => name));
  const filled = [...groups].filter(([, arrays]) => arrays.length > 0);
  if (filled.every(([name]) => names.has(name))) {
    return layers.map((layer) => [layer, groups.get(layer.name) ?? []]);
  }
  const weighted = layers.filter((layer) => countVariables(layer, version) > 0);
  const hasCustom = layers.some((layer) => [...withDescendants(layer)].some(isCustom));
  if (hasCustom || weighted.length !== filled.length) {
    throw new ModelError(
      'DATA_LOSS',
      `The weights do not match the architecture. Expected weights of ${weighted.length} layers ` +
        `(${listed(weighted, ({ name }) => `'${name}'`)}) but the file has ${filled.length} ` +
        `(${listed(filled, ([name, arrays]) => `'${name}': ${listed(arrays, (array) => described(array))}`)}). ` +
        'Load the weights with the architecture that they were saved from.',
    );
  }
  return weighted.map((layer, i) => [layer, filled[i]?.[1] ?? []]);
}
