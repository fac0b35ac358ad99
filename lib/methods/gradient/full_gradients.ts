import { batchJacobian } from '../../graph/gradient.js';
import type { Filter, MethodArguments, MethodResult } from '../../graph/method.js';
import { constant } from '../../graph/operand.js';
import { addN, multiply } from '../../graph/ops/arithmetic.js';
import { cast, expandDims, reshape, squeeze } from '../../graph/ops/array.js';
import { reduceMean } from '../../graph/ops/reduction.js';
import {
  checkInputPositions,
  isVector,
  positionSizes,
  resizePositions,
  sizeOf,
} from '../../graph/positions.js';
import type { Symbolic } from '../../graph/symbolic.js';
import { exposedBiasTerms } from '../../inspection/bias_terms.js';
import { GraphError } from '../../support/errors.js';
import { commonFloat } from '../../tensor/dtype.js';
import type { Tensor } from '../../tensor/tensor.js';
import { describeMethod } from '../descriptor.js';
import { explainedLogits } from '../explained_logits.js';
import { absoluteNormalize, normalize } from '../filters.js';
import { callable, type ParameterTable, readParameters, tensors } from '../parameters.js';
import { checkDifferentiable, transposeJacobian } from './gradients.js';

export interface FullGradientsParameters {
  /** Works on one unit's product of gradient and signal (N, h, w, C). Default: `filters.absoluteNormalize`. */
  readonly psi?: Filter;
  /**
   * The bias of each intermediate signal, (C) each. The model's outputs must then be [logits, ...signals], one signal
   * per bias. Default: found in the graph.
   */
  readonly biases?: readonly Tensor[];
}

const PARAMETERS = {
  psi: callable<Filter>({
    summary: "works on one unit's product of gradient and signal (N, h, w, C)",
    default: absoluteNormalize,
    defaultText: '`filters.absoluteNormalize`',
    mend: 'Pass a filter, as `filters.absoluteNormalize`.',
  }),
  biases: tensors({
    summary: "the bias of each exposed signal, (C) each, where the model's outputs are [logits, ...signals]",
    defaultText: 'found in the graph',
    expected: 'an array of tensors, as `layersWithBiases` returns',
  }),
} satisfies ParameterTable<FullGradientsParameters>;

/** One part of a full gradient: gradient · factor, summed over its elements, is what it adds to the logit. */
export interface FullGradientTerm {
  /** The tensor's name in the model's graph, or 'inputs'. */
  readonly name: string;
  /** What the logit is differentiated by. */
  readonly signal: Symbolic;
  /** What the gradient is multiplied by: the input itself, or the bias that is in the signal. */
  readonly factor: Symbolic;
}

/**
 * Full gradients: input · gradient, and bias · gradient of every bias of the network, laid over each other.
 *
 *     map[u] = mean over channels of ψ(inputs · ∂logit[u]/∂inputs)
 *            + Σ over biases b of resize(mean over channels of ψ(b · ∂logit[u]/∂t))
 *
 * where t is the tensor right after b was added, before any activation, and ψ = `filters.absoluteNormalize`: every
 * channel of every signal is stretched to [0, 1] by itself. The biases are found in the graph: those of dense layers
 * and convolutions, what a batch normalisation adds (β - mean · γ / √(variance + ε), fused or decomposed), β of layer
 * normalisations, and any other constant made of weights. A bias whose signal has no positions (a dense layer's after
 * the pooling) is not on the map; {@link fullGradientTerms} has all.
 *
 * The logits are the model's first output, (N, C). Where the model was exposed with further outputs and these come out
 * of layers with biases, those are taken, else all. Maps have the size of the input: (N, H, W, U).
 *
 * Of vectors (N, F) only inputs · gradient is on the map, (N, F, U): hidden units are no positions.
 *
 * In a network of ReLUs and affine layers the terms, without ψ, are complete: they sum to the logit.
 *
 * Cost: one forward pass, and one full backward pass per unit.
 *
 * Source: Srinivas, Fleuret, "Full-Gradient Representation for Neural Network Visualization", NeurIPS 2019,
 * https://arxiv.org/abs/1905.00780.
 *
 * @throws GraphError where `biases` and the model's outputs do not go together.
 */
export function fullGradients(args: MethodArguments & FullGradientsParameters): MethodResult {
  const { inputs, spatialAxis } = args;
  const { psi } = readParameters(PARAMETERS, args);
  checkInputPositions(inputs, spatialAxis);
  const { logits, terms } = fullGradientTerms(args);
  const placed = terms.filter((term) => hasPositionsOf(term, inputs));
  const sizes = positionSizes(inputs);
  // Layers of one network may differ in dtype, and what is resized is float32.
  const dtype = commonFloat(inputs.dtype, 'float32');

  const maps = batchJacobian(
    logits,
    placed.map(({ signal }) => signal),
    {
      each: (gradients) => {
        const parts = gradients.map((gradient, i) => {
          const product = multiply(gradient, (placed[i] as FullGradientTerm).factor);
          const filtered = psi(withOneAxisOfChannels(product, inputs.rank), spatialAxis);
          return cast(reduceMean(filtered, -1, { keepdims: true }), dtype);
        });
        const whole = bySize(parts).map((same) => cast(resizePositions(addN(same), sizes), dtype));
        return squeeze(addN(whole), -1);
      },
    },
  );

  return { logits, maps: transposeJacobian(maps, spatialAxis.length) };
}

