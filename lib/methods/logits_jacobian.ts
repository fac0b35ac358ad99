import { batchJacobian } from '../graph/gradient.js';
import type { SymbolicModel } from '../graph/method.js';
import { divide, multiply } from '../graph/ops/arithmetic.js';
import { cast } from '../graph/ops/array.js';
import type { Symbolic } from '../graph/symbolic.js';
import { commonFloat } from '../tensor/dtype.js';

/**
 * The factor of gradients that pass float16. float16 has no numbers below 6e-8, while the gradients of pictures are
 * smaller. With the factor, gradients of 6e-11 to 64 are kept. A power of 2 changes no digits.
 */
const LOSS_SCALE = 2 ** 10;

/**
 * Returns the Jacobian of the explained logits, reduced by `each`: `batchJacobian(logits, xs, { each })`. Gradients
 * that pass float16 are scaled on their way, as mixed precision training scales the loss. `each` then receives the
 * unscaled gradients in float32.
 *
 * @param logits (N, U).
 * @param xs tensors (N, ...) by which logits are differentiated.
 * @param each reduces the gradients of one unit, in the shapes of `xs`.
 * @returns (N, U, ...value), where value is the result of `each` without the sample axis.
 */
export function logitsJacobian(
  model: SymbolicModel,
  logits: Symbolic,
  xs: readonly Symbolic[],
  each: (gradients: Symbolic[]) => Symbolic,
): Symbolic {
  if (!mayPassFloat16(model, [logits, ...xs])) return batchJacobian(logits, xs, { each });
  const scaled = multiply(cast(logits, commonFloat(logits.dtype, 'float32')), LOSS_SCALE);
  const unscaled = (gradient: Symbolic) =>
    divide(cast(gradient, commonFloat(gradient.dtype, 'float32')), LOSS_SCALE);
  return batchJacobian(scaled, xs, { each: (gradients) => each(gradients.map(unscaled)) });
}

function mayPassFloat16({ layers, outputs }: SymbolicModel, ends: readonly Symbolic[]): boolean {
  const ofLayers = layers.flatMap(({ output }) => output);
  return [...ends, ...outputs, ...ofLayers].some(({ dtype }) => dtype === 'float16');
}
