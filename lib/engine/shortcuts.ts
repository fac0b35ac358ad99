/** Methods with the filter and the resizing of their descriptors, which are those of the Python library. */
import type { AnyMethod, Filter } from '../graph/method.js';
import { descriptorOf } from '../methods/descriptor.js';
import { cams, gradient } from '../methods/index.js';
import { type PartialExplain, partialExplain } from './partial_explain.js';

/** What a shortcut chooses. */
export interface ShortcutDefaults {
  readonly postprocessing: Filter;
  readonly resizing: boolean;
}

/** @internal `explain` with a described method, its filter and its resizing. */
export function shortcut<M extends AnyMethod>(method: M): PartialExplain<M, ShortcutDefaults> {
  const descriptor = descriptorOf(method);
  if (descriptor === undefined) throw new Error(`The method ${method.name} has no descriptor.`);
  const { postprocessing, resizing } = descriptor;
  // The options of a generic method's are not known to hold these two, which every method takes.
  return partialExplain(method, { postprocessing, resizing } as ShortcutDefaults & object);
}

/** CAM of the regions that speak for the unit: `methods.cams.cam` with `filters.positiveNormalize`. */
export const cam = shortcut(cams.cam);

/** Grad-CAM of the regions that speak for the unit: `methods.cams.gradcam` with `filters.positiveNormalize`. */
export const gradcam = shortcut(cams.gradcam);

/** Grad-CAM++ of the regions that speak for the unit: `methods.cams.gradcampp` with `filters.positiveNormalize`. */
export const gradcampp = shortcut(cams.gradcampp);

/**
 * Score-CAM of the regions that speak for the unit: `methods.cams.scorecam` with `filters.positiveNormalize`, in the
 * size that the input has.
 */
export const scorecam = shortcut(cams.scorecam);

/** Saliency: `methods.gradient.gradients` with `filters.normalize`, in the size that the input has. */
export const gradients = shortcut(gradient.gradients);

/** Full gradients: `methods.gradient.fullGradients` with `filters.normalize`, in the size that the input has. */
export const fullGradients = shortcut(gradient.fullGradients);
