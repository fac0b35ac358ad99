import { channelsLast } from '../../graph/layout.js';
import type { MethodArguments, MethodResult } from '../../graph/method.js';
import { cast } from '../../graph/ops/array.js';
import { einsum } from '../../graph/ops/math.js';
import { reduceMean } from '../../graph/ops/reduction.js';
import type { Symbolic } from '../../graph/symbolic.js';
import { describeMethod } from '../descriptor.js';
import { explainedLogits } from '../explained_logits.js';
import { positiveNormalize } from '../filters.js';
import { logitsJacobian } from '../logits_jacobian.js';

/**
 * Grad-CAM: the activations of a layer, with each channel weighted by the mean gradient of the unit's logit.
 *
 *     w[u, k] = mean over positions of ∂logit[u] / ∂activations[., ., k]
 *     map[u]  = Σ_k w[u, k] · activations[., ., k]
 *
 * The model must be exposed (`inspection.expose`): its outputs are the logits (N, C) and the activations
 * (N, H', W', K). Maps are raw, (N, H', W', U). Negative values are evidence against the unit.
 *
 * Cost: one forward pass, and per unit one backward pass from the logits to the activations.
 *
 * Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-Based Localization",
 * ICCV 2017, https://arxiv.org/abs/1610.02391.
 */
export function gradcam(args: MethodArguments): MethodResult {
  const { model } = args;
  const {
    layout,
    logits,
    outputs: [, activations],
  } = explainedLogits(args, 2);

  const weights = logitsJacobian(model, logits, [activations], ([gradient]) =>
    reduceMean(gradient as Symbolic, layout.positions),
  );
  // The weights of a network in float16 are float32.
  const weighted = cast(channelsLast(activations, layout), weights.dtype);
  const maps = einsum('b...k,bck->b...c', weighted, weights);

  return { logits, maps };
}

describeMethod(gradcam, {
  group: 'cams',
  needs: ['activations', 'gradients'],
  maps: { size: 'activations', channels: 'sum' },
  postprocessing: positiveNormalize,
  parameters: {},
  passes: ({ units }) => ({ forward: 1, backward: units, backwardTo: 'activations' }),
  formula: 'Σ_k mean(∂y/∂A_k) · A_k',
  take: 'the first choice: it fits nearly every network at a low cost',
  paper: {
    citation:
      'Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-Based Localization", ICCV 2017',
    year: 2017,
    url: 'https://arxiv.org/abs/1610.02391',
  },
  equals: 'keras-explainable (Python) `gradcam`',
});
