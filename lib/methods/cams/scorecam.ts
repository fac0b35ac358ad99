import type { MethodArguments, MethodResult } from '../../graph/method.js';
import { integers } from '../../graph/operand.js';
import { add, floordiv, minimum, multiply, round, subtract } from '../../graph/ops/arithmetic.js';
import { cast, range, reshape, squeeze, transpose } from '../../graph/ops/array.js';
import { mapRange } from '../../graph/ops/control.js';
import { gather, slice, topK } from '../../graph/ops/indexing.js';
import { einsum } from '../../graph/ops/math.js';
import { softmax } from '../../graph/ops/nn.js';
import { reduceStd } from '../../graph/ops/reduction.js';
import { isVector, positionSizes, resizePositions, sizeOf } from '../../graph/positions.js';
import type { Symbolic } from '../../graph/symbolic.js';
import { GraphError } from '../../support/errors.js';
import { commonFloat, isFloating } from '../../tensor/dtype.js';
import { describeMethod } from '../descriptor.js';
import { explainedLogits, explainedUnits } from '../explained_logits.js';
import { normalize, positiveNormalize } from '../filters.js';
import { choice, integer, type ParameterTable, readParameters } from '../parameters.js';

export interface ScorecamParameters {
  /**
   * Masked inputs that one forward pass takes, of one or several samples: what bounds the memory. Default 4. As many
   * passes are under way at once as there are replicas, also where there is but one sample.
   */
  readonly maskBatchSize?: number;
  /** Use only so many channels of each sample: those that spread most (by standard deviation). Default: all. */
  readonly maxChannels?: number;
  /**
   * What a channel's map is multiplied by: 'score', the unit's logit for the masked input, as the Python library does,
   * or 'softmax', the softmax of these over the channels, as in the paper. Default 'score'.
   */
  readonly weighting?: 'score' | 'softmax';
}

const PARAMETERS = {
  maskBatchSize: integer({
    summary: 'masked inputs in one forward pass: what bounds the memory',
    default: 4,
    least: 1,
    // The command line cannot tell what memory so many masked inputs take before it has begun.
    flag: false,
  }),
  maxChannels: integer({
    summary: 'only the n channels of largest spread, each sample its own',
    defaultText: 'all',
    least: 1,
  }),
  weighting: choice(['score', 'softmax'], {
    summary: "'score' (as in the Python library) or 'softmax' (the paper's weights)",
    default: 'score',
  }),
} satisfies ParameterTable<ScorecamParameters>;

/**
 * Score-CAM: the activations of a layer, each channel weighted by what the model says to the input seen through it.
 *
 *     mask[k] = activations[., ., k] stretched to [0, 1], resized to the input
 *     s[u, k] = logit[u] of inputs · mask[k]
 *     map[u]  = Σ_k w[u, k] · mask[k],   w = s, or softmax over k of s
 *
 * The model must be exposed (`inspection.expose`): its outputs are the logits (N, C) and the activations
 * (N, H', W', K). No gradient is needed. Maps are raw and have the size of the input, (N, H, W, U). The softmax does
 * not change when the same is subtracted from all scores, so the paper's baseline input falls out of it.
 *
 * Cost: 1 + K forward passes (1 + `maxChannels`), whatever the number of units. `explain` reports them to
 * `onProgress`, `maskBatchSize` at a time, and can be cancelled between two of them.
 *
 * Source: Wang et al., "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks", CVPR
 * Workshops 2020, https://arxiv.org/abs/1910.01279; `maxChannels` as in Faster Score-CAM (tf-keras-vis).
 */
