/** Keras' normalisation layers at inference. Half precision is computed in float32, as Keras does. */
import { add, maximum, multiply, negative, rsqrt, square, subtract } from '../../graph/ops/arithmetic.js';
import { cast } from '../../graph/ops/array.js';
import { reduceMean, reduceSum, reduceVariance } from '../../graph/ops/reduction.js';
import { positiveAxis, type Symbolic } from '../../graph/symbolic.js';
import { ModelError } from '../../support/errors.js';
import { type Config, isObject } from '../config.js';
import type { LayerKind, LayerParts, VariableSpec } from '../layer_kind.js';
import { axesOf, ofOneInput, positiveInteger, weightOf } from './options.js';
import { quotient, reshapeTo, type Size, sizesOf } from './sizes.js';

const asFloat32 = (x: Symbolic): Symbolic =>
  x.dtype === 'float32' || x.dtype === 'float64' ? x : cast(x, 'float32');

/** Gamma and beta, which a layer may leave out. */
interface Affine {
  readonly gamma: Symbolic | null;
  readonly beta: Symbolic | null;
}

const affineVariables = (config: Config): VariableSpec[] => [
  ...(usesGamma(config) ? [{ name: 'gamma' }] : []),
  ...(usesBeta(config) ? [{ name: 'beta' }] : []),
];
const scalesByRms = (config: Config): boolean => config.boolean('rms_scaling', false);
const usesGamma = (config: Config): boolean => config.boolean('scale', true) || scalesByRms(config);
const usesBeta = (config: Config): boolean => config.boolean('center', true) && !scalesByRms(config);

function affineOf(parts: LayerParts): Affine {
  return {
    gamma: usesGamma(parts.config) ? weightOf(parts, 'gamma') : null,
    beta: usesBeta(parts.config) ? weightOf(parts, 'beta') : null,
  };
}

/** Returns (x - mean) / sqrt(variance + epsilon) · gamma + beta, in the form that is one product and one sum of x. */
function normalised(
  x: Symbolic,
  mean: Symbolic,
  variance: Symbolic,
  epsilon: number,
  { gamma, beta }: Affine,
): Symbolic {
  const inverse = rsqrt(add(variance, epsilon));
  const scale = gamma === null ? inverse : multiply(inverse, gamma);
  const offset = beta === null ? negative(multiply(mean, scale)) : subtract(beta, multiply(mean, scale));
  return add(multiply(x, scale), offset);
}

/** Returns the axes of x as non-negative numbers, in ascending order. */
const axesIn = (x: Symbolic, axes: readonly number[]): number[] =>
  axes.map((axis) => positiveAxis(axis, x.rank)).sort((a, b) => a - b);

/**
 * Returns a function that gives a weight over `axes` the rank of x. The weight of the last axes needs no change. Other
 * weights are converted to the dtype of x too.
 */
function broadcaster(x: Symbolic, axes: readonly number[]): (weight: Symbolic) => Symbolic {
  const sizes = sizesOf(x).map((size, axis) => (axes.includes(axis) ? size : 1));
  return (weight) => {
    const same = cast(weight, x.dtype);
    const isLast = axes.length === 1 && axes[0] === x.rank - 1;
    return isLast || weight.rank === x.rank ? same : reshapeTo(same, sizes);
  };
}

const mapped = ({ gamma, beta }: Affine, apply: (weight: Symbolic) => Symbolic): Affine => ({
  gamma: gamma === null ? null : apply(gamma),
  beta: beta === null ? null : apply(beta),
});

/**
 * Keras' `BatchNormalization` with the moving statistics. Batch renormalisation has further variables, which inference
 * does not use. Keras 1's modes 1 and 2 use the statistics of the batch.
 */
const batchNormalization: LayerKind = {
  names: ['BatchNormalization', 'BatchNormalizationV1', 'BatchNormalizationV2', 'SyncBatchNormalization'],
  dependsOnTraining: true,
  variables(config) {
    const renorm = config.boolean('renorm', false) ? ['moving_stddev', 'renorm_mean', 'renorm_stddev'] : [];
    const moving = ['moving_mean', 'moving_variance', ...renorm];
    return [...affineVariables(config), ...moving.map((name) => ({ name, trainable: false }))];
  },
  build(parts) {
    const { config } = parts;
    if (config.integer('mode', 0) !== 0)
      config.refuse('it normalises with the statistics of the batch (`mode`)');
    const axes = axesOf(config, 'axis', -1);
    const epsilon = config.number('epsilon', 1e-3);
    const affine = affineOf(parts);
    const mean = weightOf(parts, 'moving_mean');
    const variance = weightOf(parts, 'moving_variance');
    return ofOneInput(parts, (input) => {
      const x = asFloat32(input);
      const broadcast = broadcaster(x, axesIn(x, axes));
      const [center, spread] = [broadcast(mean), broadcast(variance)];
      return cast(normalised(x, center, spread, epsilon, mapped(affine, broadcast)), parts.dtype);
    });
  },
  mask: 'pass',
  keepsDtypes: true,
};

