/** Finds the stored arrays of every layer of an architecture. */
import { assignFlat } from './assignment/flat.js';
import { assignGroups } from './assignment/groups.js';
import { assignTree } from './assignment/tree.js';
import type { LayerNode } from './layer_node.js';
import type { KerasModelFile } from './model_file.js';
import type { StoredArray } from './stored_weights.js';

/** The arrays of a layer by the names of its variables. */
export type LayerWeights = Readonly<Record<string, StoredArray>>;

/** The arrays of each layer and sublayer that has any. A model has none: its layers have them. */
export type AssignedWeights = ReadonlyMap<LayerNode, LayerWeights>;

/**
 * Finds the stored arrays of every layer and sublayer below `root`, the outermost model.
 *
 * The variables of a layer with a kind have the names of `kind.variables`. All arrays of a custom class are found by
 * the names of the file: by the path within the layer ('dense/vars/0') in the layout 'tree', otherwise by the name
 * without the layer's ('dense/kernel').
 *
 * @throws ModelError (`DATA_LOSS`) if a layer lacks arrays, or if arrays belong to no layer.
 */
export function assignWeights(
  root: LayerNode,
  { weights, kerasVersion }: Pick<KerasModelFile, 'weights' | 'kerasVersion'>,
): AssignedWeights {
  const version = Number.parseInt(kerasVersion, 10) || 1;
  switch (weights.layout) {
    case 'tree':
      return assignTree(root, weights.arrays, version);
    case 'groups':
      return assignGroups(root, weights.groups, version);
    case 'flat':
      return assignFlat(root, weights.arrays, version);
  }
}
