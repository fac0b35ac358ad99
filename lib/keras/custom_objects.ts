/** Layers that the user supplies for classes whose Python code the file does not hold. */
import type { Symbolic } from '../graph/symbolic.js';
import { checkIsObject, typeName, wrongType } from '../support/arguments.js';
import type { JsonObject } from './config.js';
import type { LayerNode } from './layer_node.js';

/**
 * A custom layer: a function of the layer's config (as the file stores it) and weights, which returns the layer as a
 * function of symbolic tensors, written with `graph.ops`.
 *
 * `weights` are named as the file names them, relative to the layer. HDF5 and TensorFlow.js store the names of the
 * variables, such as 'kernel'. `.keras` files only number the variables, trainable ones first: 'vars/0', 'vars/1'.
 * `inputs` is one tensor, or a list if the layer is called with several.
 */
export type CustomLayer = (
  config: JsonObject,
  weights: Readonly<Record<string, Symbolic>>,
) => (inputs: Symbolic | readonly Symbolic[]) => Symbolic | readonly Symbolic[];

/** Custom layers by class name. A registered class may also be given by its registered name ('package>MyLayer'). */
export type CustomObjects = Readonly<Record<string, CustomLayer>>;

/** Throws TypeError unless `value` is an object of functions. */
export function checkCustomObjects(value: unknown): CustomObjects {
  checkIsObject('customObjects', value);
  for (const [name, each] of Object.entries(value)) {
    if (typeof each === 'function') continue;
    throw wrongType(
      `customObjects.${name}`,
      'a function (config, weights) => (inputs) => outputs',
      each,
      `Received ${typeName(each)}.`,
    );
  }
  return value as CustomObjects;
}

/** Returns the custom layer for a node, or undefined. */
export function customLayer(objects: CustomObjects, node: LayerNode): CustomLayer | undefined {
  for (const name of [node.registeredName, node.className]) {
    if (name !== '' && Object.hasOwn(objects, name)) return objects[name];
  }
  return undefined;
}
