import {
  channelsFirstLayout,
  channelsLast,
  channelsLastLayout,
  inputLayout,
  type Layout,
  mapAxes,
  positionSizes,
} from '../../graph/layout.js';
import type { Filter, MethodArguments, MethodResult } from '../../graph/method.js';
import { constant } from '../../graph/operand.js';
import { addN, multiply } from '../../graph/ops/arithmetic.js';
import { cast, reshape, squeeze } from '../../graph/ops/array.js';
import { reduceMean } from '../../graph/ops/reduction.js';
import { resizePositions, type Size, sizeOf } from '../../graph/positions.js';
import type { Symbolic } from '../../graph/symbolic.js';
import { exposedBiasTerms } from '../../inspection/bias_terms.js';
import { GraphError } from '../../support/errors.js';
import { commonFloat } from '../../tensor/dtype.js';
import type { Tensor } from '../../tensor/tensor.js';
import { describeMethod } from '../descriptor.js';
import { explainedLogits } from '../explained_logits.js';
import { absoluteNormalize, normalize } from '../filters.js';
import { logitsJacobian } from '../logits_jacobian.js';
import { callable, type ParameterTable, readParameters, tensors } from '../parameters.js';
import { checkDifferentiable, transposeJacobian } from './gradients.js';

export interface FullGradientsParameters {
  /** Filters the product of gradient and signal (N, h, w, C) of one unit. Default: `filters.absoluteNormalize`. */
  readonly psi?: Filter;
  /**
   * The biases of the intermediate signals, shape (C) each. The model's outputs must then be [logits, ...signals], with
   * one signal per bias. Default: the biases are found in the graph.
   */
  readonly biases?: readonly Tensor[];
}

const PARAMETERS = {
  psi: callable<Filter>({
    summary: 'filters the product of gradient and signal (N, h, w, C) of one unit',
    default: absoluteNormalize,
    defaultText: '`filters.absoluteNormalize`',
    mend: 'Pass a filter, for example `filters.absoluteNormalize`.',
  }),
  biases: tensors({
    summary: "the biases (C) of the exposed signals, if the model's outputs are [logits, ...signals]",
    defaultText: 'found in the graph',
    expected: 'an array of tensors, as `layersWithBiases` returns',
  }),
} satisfies ParameterTable<FullGradientsParameters>;

/**
 * One term of a full gradient. The sum of gradient · factor over all elements is the term's contribution to the logit.
 */
export interface FullGradientTerm {
  /** The tensor's name in the model's graph, or 'inputs'. */
  readonly name: string;
  /** The tensor by which the logit is differentiated. */
  readonly signal: Symbolic;
  /** The factor of the gradient: the input itself, or the bias that was added to the signal. */
  readonly factor: Symbolic;
}

/**
 * Full gradients: the sum of input · gradient and of bias · gradient for every bias of the network.
 *
 *     map[u] = mean over channels of ψ(inputs · ∂logit[u]/∂inputs)
 *            + Σ over biases b of resize(mean over channels of ψ(b · ∂logit[u]/∂t))
 *
 * where t is the tensor right after b was added, before any activation, and ψ = `filters.absoluteNormalize`: every
 * channel of every signal is scaled to [0, 1] separately. The biases are found in the graph: the biases of dense layers
 * and convolutions, the offset of a batch normalisation (β - mean · γ / √(variance + ε), fused or decomposed), β of
 * layer normalisations, and any other constant computed from weights. A bias whose signal has no positions (for example
 * that of a dense layer after the pooling) is not on the map. {@link fullGradientTerms} returns all biases.
 *
 * The logits are the model's first output, (N, C). If the model was exposed with further outputs and these are outputs
 * of layers with biases, only their biases are used. Otherwise all biases are used. Maps have the size of the input:
 * (N, H, W, U).
 *
 * For vectors (N, F), hidden units are not positions: only the biases of signals (N, F', C), such as the convolutions
 * of a waveform, are on the map (N, F, U).
 *
 * In a network of ReLUs and affine layers, the terms without ψ are complete: their sum is the logit.
 *
 * Cost: one forward pass, and one full backward pass per unit.
 *
 * Source: Srinivas, Fleuret, "Full-Gradient Representation for Neural Network Visualization", NeurIPS 2019,
 * https://arxiv.org/abs/1905.00780.
 *
 * @throws GraphError if the number of `biases` does not match the model's outputs.
 */
