import { fixedBatchSize, isSharedInput } from '../../graph/layer.js';
import {
  channelsLast,
  channelsLastLayout,
  fromChannelsLast,
  inputLayoutFor,
  positionSizes,
} from '../../graph/layout.js';
import type { MethodArguments, MethodResult } from '../../graph/method.js';
import { integers } from '../../graph/operand.js';
import { add, floordiv, minimum, multiply, round, subtract } from '../../graph/ops/arithmetic.js';
import { cast, range, reshape, transpose } from '../../graph/ops/array.js';
import { mapRange } from '../../graph/ops/control.js';
import { gather, slice, topK } from '../../graph/ops/indexing.js';
import { einsum } from '../../graph/ops/math.js';
import { softmax } from '../../graph/ops/nn.js';
import { reduceStd } from '../../graph/ops/reduction.js';
import { resizePositions, sizeOf } from '../../graph/positions.js';
import type { Symbolic } from '../../graph/symbolic.js';
import { GraphError } from '../../support/errors.js';
import { commonFloat, isFloating } from '../../tensor/dtype.js';
import { describeMethod } from '../descriptor.js';
import { explainedLogits, explainedUnits } from '../explained_logits.js';
import { normalize, positiveNormalize } from '../filters.js';
import { choice, integer, type ParameterTable, readParameters } from '../parameters.js';

export interface ScorecamParameters {
  /**
   * Masked inputs per forward pass, of one or several samples. Limits the memory. Default 4. As many passes run at once
   * as there are replicas, even for a single sample. Without effect for a model that mixes the samples of a batch
   * (`model.mixesSamples`) or has a fixed batch size: each pass then takes the batch itself, with one mask per sample.
   */
  readonly maskBatchSize?: number;
  /** The number of channels per sample: those with the largest standard deviation. Default: all channels. */
  readonly maxChannels?: number;
  /**
   * The weight of a channel's mask. 'score': the unit's logit for the masked input, as in the Python library.
   * 'softmax': the softmax of these logits over the channels, as in the paper. Default 'score'.
   */
  readonly weighting?: 'score' | 'softmax';
}

const PARAMETERS = {
  maskBatchSize: integer({
    summary: 'masked inputs per forward pass; limits the memory',
    default: 4,
    least: 1,
    // The command line estimates memory before the run and cannot include masked inputs.
    flag: false,
  }),
  maxChannels: integer({
    summary: 'only the n channels with the largest standard deviation in each sample',
    defaultText: 'all',
    least: 1,
  }),
  weighting: choice(['score', 'softmax'], {
    summary: "'score' (as in the Python library) or 'softmax' (the paper's weights)",
    default: 'score',
  }),
} satisfies ParameterTable<ScorecamParameters>;

/**
 * Score-CAM: the activations of a layer, with each channel weighted by the logit of the input masked by the channel.
 *
 *     mask[k] = activations[., ., k] scaled to [0, 1], resized to the input
 *     s[u, k] = logit[u] of inputs · mask[k]
 *     map[u]  = Σ_k w[u, k] · mask[k],   w = s, or softmax over k of s
 *
 * The model must be exposed (`inspection.expose`): its outputs are the logits (N, C) and the activations
 * (N, H', W', K). No gradient is needed. Maps are raw and have the size of the input, (N, H, W, U). The paper subtracts
 * the logit of a baseline input from all scores. This does not change the softmax, so the baseline is not computed.
 *
 * Cost: 1 + K forward passes (1 + `maxChannels`), for any number of units. `explain` reports the passes to
 * `onProgress`, `maskBatchSize` at a time, and can be cancelled between two of these reports.
 *
 * Source: Wang et al., "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks", CVPR
 * Workshops 2020, https://arxiv.org/abs/1910.01279; `maxChannels` as in Faster Score-CAM (tf-keras-vis).
 */
