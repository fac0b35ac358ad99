/** The list of this group's methods. A new method adds one line. */
export {
  type FullGradientsParameters,
  type FullGradientTerm,
  fullGradients,
  fullGradientTerms,
} from './full_gradients.js';
export { type GradientsParameters, gradients, transposeJacobian } from './gradients.js';
