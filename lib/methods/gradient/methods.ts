/** A line for every method of this group. */
export {
  type FullGradientsParameters,
  type FullGradientTerm,
  fullGradients,
  fullGradientTerms,
} from './full_gradients.js';
export { type GradientsParameters, gradients, transposeJacobian } from './gradients.js';
