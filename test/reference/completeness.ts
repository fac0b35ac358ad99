import * as ke from '../../lib/index.js';

/**
 * A user's method: what full gradients are made of, summed without a filter, as a map (N, 1, 1, U) of one position.
 * In a network of ReLUs and affine layers it is the logit.
 */
export function sumOfTerms(args: ke.MethodArguments): ke.MethodResult {
  const { add, cast, expandDims, multiply, reduceSum } = ke.graph.ops;
  const { logits, terms } = ke.methods.gradient.fullGradientTerms(args);
  const sums = ke.graph.batchJacobian(
    logits,
    terms.map(({ signal }) => signal),
    {
      each: (gradients) =>
        gradients
          .map((gradient, i) => {
            const term = multiply(gradient, (terms[i] as (typeof terms)[number]).factor);
            // Layers of one network may differ in dtype.
            const product = term.dtype === 'float64' ? term : cast(term, 'float32');
            return reduceSum(
              product,
              Array.from({ length: gradient.rank - 1 }, (_, axis) => axis + 1),
            );
          })
          .reduce(add),
    },
  );
  return { logits, maps: expandDims(expandDims(sums, 1), 1) };
}
