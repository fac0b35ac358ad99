import { batchJacobian } from '../../graph/gradient.js';
import type { MethodArguments, MethodResult } from '../../graph/method.js';
import { abs } from '../../graph/ops/arithmetic.js';
import { transpose } from '../../graph/ops/array.js';
import { reduceMean } from '../../graph/ops/reduction.js';
import { checkInputPositions, isVector } from '../../graph/positions.js';
import type { Symbolic } from '../../graph/symbolic.js';
import { GraphError } from '../../support/errors.js';
import { isFloating } from '../../tensor/dtype.js';
import { describeMethod } from '../descriptor.js';
import { explainedLogits } from '../explained_logits.js';
import { normalize } from '../filters.js';
import { callable, type ParameterTable, readParameters } from '../parameters.js';

export interface GradientsParameters {
  /** Works on one unit's gradient (N, H, W, C) before its channels are averaged. Default: the absolute value. */
  readonly gradientFilter?: (gradient: Symbolic) => Symbolic;
}

const PARAMETERS = {
  gradientFilter: callable<(gradient: Symbolic) => Symbolic>({
    summary: "works on one unit's gradient (N, H, W, C) before its channels are averaged",
    default: abs,
    defaultText: '`graph.ops.abs`',
    mend: 'Pass an op, as `graph.ops.relu`.',
  }),
} satisfies ParameterTable<GradientsParameters>;

/**
 * Gradient back-propagation ("saliency"): how much each pixel would move the unit.
 *
 *     map[u] = mean over channels of ψ(∂logit[u] / ∂inputs),   ψ = |·| unless `gradientFilter` says otherwise
 *
 * The logits are the model's first output, (N, C). Maps have the size of the input: (N, H, W, U). Vectors (N, F) have
 * no channels to average: maps (N, F, U).
 *
 * Cost: one forward pass, and one full backward pass per unit.
 *
 * Source: Simonyan, Vedaldi, Zisserman, "Deep Inside Convolutional Networks: Visualising Image Classification
 * Models and Saliency Maps", 2013, https://arxiv.org/abs/1312.6034.
 */
export function gradients(args: MethodArguments & GradientsParameters): MethodResult {
  const { inputs, spatialAxis } = args;
  const { gradientFilter } = readParameters(PARAMETERS, args);
  checkDifferentiable(inputs);
  checkInputPositions(inputs, spatialAxis);
  const { logits } = explainedLogits(args);

  const jacobian = batchJacobian(logits, inputs, {
    each: (gradient) => {
      const filtered = gradientFilter(gradient);
      return isVector(inputs) ? filtered : reduceMean(filtered, -1);
    },
  });

  return { logits, maps: transposeJacobian(jacobian, spatialAxis.length) };
}

describeMethod(gradients, {
  group: 'gradient',
  needs: ['gradients'],
  maps: { size: 'input', channels: 'mean' },
  postprocessing: normalize,
  parameters: PARAMETERS,
  passes: ({ units }) => ({ forward: 1, backward: units, backwardTo: 'input' }),
  formula: 'mean over channels of abs(∂y/∂x)',
  take: 'single pixels: what the unit is sensitive to',
  paper: {
    citation:
      'Simonyan, Vedaldi, Zisserman, "Deep Inside Convolutional Networks: Visualising Image Classification Models and ' +
      'Saliency Maps", 2013',
    year: 2013,
    url: 'https://arxiv.org/abs/1312.6034',
  },
  equals: 'keras-explainable (Python) `gradients`',
});

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
