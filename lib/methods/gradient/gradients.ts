import { batchJacobian } from '../../graph/gradient.js';
import type { MethodArguments, MethodResult } from '../../graph/method.js';
import { abs } from '../../graph/ops/arithmetic.js';
import { transpose } from '../../graph/ops/array.js';
import { reduceMean } from '../../graph/ops/reduction.js';
import { checkPositions } from '../../graph/positions.js';
import type { Symbolic } from '../../graph/symbolic.js';
import { gatherUnits } from '../../inspection/gather_units.js';
import { checkFunction } from '../../support/arguments.js';
import { GraphError } from '../../support/errors.js';
import { isFloating } from '../../tensor/dtype.js';

export interface GradientsParameters {
  /** Works on one unit's gradient (N, H, W, C) before its channels are averaged. Default: the absolute value. */
  readonly gradientFilter?: (gradient: Symbolic) => Symbolic;
}

/**
 * Gradient back-propagation ("saliency"): how much each pixel would move the unit.
 *
 *     map[u] = mean over channels of ψ(∂logit[u] / ∂inputs),   ψ = |·| unless `gradientFilter` says otherwise
 *
 * The logits are the model's first output, (N, C). Maps have the size of the input: (N, H, W, U).
 *
 * Cost: one forward pass, and one full backward pass per unit.
 *
 * Source: Simonyan, Vedaldi, Zisserman, "Deep Inside Convolutional Networks: Visualising Image Classification
 * Models and Saliency Maps", 2013, https://arxiv.org/abs/1312.6034.
 */
export function gradients({
  model,
  inputs,
  indices,
  indicesAxis,
  indicesBatchDims,
  spatialAxis,
  gradientFilter = abs,
}: MethodArguments & GradientsParameters): MethodResult {
  checkDifferentiable(inputs);
  checkPositions('inputs', inputs, spatialAxis);
  checkFunction('gradientFilter', gradientFilter, 'Pass an op, as `graph.ops.relu`.');
  const [outputs] = model(inputs);
  const logits = gatherUnits(outputs, indices, { axis: indicesAxis, batchDims: indicesBatchDims });

  const jacobian = batchJacobian(logits, inputs, {
    each: (gradient) => reduceMean(gradientFilter(gradient), -1),
  });

  return { logits, maps: transposeJacobian(jacobian, spatialAxis.length) };
}

/** @internal Refuses an input of integers, which has no gradient. */
export function checkDifferentiable(inputs: Symbolic): void {
  if (isFloating(inputs.dtype)) return;
  throw new GraphError(
    'INVALID_ARGUMENT',
    `This method differentiates by the input, but the model takes ${inputs.dtype}. Explain another \`input\`, use a CAM ` +
      'method, or export the model behind its cast, so that it takes float32.',
  );
}

/** A Jacobian (N, U, ...positions) with its units last: (N, ...positions, U). */
export function transposeJacobian(jacobian: Symbolic, spatialRank: number): Symbolic {
  const positions = Array.from({ length: spatialRank }, (_, i) => i + 2);
  return transpose(jacobian, [0, ...positions, 1]);
}
