import * as ke from '../../lib/index.js';

/**
 * As a method: every term of the full gradient, those without positions too, summed; its "maps" are (N, U). In a network
 * of ReLUs and affine layers they are the logits.
 */
export const sumOfTerms: ke.Method = (args) => {
  const { ops, batchJacobian } = ke.graph;
  const { logits, terms } = ke.methods.gradient.fullGradientTerms(args);
  const total = (x: ke.graph.Symbolic) =>
    ops.reduceSum(
      x,
      Array.from({ length: x.rank - 1 }, (_, axis) => axis + 1),
    );
  const maps = batchJacobian(
    logits,
    terms.map(({ signal }) => signal),
    {
      each: (gradients) =>
        gradients
          .map((gradient, i) => total(ops.multiply(gradient, terms[i]?.factor as ke.graph.Symbolic)))
          .reduce((sum, term) => ops.add(sum, term)),
    },
  );
  return { logits, maps };
};
