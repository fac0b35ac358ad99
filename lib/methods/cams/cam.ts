import type { LayerInfo, TensorSpec } from '../../graph/layer.js';
import { channelsLast } from '../../graph/layout.js';
import type { MethodArguments, MethodResult } from '../../graph/method.js';
import { cast, reshape } from '../../graph/ops/array.js';
import { gather } from '../../graph/ops/indexing.js';
import { einsum } from '../../graph/ops/math.js';
import { describeShape, type Symbolic } from '../../graph/symbolic.js';
import { getLogitsLayer } from '../../inspection/head.js';
import { type LayerName, weightOf } from '../../inspection/layers.js';
import { GraphError } from '../../support/errors.js';
import { commonFloat } from '../../tensor/dtype.js';
import { describeMethod } from '../descriptor.js';
import { explainedLogits } from '../explained_logits.js';
import { positiveNormalize } from '../filters.js';
import { layer, type ParameterTable, readParameters } from '../parameters.js';

export interface CamParameters {
  /** The name or path of the layer whose kernel weights the channels. Default: the layer that computes the logits. */
  readonly logitsLayer?: LayerName;
}

const PARAMETERS = {
  logitsLayer: layer({
    summary: 'the name or path of the layer whose kernel weights the channels',
    defaultText: 'the layer that computes the logits',
  }),
} satisfies ParameterTable<CamParameters>;

/**
 * CAM: the activations before global average pooling, with each channel weighted by the unit's weight for the channel.
 *
 *     map[u] = Σ_k kernel[k, u] · activations[., ., k]
 *
 * The model must be exposed (`inspection.expose`): its outputs are the logits (N, C) and the activations
 * (N, H', W', K). Between the two must be a global pooling and one dense layer (or convolution of size 1) with a kernel
 * of K rows. For other networks, Grad-CAM generalises the idea. Maps are raw, (N, H', W', U).
 *
 * Cost: one forward pass, no backward pass.
 *
 * Source: Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016,
 * https://arxiv.org/abs/1512.04150.
 *
 * @throws ModelError (`NOT_FOUND`) if no layer has that name, or if no layer has a kernel.
 * @throws GraphError if the rows of the kernel are not the channels of the activations.
 */
export function cam(args: MethodArguments & CamParameters): MethodResult {
  const { model, indices } = args;
  const head = getLogitsLayer(model, readParameters(PARAMETERS, args).logitsLayer ?? null);
  const spec = kernelOf(head);
  const { logits, outputs, tensors, layout } = explainedLogits(args, 2, [spec]);
  const activations = channelsLast(outputs[1], layout);
  if ((outputs[0].shape?.length ?? 2) > 2) {
    throw new GraphError(
      'INVALID_ARGUMENT',
      `CAM needs logits (N, C) but the model's first output is ${outputs[0]}. Use Grad-CAM.`,
    );
  }
  const kernel = asMatrix(tensors[0] as Symbolic, spec, activations, head);

  const weights = indices === undefined ? kernel : gather(kernel, indices, { axis: 1 });
  const dtype = commonFloat(activations.dtype, weights.dtype);
  const equation = `b...k,${indices === undefined ? 'kc' : 'kbc'}->b...c`;
  const maps = einsum(equation, cast(activations, dtype), cast(weights, dtype));

  return { logits, maps };
}

describeMethod(cam, {
  group: 'cams',
  needs: ['activations'],
  maps: { size: 'activations', channels: 'sum' },
  postprocessing: positiveNormalize,
  parameters: PARAMETERS,
  passes: () => ({ forward: 1, backward: 0, backwardTo: 'activations' }),
  formula: 'Σ_k W[k, u] · A_k',
  take: 'the network ends in global average pooling and one dense layer',
  paper: {
    citation: 'Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016',
    year: 2016,
    url: 'https://arxiv.org/abs/1512.04150',
  },
  equals: 'keras-explainable (Python) `cam`',
});

function kernelOf(layer: LayerInfo): TensorSpec {
  const kernel = weightOf(layer, 'kernel');
  if (kernel !== undefined) return kernel;
  throw new GraphError(
    'INVALID_ARGUMENT',
    `The layer '${layer.name}' (${layer.type}) has no kernel to weight channels with. Pass the name of the dense layer ` +
      'that computes the logits as `logitsLayer`.',
  );
}

/** Reshapes the kernel of a dense layer, or of a convolution of size 1, to (K, C). */
function asMatrix(kernel: Symbolic, spec: TensorSpec, activations: Symbolic, layer: LayerInfo): Symbolic {
  const [rows, columns] = (spec.shape ?? []).slice(-2) as [number, number];
  const channels = activations.shape?.at(-1) ?? rows;
  const sizes = (spec.shape ?? []).slice(0, -2);
  if (spec.shape === null || spec.shape.length < 2 || sizes.some((size) => size !== 1) || rows !== channels) {
    throw new GraphError(
      'INVALID_ARGUMENT',
      `CAM needs a row of weights for each of the ${channels} channels of the activations, but the kernel of ` +
        `'${layer.name}' is ${describeShape(spec.shape)}: the layer does not follow a global pooling of the activations. ` +
        'Use Grad-CAM, or expose other activations.',
    );
  }
  return reshape(kernel, [rows, columns]);
}
