/** All layer classes, by the names that files use. */
import type { LayerKind } from '../layer_kind.js';
import { CORE_LAYERS } from './core.js';

const KINDS: readonly LayerKind[] = [...CORE_LAYERS];

const BY_NAME: ReadonlyMap<string, LayerKind> = new Map(
  KINDS.flatMap((kind) => kind.names.map((name) => [name, kind] as const)),
);

/** Returns the kind of a class, or undefined for an unknown class. */
export const layerKind = (className: string): LayerKind | undefined => BY_NAME.get(className);

/** The class names that files may use, in the order of the families. */
export const LAYER_NAMES: readonly string[] = [...BY_NAME.keys()];
