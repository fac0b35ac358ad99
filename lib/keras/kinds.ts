/** The kind of a class of a file: a layer's, or an operation's. */
import type { LayerKind } from './layer_kind.js';
import { layerKind } from './layers/index.js';
import { isOperationModule, operationKind } from './operations/index.js';

/**
 * Returns the kind of a class, or null for a custom class, and for the classes that the builder itself knows.
 *
 * @param perhapsOperation whether a class of an unknown module is an operation if one has this name.
 */
export function kindOf(module: string, className: string, perhapsOperation: boolean): LayerKind | null {
  // A custom class may have the name of a layer of Keras. Files before Keras 3 do not tell the module.
  const own = module === '' || module.startsWith('keras') || module.startsWith('tensorflow');
  if (isOperationModule(module)) return operationKind(className) ?? null;
  const operation = module === '' && perhapsOperation ? operationKind(className) : undefined;
  if (operation !== undefined) return operation;
  return own ? (layerKind(className) ?? null) : null;
}