export function fullGradients(args: MethodArguments & FullGradientsParameters): MethodResult {
  const { inputs, spatialAxis } = args;
  const { psi } = readParameters(PARAMETERS, args);
  const layout = inputLayout(inputs, spatialAxis);
  const count = layout.positions.length;
  const { logits, terms } = fullGradientTerms(args);
  const sizes = positionSizes(inputs, layout);
  const placed = terms.flatMap((term) => {
    const own = term.signal === inputs ? layout : layoutOfTerm(term, sizes, layout);
    return own === null ? [] : [{ term, own }];
  });
  // The layers of a network may differ in dtype, and resized maps are float32.
  const dtype = commonFloat(inputs.dtype, 'float32');

  const signals = placed.map(({ term }) => term.signal);
  const maps = logitsJacobian(args.model, logits, signals, (gradients) => {
    const parts = gradients.map((gradient, i) => {
      const { term, own } = placed[i] as { term: FullGradientTerm; own: Layout };
      const contribution = multiply(gradient, cast(term.factor, gradient.dtype));
      const product = withOneAxisOfChannels(channelsLast(contribution, own), count);
      const filtered = psi(product, mapAxes(product, inputs, spatialAxis));
      return cast(reduceMean(filtered, -1, { keepdims: true }), dtype);
    });
    const whole = bySize(parts).map((same) => cast(resizePositions(addN(same), sizes), dtype));
    return squeeze(addN(whole), -1);
  });

  return { logits, maps: transposeJacobian(maps, count) };
}

describeMethod(fullGradients, {
  group: 'gradient',
  needs: ['gradients'],
  maps: { size: 'input', channels: 'mean' },
  postprocessing: normalize,
  parameters: PARAMETERS,
  passes: ({ units }) => ({ forward: 1, backward: units, backwardTo: 'input' }),
  formula: 'ψ(x · ∂y/∂x) + Σ ψ(b · ∂y/∂t)',
  take: 'the contribution of every layer; complete for ReLU networks',
  paper: {
    citation:
      'Srinivas, Fleuret, "Full-Gradient Representation for Neural Network Visualization", NeurIPS 2019',
    year: 2019,
    url: 'https://arxiv.org/abs/1905.00780',
  },
  equals: null,
});

/**
 * Returns the explained logits and the terms of {@link fullGradients}: first the input, then every bias in the order of
 * the graph, including biases without positions. A custom method can combine the terms in another way.
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
        'layers that `layersWithBiases` returned together with the biases, or leave `biases` out.',
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
    // A batch normalisation in float16 has float32 parameters.
    terms.push({ name: tensor.name, signal, factor: cast(value(made), signal.dtype) });
  }
  return { logits, terms };
}

/**
 * Groups `maps` by size, so that only one sum per size is resized. Each map of unknown size is its own group.
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

/** Reshapes x (N, ...positions, groups, C) of a group normalisation to (N, ...positions, groups · C). */
function withOneAxisOfChannels(x: Symbolic, count: number): Symbolic {
  if (x.rank === count + 2) return x;
  const positions = positionSizes(x, channelsLastLayout(count));
  return reshape(x, [sizeOf(x, 0), ...positions, -1]);
}

/** The maximum ratio between the scales of a signal's axes relative to the input. Other signals have no positions. */
const MOST_DISTORTION = 2;

/**
 * Returns the layout of a term's signal, or null if its axes are not the samples, the positions of the input, and
 * channels.
 *
 * A bias with one number per channel has such a signal, regardless of the signal's proportions. The channels may be
 * along several axes, as in a group normalisation, (N, H, W, groups, C / groups). Queries (N, T, heads, K) have no such
 * signal: their bias differs between the heads. For a bias with a number per position, the signal must have the
 * proportions of the input. Attention scores (N, heads, T, T) with learned offsets do not have these proportions.
 */
function layoutOfTerm(
  { signal, factor }: FullGradientTerm,
  sizes: readonly Size[],
  ofInput: Layout,
): Layout | null {
  const count = sizes.length;
  const layout = channelsLastLayout(count);
  if (signal.rank < count + 2) return null;
  const isTold = (axis: number) => (factor.shape?.at(axis - signal.rank) ?? 1) !== 1;
  const all = Array.from({ length: signal.rank - 1 }, (_, i) => i + 1).filter(
    (axis) => signal.shape?.[axis] !== 1,
  );
  // A network that is channels first has signals of both kinds: the convolutions of a converted network are channels
  // last.
  if (ofInput.channel === 1 && count > 1 && signal.rank === count + 2) {
    const told = all.filter(isTold);
    if (told.length === 1 && told[0] === 1) return channelsFirstLayout(count);
  }
  const axes = all.filter((axis) => axis <= count);
  const told = axes.filter(isTold);
  if (signal.rank > count + 2) {
    const fits = told.length === 0 && all.every((axis) => axis <= count || isTold(axis));
    return fits ? layout : null;
  }
  if (told.length === 0) return layout;
  if (told.length < axes.length) return null;
  const scales: number[] = [];
  for (const axis of axes) {
    const size = signal.shape?.[axis];
    const whole = sizes[axis - 1];
    if (typeof size === 'number' && typeof whole === 'number') scales.push(size / whole);
  }
  return scales.length === 0 || Math.max(...scales) <= MOST_DISTORTION * Math.min(...scales) ? layout : null;
}
