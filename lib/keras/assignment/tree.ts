/**
 * Weights by attributes, as Keras 3 and the `.keras` files of Keras 2.12 and later store them. The path of a variable
 * is the way from the model to the variable by the attributes of Python objects:
 * 'layers/bidirectional_1/forward_layer/cell/vars/0'. In the list of a model's layers, a layer has the name of its
 * class with the number of the layer among those of the class. The layer's own name is not stored.
 */
import { ModelError } from '../../support/errors.js';
import type { LayerNode } from '../layer_node.js';
import { snakeCase } from '../snake_case.js';
import type { StoredArray } from '../stored_weights.js';
import {
  type Assignment,
  assign,
  described,
  isCustom,
  isOperation,
  listed,
  ownSlots,
  refuseArrays,
  withDescendants,
} from './slots.js';

/** The arrays and groups below a path. */
interface Group {
  readonly path: string;
  readonly groups: Map<string, Group>;
  readonly arrays: Map<string, StoredArray>;
}

/** The attributes that hold a model's layers. Keras 2.12 and 2.13 use the second. */
const LAYERS = 'layers';
const CHECKPOINT_LAYERS = '_layer_checkpoint_dependencies';

/** The attributes that hold the state of random numbers, which no prediction reads. */
const RANDOM_STATES: ReadonlySet<string> = new Set([
  'seed_generator',
  '_seed_generator',
  'generator',
  '_generator',
  'random_generator',
  '_random_generator',
]);

/** The classes that Keras exports under another name. The group of a layer has the name of the Python class. */
const PYTHON_NAMES: Readonly<Record<string, string>> = { GroupQueryAttention: 'GroupedQueryAttention' };

export function assignTree(
  root: LayerNode,
  arrays: ReadonlyMap<string, StoredArray>,
  version: number,
): Assignment {
  return new TreeAssigner(arrays, version).assign(root);
}

class TreeAssigner {
  readonly #assignment: Assignment = new Map();
  readonly #visited = new Set<LayerNode>();
  readonly #root: Group;
  readonly #version: number;
  /** The paths of arrays that no layer has taken. */
  readonly #left: Map<string, StoredArray>;

  constructor(arrays: ReadonlyMap<string, StoredArray>, version: number) {
    this.#root = groupsOf(arrays);
    this.#version = version;
    this.#left = new Map(arrays);
  }

  assign(root: LayerNode): Assignment {
    this.#visitModel(root, this.#root);
    const left = [...this.#left].filter(([path]) => !path.split('/').some((name) => RANDOM_STATES.has(name)));
    if (left.length > 0) {
      throw new ModelError(
        'DATA_LOSS',
        'The file has weights that no layer of its architecture has: ' +
          `${listed(left, ([, array]) => described(array))}. If the weights are from another ` +
          'model, load them with the architecture of that model.',
      );
    }
    return this.#assignment;
  }

  #visit(node: LayerNode, group: Group): void {
    // Keras stores a layer that several objects hold once, at the first of them.
    if (this.#visited.has(node)) return;
    this.#visited.add(node);
    if (node.model !== null) this.#visitModel(node, group);
    else if (isCustom(node)) this.#visitCustom(node, group);
    else this.#visitLayer(node, group);
  }

  #visitModel(node: LayerNode, group: Group): void {
    // A model has further attributes, such as its optimizer and metrics.
    for (const [attribute, other] of group.groups) {
      if (attribute !== LAYERS && attribute !== CHECKPOINT_LAYERS && attribute !== 'vars')
        this.#takeAll(other);
    }
    const container = group.groups.get(CHECKPOINT_LAYERS) ?? childOf(group, LAYERS);
    const layers = (node.model?.layers ?? []).filter((layer) => !isOperation(layer));
    const counts = new Map<string, number>();
    for (const layer of layers) {
      const className = snakeCase(PYTHON_NAMES[layer.className] ?? layer.className);
      const count = counts.get(className) ?? 0;
      const found = childOf(container, count === 0 ? className : `${className}_${count}`);
      // Keras 2.12 and 2.13 list a layer with weights twice.
      const twice = container.path.endsWith(CHECKPOINT_LAYERS) && this.#hasWeights(layer, found);
      counts.set(className, count + (twice ? 2 : 1));
      this.#visit(layer, found);
    }
  }

  #hasWeights(layer: LayerNode, found: Group): boolean {
    for (const node of withDescendants(layer)) {
      if (isCustom(node) ? !arraysBelow(found).next().done : ownSlots(node, this.#version, true).length > 0)
        return true;
    }
    return false;
  }

  #visitCustom(node: LayerNode, group: Group): void {
    const weights: Record<string, StoredArray> = {};
    for (const [path, array] of arraysBelow(group)) {
      weights[path.slice(group.path.length + 1)] = array;
      this.#left.delete(path);
    }
    if (Object.keys(weights).length > 0) this.#assignment.set(node, weights);
  }

  #visitLayer(node: LayerNode, group: Group): void {
    const slots = ownSlots(node, this.#version, true);
    const { arrays, path } = childOf(group, 'vars');
    const found = [...arrays.values()];
    const ordered = slots.map((_, i) => arrays.get(String(i)));
    if (found.length !== slots.length || ordered.includes(undefined)) {
      refuseArrays(node, slots, found);
    }
    for (const [i, slot] of slots.entries()) {
      assign(this.#assignment, slot, ordered[i] as StoredArray);
      this.#left.delete(`${path}/${i}`);
    }
    for (const [attribute, sublayer] of node.sublayers)
      this.#visit(sublayer, sublayerGroup(group, attribute));
  }

  #takeAll(group: Group): void {
    for (const [path] of arraysBelow(group)) this.#left.delete(path);
  }
}

/**
 * Returns the group of an attribute. The versions of Keras differ in whether an attribute begins with an underscore.
 */
function sublayerGroup(group: Group, attribute: string): Group {
  const steps = attribute.split('/');
  return steps.reduce((parent, step) => {
    const other = step.startsWith('_') ? step.slice(1) : `_${step}`;
    return parent.groups.has(step)
      ? childOf(parent, step)
      : childOf(parent, parent.groups.has(other) ? other : step);
  }, group);
}

/** Returns the group, or an empty group if the file has none. */
const childOf = (group: Group, name: string): Group =>
  group.groups.get(name) ?? emptyGroup(pathOf(group.path, name));

const emptyGroup = (path: string): Group => ({ path, groups: new Map(), arrays: new Map() });

const pathOf = (parent: string, name: string): string => (parent === '' ? name : `${parent}/${name}`);

function groupsOf(arrays: ReadonlyMap<string, StoredArray>): Group {
  const root = emptyGroup('');
  for (const [path, array] of arrays) {
    const names = path.split('/');
    const last = names.pop() as string;
    let group = root;
    for (const name of names) {
      const next = childOf(group, name);
      group.groups.set(name, next);
      group = next;
    }
    group.arrays.set(last, array);
  }
  return root;
}

/** Returns all arrays below a group with their full paths. The depth is that of the file, so nothing recurses. */
function* arraysBelow(group: Group): Generator<readonly [string, StoredArray]> {
  const open = [group];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const [name, array] of next.arrays) yield [pathOf(next.path, name), array];
    open.push(...next.groups.values());
  }
}
