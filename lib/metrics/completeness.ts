import { batchJacobian } from '../graph/gradient.js';
import type { MethodArguments, MethodResult } from '../graph/method.js';
import { add, multiply } from '../graph/ops/arithmetic.js';
import { cast, expandDims } from '../graph/ops/array.js';
import { reduceSum } from '../graph/ops/reduction.js';
import { type FullGradientTerm, fullGradientTerms } from '../methods/gradient/full_gradients.js';

/**
 * Returns the sum of a full-gradient decomposition. The input and every bias are multiplied by their gradients, without
 * a filter, and summed over all positions and channels. For a network of ReLUs and affine layers, the sum is the logit.
 *
 * This is a method for `explain` with `resizing: false`. Its maps have one position, (N, 1, 1, U). They are float64 if
 * a layer of the network is float64, otherwise float32.
 *
 * Source: Srinivas and Fleuret, "Full-Gradient Representation for Neural Network Visualization", 2019,
 * https://arxiv.org/abs/1905.00780, proposition 1.
 */
export function sumOfTerms(args: MethodArguments): MethodResult {
  const { logits, terms } = fullGradientTerms(args);
  const sums = batchJacobian(
    logits,
    terms.map(({ signal }) => signal),
    {
      each: (gradients) =>
        gradients
          .map((gradient, i) => {
            const term = multiply(gradient, (terms[i] as FullGradientTerm).factor);
            // The layers of a network may differ in dtype.
            const product = term.dtype === 'float64' ? term : cast(term, 'float32');
            const axes = Array.from({ length: gradient.rank - 1 }, (_, axis) => axis + 1);
            return reduceSum(product, axes);
          })
          .reduce(add),
    },
  );
  return { logits, maps: expandDims(expandDims(sums, 1), 1) };
}
