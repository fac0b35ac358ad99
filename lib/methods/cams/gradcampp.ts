import { channelsLast, channelsLastLayout } from '../../graph/layout.js';
import type { MethodArguments, MethodResult } from '../../graph/method.js';
import { abs, add, divideNoNan, exp, log, minimum, multiply, subtract } from '../../graph/ops/arithmetic.js';
import { cast } from '../../graph/ops/array.js';
import { einsum } from '../../graph/ops/math.js';
import { relu } from '../../graph/ops/nn.js';
import { reduceMax, reduceSum } from '../../graph/ops/reduction.js';
import { alongPositions } from '../../graph/positions.js';
import type { Symbolic } from '../../graph/symbolic.js';
import { commonFloat } from '../../tensor/dtype.js';
import { describeMethod } from '../descriptor.js';
import { explainedLogits } from '../explained_logits.js';
import { positiveNormalize } from '../filters.js';
import { logitsJacobian } from '../logits_jacobian.js';

/**
 * Grad-CAM++: Grad-CAM whose weights are sums of positive gradients, each position weighted by the coefficient α.
 *
 *     g       = ∂logit[u] / ∂activations[., ., k]
 *     α       = g² / (2 g² + g³ · Σ activations[., ., k]) = 1 / (2 + g · Σ activations[., ., k])
 *     w[u, k] = Σ over positions of α · max(exp(logit[u]) · g, 0)
 *     map[u]  = Σ_k w[u, k] · activations[., ., k]
 *
 * The model must be exposed (`inspection.expose`): its outputs are the logits (N, C) and the activations (N, H', W',
 * K). Maps are raw, (N, H', W', U). The factor exp(logit) is one number per map. If the product of factor and map would
 * overflow the dtype (logits above some 88), the largest factor that keeps the map finite is used instead.
 *
 * Cost: one forward pass, and per unit one backward pass from the logits to the activations.
 *
 * Source: Chattopadhay et al., "Grad-CAM++: Generalized Gradient-Based Visual Explanations for Deep Convolutional
 * Networks", WACV 2018, https://arxiv.org/abs/1710.11063.
 */
export function gradcampp(args: MethodArguments): MethodResult {
  const { model } = args;
  const {
    layout,
    logits,
    outputs: [, activations],
  } = explainedLogits(args, 2);

  // A sum over the positions can overflow float16.
  const exact = activations.dtype === 'float16' ? cast(activations, 'float32') : activations;
  const total = reduceSum(exact, layout.positions, { keepdims: true });
  const weights = logitsJacobian(model, logits, [activations], ([given]) => {
    const gradient = given as Symbolic;
    const alpha = divideNoNan(1, add(multiply(cast(total, gradient.dtype), gradient), 2));
    return reduceSum(multiply(alpha, relu(gradient)), layout.positions);
  });
  // The weights of a network in float16 are float32.
  const weighted = cast(channelsLast(activations, layout), weights.dtype);
  const maps = einsum('b...k,bck->b...c', weighted, weights);

  const dtype = commonFloat(maps.dtype, logits.dtype);
  const { positions } = channelsLastLayout(layout.positions.length);
  const exponent = alongPositions(cast(logits, dtype), positions.length);
  return { logits, maps: timesExp(cast(maps, dtype), exponent, positions) };
}

describeMethod(gradcampp, {
  group: 'cams',
  needs: ['activations', 'gradients'],
  maps: { size: 'activations', channels: 'sum' },
  postprocessing: positiveNormalize,
  parameters: {},
  passes: ({ units }) => ({ forward: 1, backward: units, backwardTo: 'activations' }),
  formula: 'Σ_k Σ(α · max(eʸ ∂y/∂A_k, 0)) · A_k',
  take: 'the whole object instead of its most distinctive part; several objects',
  paper: {
    citation:
      'Chattopadhay et al., "Grad-CAM++: Generalized Gradient-Based Visual Explanations for Deep Convolutional ' +
      'Networks", WACV 2018',
    year: 2018,
    url: 'https://arxiv.org/abs/1710.11063',
  },
  equals: 'keras-explainable (Python) `gradcampp`, if its maps are finite',
});

/** The logarithm of the largest number of a dtype, reduced by the rounding error of the dtype (0.5 for bfloat16). */
const LOG_LARGEST: Readonly<Record<string, number>> = { float16: 11, bfloat16: 88, float64: 709.7 };
const LOG_LARGEST_FLOAT32 = 88.7;

/** Returns maps · exp(exponent). If the product would overflow, uses the largest factor that does not. */
function timesExp(maps: Symbolic, exponent: Symbolic, axis: readonly number[]): Symbolic {
  const largest = LOG_LARGEST[maps.dtype] ?? LOG_LARGEST_FLOAT32;
  // The logarithm is -∞ for a map of zeros and negative for small maps. relu keeps the factor itself finite.
  const room = subtract(largest, relu(log(reduceMax(abs(maps), axis, { keepdims: true }))));
  return multiply(maps, exp(minimum(exponent, room)));
}