export function scorecam(args: MethodArguments & ScorecamParameters): MethodResult {
  const { model, inputs, allInputs, indices } = args;
  const { maskBatchSize, maxChannels, weighting } = readParameters(PARAMETERS, args);
  const { layout, logits, outputs } = explainedLogits(args, 2);
  const activations = channelsLast(outputs[1], layout);
  const { positions } = channelsLastLayout(layout.positions.length);
  if (logits.rank !== 2) {
    throw new GraphError(
      'INVALID_ARGUMENT',
      `Score-CAM needs logits (N, C) but the model's first output is ${outputs[0]}.`,
    );
  }

  const masks = normalize(widest(activations, positions, maxChannels), positions);
  const ofInput = inputLayoutFor(inputs, args.spatialAxis, positions.length);
  const sizes = positionSizes(inputs, ofInput);
  const seenBy = (x: Symbolic, mask: Symbolic) =>
    seenThrough(x, fromChannelsLast(resizePositions(mask, sizes), ofInput));
  const keepsBatch = model.mixesSamples || fixedBatchSize(model.inputs) !== null;
  const scores = keepsBatch
    ? scoresOfBatch(masks, (mask) => {
        const [seen] = model(seenBy(inputs, mask));
        return explainedUnits(args, seen);
      })
    : scoresOf(masks, maskBatchSize, (mask, sample) => {
        const masked = seenBy(gather(inputs, sample), mask);
        const others = allInputs.map((each) => (isSharedInput(each) ? each : gather(each, sample)));
        const [seen] = model(others.map((each, i) => (allInputs[i] === inputs ? masked : each)));
        const units = indices === undefined ? undefined : gather(indices, sample);
        return explainedUnits(args, seen, units);
      });
  // The sum over hundreds of channels can overflow float16.
  const dtype = commonFloat(masks.dtype, scores.dtype, 'float32');
  const weights = cast(weighting === 'score' ? scores : softmax(scores), dtype);
  // Resizing is linear, so the resized sum of the small masks equals the sum of the resized masks.
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
  take: 'gradients are unreliable, and a longer run is acceptable',
  paper: {
    citation:
      'Wang et al., "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks", CVPR Workshops 2020',
    year: 2020,
    url: 'https://arxiv.org/abs/1910.01279',
  },
  equals: 'keras-explainable (Python) `scorecam`',
});

/** Returns x times the mask in the dtype of x. Integers are rounded. */
function seenThrough(x: Symbolic, mask: Symbolic): Symbolic {
  const dtype = isFloating(x.dtype) ? commonFloat(x.dtype, mask.dtype) : mask.dtype;
  const masked = multiply(cast(x, dtype), cast(mask, dtype));
  return cast(isFloating(x.dtype) ? masked : round(masked), x.dtype);
}

/** Returns the `count` channels with the largest standard deviation in each sample, or all channels. */
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
 * Returns the scores of every mask of every sample, (N, U, K). `score` takes one mask per sample, (N, ...positions, 1),
 * and returns (N, U).
 */
function scoresOfBatch(masks: Symbolic, score: (mask: Symbolic) => Symbolic): Symbolic {
  const taken = mapRange(integers(sizeOf(masks, -1)), (channel) =>
    score(gather(masks, reshape(channel, [1]), { axis: -1 })),
  );
  return transpose(taken, [1, 2, 0]);
}

/**
 * Returns the scores of every mask of every sample, (N, U, K). `score` takes masks (M, ...positions, 1) and the
 * positions (M) of their samples, and returns (M, U). M is `batchSize` in each iteration, so the last iteration may
 * repeat a mask.
 */
function scoresOf(
  masks: Symbolic,
  batchSize: number,
  score: (mask: Symbolic, sample: Symbolic) => Symbolic,
): Symbolic {
  const samples = sizeOf(masks, 0);
  const channels = sizeOf(masks, -1);
  const positions = positionSizes(masks, channelsLastLayout(masks.rank - 2));
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
