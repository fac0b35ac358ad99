/** Methods with the settings that the Python library gives them. */

import * as filters from '../methods/filters.js';
import { cams, gradient } from '../methods/index.js';
import { partialExplain } from './partial_explain.js';

/** CAM of the regions that speak for the unit: `methods.cams.cam` with `filters.positiveNormalize`. */
export const cam = partialExplain(cams.cam, { postprocessing: filters.positiveNormalize });

/** Grad-CAM of the regions that speak for the unit: `methods.cams.gradcam` with `filters.positiveNormalize`. */
export const gradcam = partialExplain(cams.gradcam, { postprocessing: filters.positiveNormalize });

/** Grad-CAM++ of the regions that speak for the unit: `methods.cams.gradcampp` with `filters.positiveNormalize`. */
export const gradcampp = partialExplain(cams.gradcampp, { postprocessing: filters.positiveNormalize });

/**
 * Score-CAM of the regions that speak for the unit: `methods.cams.scorecam` with `filters.positiveNormalize`, in the
 * size that the input has.
 */
export const scorecam = partialExplain(cams.scorecam, {
  postprocessing: filters.positiveNormalize,
  resizing: false,
});

/** Saliency: `methods.gradient.gradients` with `filters.normalize`, in the size that the input has. */
export const gradients = partialExplain(gradient.gradients, {
  postprocessing: filters.normalize,
  resizing: false,
});

/** Full gradients: `methods.gradient.fullGradients` with `filters.normalize`, in the size that the input has. */
export const fullGradients = partialExplain(gradient.fullGradients, {
  postprocessing: filters.normalize,
  resizing: false,
});
