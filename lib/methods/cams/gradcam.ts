import { batchJacobian } from '../../graph/gradient.js';
import type { MethodArguments, MethodResult } from '../../graph/method.js';
import { einsum } from '../../graph/ops/math.js';
import { reduceMean } from '../../graph/ops/reduction.js';
import { checkPositions } from '../../graph/positions.js';
import { gatherUnits } from '../../inspection/gather_units.js';

/**
 * Grad-CAM: the activations of a layer, each channel weighted by how much the unit gains from it.
 *
 *     w[u, k] = mean over positions of ∂logit[u] / ∂activations[., ., k]
 *     map[u]  = Σ_k w[u, k] · activations[., ., k]
 *
 * The model must be exposed (`inspection.expose`): its outputs are the logits (N, C) and the activations
 * (N, H', W', K). Maps are raw, (N, H', W', U): negative where the evidence speaks against the unit.
 *
 * Cost: one forward pass, and per unit one backward pass from the logits to the activations.
 *
 * Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-Based Localization",
 * ICCV 2017, https://arxiv.org/abs/1610.02391.
 */
export function gradcam({
  model,
  inputs,
  indices,
  indicesAxis,
  indicesBatchDims,
  spatialAxis,
}: MethodArguments): MethodResult {
  const [outputs, activations] = model(inputs, 2);
  checkPositions('activations', activations, spatialAxis);
  const logits = gatherUnits(outputs, indices, { axis: indicesAxis, batchDims: indicesBatchDims });

  const weights = batchJacobian(logits, activations, {
    each: (gradient) => reduceMean(gradient, spatialAxis),
  });
  const maps = einsum('b...k,bck->b...c', activations, weights);

  return { logits, maps };
}
