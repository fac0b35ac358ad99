/** Methods with the filter and the resizing of their descriptors. The Python library uses the same defaults. */
import type { AnyMethod, Filter } from '../graph/method.js';
import { descriptorOf } from '../methods/descriptor.js';
import { cams, gradient } from '../methods/index.js';
import { type PartialExplain, partialExplain } from './partial_explain.js';

/** The options that a shortcut sets. */
export interface ShortcutDefaults {
  readonly postprocessing: Filter;
  readonly resizing: boolean;
}

/** @internal Returns `explain` with a method, and with the filter and the resizing of its descriptor. */
export function shortcut<M extends AnyMethod>(method: M): PartialExplain<M, ShortcutDefaults> {
  const descriptor = descriptorOf(method);
  if (descriptor === undefined) throw new Error(`The method ${method.name} has no descriptor.`);
  const { postprocessing, resizing } = descriptor;
  // TypeScript cannot know that the options of a generic method include these two, which every method takes.
  return partialExplain(method, { postprocessing, resizing } as ShortcutDefaults & object);
}

/** CAM of the regions with positive evidence for the unit: `methods.cams.cam` with `filters.positiveNormalize`. */
export const cam = shortcut(cams.cam);

/**
 * Grad-CAM of the regions with positive evidence for the unit: `methods.cams.gradcam` with `filters.positiveNormalize`.
 */
export const gradcam = shortcut(cams.gradcam);

/**
 * Grad-CAM++ of the regions with positive evidence for the unit: `methods.cams.gradcampp` with
 * `filters.positiveNormalize`.
 */
export const gradcampp = shortcut(cams.gradcampp);

/**
 * Score-CAM of the regions with positive evidence for the unit: `methods.cams.scorecam` with
 * `filters.positiveNormalize`, resized to the size of the input.
 */
export const scorecam = shortcut(cams.scorecam);

/** Saliency: `methods.gradient.gradients` with `filters.normalize`, resized to the size of the input. */
export const gradients = shortcut(gradient.gradients);

/** Full gradients: `methods.gradient.fullGradients` with `filters.normalize`, resized to the size of the input. */
export const fullGradients = shortcut(gradient.fullGradients);
