/** Methods with the settings that the Python library gives them. */
import { partialExplain } from './engine/partial_explain.js';
import * as filters from './filters.js';
import { gradcam as gradcamMethod } from './methods/cams/gradcam.js';
import { gradients as gradientsMethod } from './methods/gradient/gradients.js';

/** Grad-CAM of the regions that speak for the unit: {@link gradcamMethod} with `filters.positiveNormalize`. */
export const gradcam = partialExplain(gradcamMethod, { postprocessing: filters.positiveNormalize });

/** Saliency: {@link gradientsMethod} with `filters.normalize`, in the size that the input has. */
export const gradients = partialExplain(gradientsMethod, {
  postprocessing: filters.normalize,
  resizing: false,
});
