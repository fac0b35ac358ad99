import { inputLayout } from '../../graph/layout.js';
import type { MethodArguments, MethodResult } from '../../graph/method.js';
import { abs } from '../../graph/ops/arithmetic.js';
import { transpose } from '../../graph/ops/array.js';
import { reduceMean } from '../../graph/ops/reduction.js';
import type { Symbolic } from '../../graph/symbolic.js';
import { GraphError } from '../../support/errors.js';
import { isFloating } from '../../tensor/dtype.js';
import { describeMethod } from '../descriptor.js';
import { explainedLogits } from '../explained_logits.js';
import { normalize } from '../filters.js';
import { logitsJacobian } from '../logits_jacobian.js';
import { callable, type ParameterTable, readParameters } from '../parameters.js';

export interface GradientsParameters {
  /** Filters the gradient (N, H, W, C) of one unit before its channels are averaged. Default: the absolute value. */
  readonly gradientFilter?: (gradient: Symbolic) => Symbolic;
}

const PARAMETERS = {
  gradientFilter: callable<(gradient: Symbolic) => Symbolic>({
    summary: 'filters the gradient (N, H, W, C) of one unit before its channels are averaged',
    default: abs,
    defaultText: '`graph.ops.abs`',
    mend: 'Pass an op, for example `graph.ops.relu`.',
  }),
} satisfies ParameterTable<GradientsParameters>;

/**
 * Gradient back-propagation ("saliency"): the sensitivity of the unit to each pixel.
 *
 *     map[u] = mean over channels of ψ(∂logit[u] / ∂inputs),   ψ = `gradientFilter`, by default |·|
 *
 * The logits are the model's first output, (N, C). Maps have the size of the input: (N, H, W, U). For vectors (N, F)
 * there are no channels to average, and maps are (N, F, U).
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
  const { positions, channel } = inputLayout(inputs, spatialAxis);
  const { logits } = explainedLogits(args);

  const jacobian = logitsJacobian(args.model, logits, [inputs], ([gradient]) => {
    const filtered = gradientFilter(gradient as Symbolic);
    return channel === null ? filtered : reduceMean(filtered, channel);
  });

  return { logits, maps: transposeJacobian(jacobian, positions.length) };
}

describeMethod(gradients, {
  group: 'gradient',
  needs: ['gradients'],
  maps: { size: 'input', channels: 'mean' },
  postprocessing: normalize,
  parameters: PARAMETERS,
  passes: ({ units }) => ({ forward: 1, backward: units, backwardTo: 'input' }),
  formula: 'mean over channels of abs(∂y/∂x)',
  take: 'the sensitivity of the unit to single pixels',
  paper: {
    citation:
      'Simonyan, Vedaldi, Zisserman, "Deep Inside Convolutional Networks: Visualising Image Classification Models and ' +
      'Saliency Maps", 2013',
    year: 2013,
    url: 'https://arxiv.org/abs/1312.6034',
  },
  equals: 'keras-explainable (Python) `gradients`',
});

/** @internal Throws GraphError for an integer input, which has no gradient. */
export function checkDifferentiable(inputs: Symbolic): void {
  if (isFloating(inputs.dtype)) return;
  throw new GraphError(
    'INVALID_ARGUMENT',
    `This method differentiates by the input, but the model takes ${inputs.dtype}. Explain another \`input\`, use a CAM ` +
      'method, or export the model without its cast, so that it takes float32.',
  );
}

/** Transposes a Jacobian (N, U, ...positions) to (N, ...positions, U). */
export function transposeJacobian(jacobian: Symbolic, spatialRank: number): Symbolic {
  const positions = Array.from({ length: spatialRank }, (_, i) => i + 2);
  return transpose(jacobian, [0, ...positions, 1]);
}