describeMethod(fullGradients, {
  group: 'gradient',
  needs: ['gradients'],
  maps: { size: 'input', channels: 'mean' },
  postprocessing: normalize,
  parameters: PARAMETERS,
  passes: ({ units }) => ({ forward: 1, backward: units, backwardTo: 'input' }),
  formula: 'ψ(x · ∂y/∂x) + Σ ψ(b · ∂y/∂t)',
  take: "every layer's share; complete for ReLU networks",
  paper: {
    citation:
      'Srinivas, Fleuret, "Full-Gradient Representation for Neural Network Visualization", NeurIPS 2019',
    year: 2019,
    url: 'https://arxiv.org/abs/1905.00780',
  },
  equals: null,
});

/**
 * The explained logits, and what {@link fullGradients} is made of: the input first, then every bias in the order of the
 * graph, those without positions too. For a method of your own that combines them in another way.
 */
export function fullGradientTerms(args: MethodArguments & FullGradientsParameters): {
  readonly logits: Symbolic;
  readonly terms: readonly FullGradientTerm[];
} {
  const { model, inputs } = args;
  const { biases } = readParameters(PARAMETERS, args);
  checkDifferentiable(inputs);
  const given = biases?.map((bias) => constant(bias));
  const found = given === undefined ? exposedBiasTerms(model) : [];
  const wanted = found.flatMap(({ tensor, operands }) => [tensor, ...operands]);
  const { logits, outputs, tensors: values } = explainedLogits(args, 1, wanted);

  const signals = outputs.slice(1);
  if (given !== undefined && given.length !== signals.length) {
    throw new GraphError(
      'INVALID_ARGUMENT',
      `\`biases\` has ${given.length} entries but the model has ${signals.length} outputs after its logits: expose the ` +
        'layers that `layersWithBiases` returned with them, or leave `biases` out.',
    );
  }
  const terms: FullGradientTerm[] = [{ name: 'inputs', signal: inputs, factor: inputs }];
  given?.forEach((factor, i) => {
    const name = model.outputs[i + 1]?.name ?? '';
    const signal = signals[i] as Symbolic;
    terms.push({ name, signal, factor: cast(factor, signal.dtype) });
  });
  const unread = [...values];
  for (const { tensor, operands, value } of found) {
    const [signal, ...made] = unread.splice(0, 1 + operands.length) as [Symbolic, ...Symbolic[]];
    // A batch normalisation of float16 has parameters of float32.
    terms.push({ name: tensor.name, signal, factor: cast(value(made), signal.dtype) });
  }
  return { logits, terms };
}

/**
 * `maps` by their size, as one sum of each size is resized: known sizes together, each of an unknown size by itself.
 */
function bySize(maps: readonly Symbolic[]): readonly (readonly Symbolic[])[] {
  const groups = new Map<string, Symbolic[]>();
  for (const [i, map] of maps.entries()) {
    const sizes = map.shape?.slice(1) ?? [];
    const key = sizes.length > 0 && !sizes.includes(null) ? sizes.join() : `unknown ${i}`;
    groups.set(key, [...(groups.get(key) ?? []), map]);
  }
  return [...groups.values()];
}

/**
 * x (N, ...positions, groups, C) of a group normalisation as (N, ...positions, groups · C), of that rank; a vector
 * (N, F) as (N, F, 1).
 */
function withOneAxisOfChannels(x: Symbolic, rank: number): Symbolic {
  if (isVector(x)) return expandDims(x, -1);
  if (x.rank === rank) return x;
  return reshape(x, [sizeOf(x, 0), ...positionSizes(x).slice(0, rank - 2), -1]);
}

/** How far the proportions of a signal may be from the input's, before it is no picture of it. */
const MOST_DISTORTION = 2;

/**
 * Whether the axes of a term's signal are the samples, the input's positions and channels. Where the bias is one number
 * per channel they are, whatever a network made of the proportions, also where the channels lie along several axes
 * (those of a group normalisation, (N, H, W, groups, C / groups)). Queries (N, T, heads, K), whose bias tells the heads
 * apart, are not, and of a bias for every position the proportions must be the input's: attention scores (N, heads, T,
 * T) with learned offsets show by theirs that they are none.
 */
function hasPositionsOf({ signal, factor }: FullGradientTerm, inputs: Symbolic): boolean {
  if (signal === inputs) return true;
  if (signal.rank < inputs.rank || isVector(inputs)) return false;
  const isTold = (axis: number) => (factor.shape?.at(axis - signal.rank) ?? 1) !== 1;
  const all = Array.from({ length: signal.rank - 1 }, (_, i) => i + 1).filter(
    (axis) => signal.shape?.[axis] !== 1,
  );
  const axes = all.filter((axis) => axis < inputs.rank - 1);
  const told = axes.filter(isTold);
  if (signal.rank > inputs.rank) {
    return told.length === 0 && all.every((axis) => axis < inputs.rank - 1 || isTold(axis));
  }
  if (told.length === 0 || told.length < axes.length) return told.length === 0;
  const scales: number[] = [];
  for (const axis of axes) {
    const size = signal.shape?.[axis];
    const whole = inputs.shape?.[axis];
    if (typeof size === 'number' && typeof whole === 'number') scales.push(size / whole);
  }
  return scales.length === 0 || Math.max(...scales) <= MOST_DISTORTION * Math.min(...scales);
}
