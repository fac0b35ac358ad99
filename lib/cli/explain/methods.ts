import { normalize, positiveNormalize } from '../../filters.js';
import type { Filter, Method } from '../../graph/method.js';
import { cams, gradient } from '../../methods/index.js';

/** A method as the command line knows it. */
export interface NamedMethod {
  /** Its own parameters keep their defaults. */
  readonly method: Method;
  /** Whether it explains by the activations of a layer, and so needs an exposed model. */
  readonly needsActivations: boolean;
  /** As in the shortcut of that name (`ke.gradcam`). */
  readonly postprocessing: Filter;
}

const METHODS: ReadonlyMap<string, NamedMethod> = new Map<string, NamedMethod>([
  ...cams.METHODS.map(
    (method) =>
      [
        method.name,
        { method: method as Method, needsActivations: true, postprocessing: positiveNormalize },
      ] as const,
  ),
  ...gradient.METHODS.map(
    (method) =>
      [
        method.name,
        { method: method as Method, needsActivations: false, postprocessing: normalize },
      ] as const,
  ),
]);

export const METHOD_NAMES: readonly string[] = [...METHODS.keys()];

/** The method of that name, which `--method` has checked. */
export function methodOf(name: string): NamedMethod {
  return METHODS.get(name) as NamedMethod;
}