const layerNormalization: LayerKind = {
  names: ['LayerNormalization'],
  variables: affineVariables,
  build(parts) {
    const { config } = parts;
    const given = axesOf(config, 'axis', -1);
    const epsilon = config.number('epsilon', 1e-3);
    const affine = affineOf(parts);
    return ofOneInput(parts, (input) => {
      const x = asFloat32(input);
      const axes = axesIn(x, given);
      const { gamma, beta } = mapped(affine, broadcaster(x, axes));
      const variance = reduceVariance(x, axes, { keepdims: true });
      if (scalesByRms(config) && gamma !== null) {
        return cast(multiply(multiply(x, rsqrt(add(variance, epsilon))), gamma), parts.dtype);
      }
      const mean = reduceMean(x, axes, { keepdims: true });
      return cast(normalised(x, mean, variance, epsilon, { gamma, beta }), parts.dtype);
    });
  },
  mask: 'pass',
  keepsDtypes: true,
};

/** Keras' `GroupNormalization`. `groups` of -1 is one group for each channel. */
const groupNormalization: LayerKind = {
  names: ['GroupNormalization'],
  variables: affineVariables,
  build(parts) {
    const { config } = parts;
    const groups = config.integer('groups', 32);
    if (groups !== -1) positiveInteger(config, 'groups', 32);
    const epsilon = config.number('epsilon', 1e-3);
    const affine = affineOf(parts);
    return ofOneInput(parts, (input) => {
      const x = asFloat32(input);
      const axis = positiveAxis(config.integer('axis', -1), x.rank);
      const channels = x.shape?.[axis];
      const count = groups === -1 ? channels : groups;
      if (typeof channels !== 'number' || typeof count !== 'number' || axis === 0 || channels % count !== 0) {
        throw new ModelError(
          'DATA_LOSS',
          `${config.owner} cannot form ${groups} groups of axis ${axis} of ${x}.`,
        );
      }
      const extents = sizesOf(x);
      const grouped = (sizes: readonly Size[]) => [
        ...sizes.slice(0, axis),
        count,
        quotient(channels, count),
        ...sizes.slice(axis + 1),
      ];
      const parted = reshapeTo(x, grouped(extents));
      const axes = parted.shape?.map((_, i) => i).filter((i) => i !== 0 && i !== axis) ?? [];
      const inGroups = (weight: Symbolic) => reshapeTo(cast(weight, x.dtype), grouped(extents.map(() => 1)));
      const mean = reduceMean(parted, axes, { keepdims: true });
      const variance = reduceVariance(parted, axes, { keepdims: true });
      const result = normalised(parted, mean, variance, epsilon, mapped(affine, inGroups));
      return cast(reshapeTo(result, extents), parts.dtype);
    });
  },
  mask: 'pass',
  keepsDtypes: true,
};

/** Keras' `RMSNormalization`: x / sqrt(mean(x²) + epsilon) · scale. */
const rmsNormalization: LayerKind = {
  names: ['RMSNormalization'],
  variables: () => [{ name: 'scale' }],
  build(parts) {
    const axes = axesOf(parts.config, 'axis', -1);
    const epsilon = parts.config.number('epsilon', 1e-6);
    const scale = weightOf(parts, 'scale');
    return ofOneInput(parts, (input) => {
      const x = asFloat32(input);
      const inverse = rsqrt(add(reduceMean(square(x), axes, { keepdims: true }), epsilon));
      return cast(multiply(multiply(x, inverse), cast(scale, x.dtype)), parts.dtype);
    });
  },
  keepsDtypes: true,
};

/** Keras' `UnitNormalization`: x over its norm, which is bounded from below. */
const unitNormalization: LayerKind = {
  names: ['UnitNormalization'],
  build(parts) {
    const axes = axesOf(parts.config, 'axis', -1);
    const least = parts.kerasVersion < 3 ? 1e-12 : 1e-24;
    return ofOneInput(parts, (x) => {
      const sum = reduceSum(square(x), axes, { keepdims: true });
      return multiply(x, rsqrt(maximum(sum, least)));
    });
  },
  mask: 'pass',
};

/** Keras' `SpectralNormalization`. The stored kernel of the inner layer is already divided by its spectral norm. */
const spectralNormalization: LayerKind = {
  names: ['SpectralNormalization'],
  variables: ({ entries }) => {
    const { layer } = entries;
    const isEmbedding = isObject(layer) && layer.class_name === 'Embedding';
    return [
      { name: isEmbedding ? 'embeddings' : 'kernel', isShared: true },
      { name: 'vector_u', trainable: false },
    ];
  },
  sublayers: (config) => [{ attribute: 'layer', layer: config.object('layer') }],
  build(parts) {
    const { layer } = parts.sublayers;
    if (layer === undefined) return parts.config.refuse('its inner layer is missing');
    return (inputs, call) => layer.call(inputs, call);
  },
};

export const NORMALIZATION_LAYERS: readonly LayerKind[] = [
  batchNormalization,
  layerNormalization,
  groupNormalization,
  rmsNormalization,
  unitNormalization,
  spectralNormalization,
];
