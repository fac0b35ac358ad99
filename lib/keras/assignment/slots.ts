/** The variables of layers in the orders in which the versions of Keras list them. */
import { ModelError } from '../../support/errors.js';
import type { VariableSpec } from '../layer_kind.js';
import type { LayerNode } from '../layer_node.js';
import { isOperationModule } from '../operations/index.js';
import type { StoredArray } from '../stored_weights.js';

/** A variable of a layer. */
export interface Slot {
  readonly node: LayerNode;
  readonly name: string;
  readonly trainable: boolean;
}

/** The result of an assignment, under construction. */
export type Assignment = Map<LayerNode, Record<string, StoredArray>>;

/**
 * Returns the variables of the layer itself, the trainable ones first, as Keras lists and stores them.
 *
 * @param withShared whether variables that are also those of a sublayer are among the result. Default: false.
 */
export function ownSlots(node: LayerNode, version: number, withShared = false): Slot[] {
  const all: readonly VariableSpec[] = node.kind?.variables?.(node.config, version) ?? [];
  const specs = all.filter(({ isShared = false }) => withShared || !isShared);
  const slots = specs.map(({ name, trainable = true }) => ({ node, name, trainable }));
  return [...slots.filter(({ trainable }) => trainable), ...slots.filter(({ trainable }) => !trainable)];
}

/** Returns the layers directly within `node`: the sublayers of a layer, or the layers of a model. */
export const childrenOf = (node: LayerNode): readonly LayerNode[] =>
  node.model?.layers ?? [...node.sublayers.values()];

/** Returns `node` and all layers within, outer layers first. */
export function* withDescendants(node: LayerNode): Generator<LayerNode> {
  yield node;
  for (const child of childrenOf(node)) yield* withDescendants(child);
}

/** Returns whether the layer is a custom class, whose variables only its supplier knows. */
export const isCustom = (node: LayerNode): boolean => node.kind === null && node.model === null;

/** Returns whether the node is an operation of Keras 3 (`keras.ops`). An operation is no layer and has no weights. */
export const isOperation = (node: LayerNode): boolean =>
  node.kind?.isOperation === true || isOperationModule(node.module);

/** Adds the array of a variable. */
export function assign(assignment: Assignment, { node, name }: Slot, array: StoredArray): void {
  const weights = assignment.get(node) ?? {};
  weights[name] = array;
  assignment.set(node, weights);
}

/** The number of names that a message lists. */
const LISTED = 12;

/** Returns the elements as one text, at most a dozen of them. */
export function listed<T>(elements: readonly T[], text: (element: T) => string): string {
  if (elements.length === 0) return 'none';
  const rest = elements.length - LISTED;
  return elements.slice(0, LISTED).map(text).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

/** Returns an array as messages name it: `'dense/kernel:0' float32 (3, 4)`. */
export const described = (array: StoredArray): string =>
  `'${array.name}' ${array.dtype} (${array.shape.join(', ')})`;

/** Refuses a layer whose arrays do not match its variables. */
export function refuseArrays(
  node: LayerNode,
  expected: readonly Slot[],
  found: readonly StoredArray[],
): never {
  const of = (slot: Slot) => (slot.node === node ? slot.name : `${slot.node.name}/${slot.name}`);
  throw new ModelError(
    'DATA_LOSS',
    `The weights of ${node.config.owner} do not match the architecture of the file. Expected ${expected.length} ` +
      `arrays (${listed(expected, of)}) but the file has ${found.length} ` +
      `(${listed(found, (array) => described(array))}). If the weights are from another model, ` +
      'load them with the architecture of that model.',
  );
}
