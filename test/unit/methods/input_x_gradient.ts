/** A method as an author adds it: one file, which nothing but its tests and lists of methods name. */
import { batchJacobian } from '../../../lib/graph/gradient.js';
import type { MethodArguments, MethodResult } from '../../../lib/graph/method.js';
import { multiply, pow } from '../../../lib/graph/ops/arithmetic.js';
import { reduceSum } from '../../../lib/graph/ops/reduction.js';
import { describeMethod } from '../../../lib/methods/descriptor.js';
import { explainedLogits } from '../../../lib/methods/explained_logits.js';
import { absoluteNormalize } from '../../../lib/methods/filters.js';
import { transposeJacobian } from '../../../lib/methods/gradient/index.js';
import { integer, type ParameterTable, readParameters } from '../../../lib/methods/parameters.js';

export interface InputXGradientParameters {
  /** The power that the product of input and gradient is raised to. Default 1. */
  readonly power?: number;
}

const PARAMETERS = {
  power: integer({ summary: 'the power that the product is raised to', default: 1, least: 1, most: 9 }),
} satisfies ParameterTable<InputXGradientParameters>;

/** Input x gradient: map[u] = Σ over channels of (x · ∂logit[u]/∂x)^power. */
export function inputXGradient(args: MethodArguments & InputXGradientParameters): MethodResult {
  const { inputs, spatialAxis } = args;
  const { power } = readParameters(PARAMETERS, args);
  const { logits } = explainedLogits(args);
  const jacobian = batchJacobian(logits, inputs, {
    each: (gradient) => reduceSum(pow(multiply(gradient, inputs), power), -1),
  });
  return { logits, maps: transposeJacobian(jacobian, spatialAxis.length) };
}

export const INPUT_X_GRADIENT = describeMethod(inputXGradient, {
  group: 'gradient',
  needs: ['gradients'],
  maps: { size: 'input', channels: 'sum' },
  postprocessing: absoluteNormalize,
  parameters: PARAMETERS,
  passes: ({ units }) => ({ forward: 1, backward: units, backwardTo: 'input' }),
  formula: 'Σ_c x_c · ∂y/∂x_c',
  take: 'signed evidence, pixel by pixel',
  paper: {
    citation: 'Shrikumar et al., "Not Just a Black Box", 2016',
    year: 2016,
    url: 'https://arxiv.org/abs/1605.01713',
  },
  equals: 'captum `InputXGradient`, summed over channels',
});
