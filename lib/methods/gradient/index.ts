/** Methods that follow the gradient back to the input. */
import type { AnyMethod } from '../../graph/method.js';
import {
  type FullGradientsParameters,
  type FullGradientTerm,
  fullGradients,
  fullGradientTerms,
} from './full_gradients.js';
import { type GradientsParameters, gradients, transposeJacobian } from './gradients.js';

export {
  type FullGradientsParameters,
  type FullGradientTerm,
  fullGradients,
  fullGradientTerms,
  type GradientsParameters,
  gradients,
  transposeJacobian,
};

/** Every method of this group. */
export const METHODS: readonly AnyMethod[] = Object.freeze([gradients, fullGradients]);