export function scorecam(args: MethodArguments & ScorecamParameters): MethodResult {
  const { model, inputs, allInputs, indices } = args;
  const { maskBatchSize, maxChannels, weighting } = readParameters(PARAMETERS, args);
  const { axes, logits, outputs } = explainedLogits(args, 2);
  const [, activations] = outputs;
  if (logits.rank !== 2) {
    throw new GraphError(
      'INVALID_ARGUMENT',
      `Score-CAM needs logits (N, C) but the model gives ${outputs[0]}.`,
    );
  }

  const masks = normalize(widest(activations, axes, maxChannels), axes);
  const sizes = positionSizes(inputs);
  const scores = scoresOf(masks, maskBatchSize, (mask, sample) => {
    const whole = resizePositions(mask, sizes);
    const masked = seenThrough(gather(inputs, sample), isVector(inputs) ? squeeze(whole, -1) : whole);
    const [seen] = model(allInputs.map((each) => (each === inputs ? masked : gather(each, sample))));
    const units = indices === undefined ? undefined : gather(indices, sample);
    return explainedUnits(args, seen, units);
  });
  // The sum over hundreds of channels may be more than float16 holds.
  const dtype = commonFloat(masks.dtype, scores.dtype, 'float32');
  const weights = cast(weighting === 'score' ? scores : softmax(scores), dtype);
  // Resizing is linear: the weighted sum of the small masks, resized, is that of the resized ones.
  const maps = resizePositions(einsum('b...k,bck->b...c', cast(masks, dtype), weights), sizes);

  return { logits, maps };
}

describeMethod(scorecam, {
  group: 'cams',
  needs: ['activations'],
  maps: { size: 'input', channels: 'sum' },
  postprocessing: positiveNormalize,
  parameters: PARAMETERS,
  passes: ({ channels }, { maxChannels = channels }) => ({
    forward: 1 + Math.min(channels, maxChannels),
    backward: 0,
    backwardTo: 'activations',
  }),
  formula: 'Σ_k y(x ⊙ M_k) · M_k',
  take: 'gradients are not to be trusted, and time is not short',
  paper: {
    citation:
      'Wang et al., "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks", CVPR Workshops 2020',
    year: 2020,
    url: 'https://arxiv.org/abs/1910.01279',
  },
  equals: 'keras-explainable (Python) `scorecam`',
});

/** x times the mask, in the dtype of x: whole numbers are rounded. */
function seenThrough(x: Symbolic, mask: Symbolic): Symbolic {
  const dtype = isFloating(x.dtype) ? commonFloat(x.dtype, mask.dtype) : mask.dtype;
  const masked = multiply(cast(x, dtype), cast(mask, dtype));
  return cast(isFloating(x.dtype) ? masked : round(masked), x.dtype);
}

/** The channels of largest spread, of each sample its own; all where `count` does not leave any out. */
function widest(activations: Symbolic, spatialAxis: readonly number[], count: number | undefined): Symbolic {
  const channels = activations.shape?.at(-1) ?? null;
  if (count === undefined || (channels !== null && count >= channels)) return activations;
  if (channels === null) {
    throw new GraphError(
      'INVALID_ARGUMENT',
      `\`maxChannels\` needs a known number of channels but the activations are ${activations}.`,
    );
  }
  const { indices } = topK(reduceStd(activations, spatialAxis), count);
  return gather(activations, indices, { axis: -1, batchDims: 1 });
}

/**
 * What `score` gives for every mask of every sample, (N, U, K). It gets masks (M, ...positions, 1) and the samples (M)
 * that they belong to, and returns (M, U); M is `batchSize` in each turn, so that the last may repeat a mask.
 */
function scoresOf(
  masks: Symbolic,
  batchSize: number,
  score: (mask: Symbolic, sample: Symbolic) => Symbolic,
): Symbolic {
  const samples = sizeOf(masks, 0);
  const channels = sizeOf(masks, -1);
  const positions = positionSizes(masks);
  const count = multiply(integers(samples), channels);
  const last = subtract(count, 1);
  // (N, ...positions, K) -> (N · K, ...positions, 1)
  const axes = positions.map((_, i) => i + 1);
  const rows = reshape(transpose(masks, [0, masks.rank - 1, ...axes]), [-1, ...positions, 1]);

  const turns = floordiv(add(count, batchSize - 1), batchSize);
  const taken = mapRange(turns, (turn) => {
    const ids = minimum(add(range(batchSize), multiply(turn, batchSize)), last);
    return score(gather(rows, ids), floordiv(ids, channels));
  });
  const units = sizeOf(taken, -1);
  const scores = slice(reshape(taken, [-1, units]), [0, 0], [count, -1]);
  return transpose(reshape(scores, [samples, channels, units]), [0, 2, 1]);
}
