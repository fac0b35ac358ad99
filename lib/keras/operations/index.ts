/** The operations of `keras.ops` and `keras.activations` that functional models of Keras 3 hold, by class name. */
import type { LayerKind } from '../layer_kind.js';
import { kindOf } from './operation.js';
import { OPERATIONS } from './operations.js';

const KINDS: ReadonlyMap<string, LayerKind> = new Map(
  [...OPERATIONS].map(([name, operation]) => [name, kindOf(operation)] as const),
);

/** Whether a module of Keras defines operations. Operations and layers share names: 'Add' is both. */
export const isOperationModule = (module: string): boolean =>
  /^keras\.(src\.)?(ops|activations)\b/.test(module);

/** Returns the kind of an operation, or undefined for an unknown operation. */
export const operationKind = (className: string): LayerKind | undefined => KINDS.get(className);

/** The names of the operations. */
export const OPERATION_NAMES: readonly string[] = [...KINDS.keys()];
