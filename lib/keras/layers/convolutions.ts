/** Keras' convolution layers, with the names and options of all versions. */
import { op } from '../../graph/operand.js';
import { pad, reshape, transpose } from '../../graph/ops/array.js';
import type { Symbolic } from '../../graph/symbolic.js';
import type { Config } from '../config.js';
import type { LayerKind, LayerParts } from '../layer_kind.js';
import { type ActivationFunction, activationOf } from './activation_functions.js';
import { inChannelsLast } from './channels.js';
import { convolve, convolveDepthwise, type Geometry } from './convolution.js';
import {
  isChannelsFirst,
  KERAS_1_NAMES,
  ofOneInput,
  positiveIntegers,
  weightOf,
  withCurrentNames,
} from './options.js';

/** The entries of Keras 1. */
const OLD_NAMES = {
  ...KERAS_1_NAMES,
  filters: 'nb_filter',
  strides: 'subsample',
  dilation_rate: 'atrous_rate',
} as const;

/** Returns the config of a convolution with current names. Keras 1 has one entry for each size of the kernel. */
export function convolutionConfig(config: Config, rank: number): Config {
  return withCurrentNames(config, {
    ...OLD_NAMES,
    ...(rank === 1 ? { strides: config.has('subsample_length') ? 'subsample_length' : 'subsample' } : {}),
  });
}

/** What all convolutions have in common. */
export interface ConvolutionOptions {
  readonly geometry: Geometry;
  readonly isCausal: boolean;
  readonly isFirst: boolean;
  readonly useBias: boolean;
  readonly activation: ActivationFunction;
}

export function convolutionOptions(parts: LayerParts, rank: number): ConvolutionOptions {
  const config = convolutionConfig(parts.config, rank);
  const padding = config.oneOf('padding', ['valid', 'same', 'causal'] as const, 'valid');
  if (padding === 'causal' && rank > 1) config.fail('padding', 'valid or same');
  const strides = positiveIntegers(config, 'strides', rank, 1);
  const dilation = positiveIntegers(config, 'dilation_rate', rank, 1);
  return {
    geometry: { strides, dilation, padding: padding === 'same' ? 'same' : 'valid' },
    isCausal: padding === 'causal',
    isFirst: isChannelsFirst(config),
    useBias: config.boolean('use_bias', true),
    activation: activationOf({ config, kerasVersion: parts.kerasVersion }),
  };
}

/** The variables of a layer with `names` and, if the config asks for one, a bias. */
export const variablesOf =
  (names: readonly string[], rank: number): NonNullable<LayerKind['variables']> =>
  (config) => {
    const useBias = convolutionConfig(config, rank).boolean('use_bias', true);
    return [...names, ...(useBias ? ['bias'] : [])].map((name) => ({ name }));
  };

/** Returns x with zeros before the time axis (axis 1), so that no output depends on a later input. */
function causal(x: Symbolic, kernel: Symbolic, { dilation }: Geometry): Symbolic {
  const before = ((kernel.shape?.[0] ?? 1) - 1) * (dilation[0] as number);
  return pad(x, [
    [0, 0],
    [before, 0],
    [0, 0],
  ]);
}

/** Returns a layer of one convolution, of which `convolution` is a function of (N, ..., C). */
export function convolutionLayer(
  parts: LayerParts,
  options: ConvolutionOptions,
  convolution: (x: Symbolic) => Symbolic,
): ReturnType<LayerKind['build']> {
  const bias = options.useBias ? weightOf(parts, 'bias', 1) : null;
  return ofOneInput(parts, (x) => {
    const whole = inChannelsLast(x, options.isFirst, (last) => {
      const sum = convolution(last);
      return bias === null ? sum : op('BiasAdd', [sum, bias]);
    });
    return options.activation(whole);
  });
}

/** The axes of a kernel: the spatial axes, the input's channels and the output's channels. */
const kernelRank = (rank: number): number => rank + 2;

/**
 * Returns the kernel (..., C / groups, filters). Keras 1 stores the kernel of a Conv1D as that of an image of width 1,
 * and kernels for channels as axis 1 as (filters, C, ...).
 */
function kernelOf(parts: LayerParts, rank: number, { isFirst }: ConvolutionOptions): Symbolic {
  if (parts.kerasVersion > 1) return weightOf(parts, 'kernel', kernelRank(rank));
  if (rank === 1) {
    const kernel = weightOf(parts, 'kernel', 4);
    const length = convolutionConfig(parts.config, 1).get('filter_length');
    const isOldest = kernel.shape[1] !== 1 || (length !== undefined && kernel.shape[0] !== length);
    const last = isOldest ? transpose(kernel, [2, 3, 1, 0]) : kernel;
    const [size, , channels, filters] = last.shape as number[];
    return reshape(last, [size as number, channels as number, filters as number]);
  }
  const kernel = weightOf(parts, 'kernel', kernelRank(rank));
  const spatial = Array.from({ length: rank }, (_, i) => i + 2);
  return isFirst ? transpose(kernel, [...spatial, 1, 0]) : kernel;
}

const ALIASES: Readonly<Record<number, readonly string[]>> = {
  1: ['Convolution1D', 'AtrousConvolution1D'],
  2: ['Convolution2D', 'AtrousConvolution2D'],
  3: ['Convolution3D'],
};

const convolution = (rank: number): LayerKind => ({
  names: [`Conv${rank}D`, ...(ALIASES[rank] as string[])],
  variables: variablesOf(['kernel'], rank),
  build(parts) {
    const options = convolutionOptions(parts, rank);
    const kernel = kernelOf(parts, rank, options);
    return convolutionLayer(parts, options, (x) =>
      convolve(options.isCausal ? causal(x, kernel, options.geometry) : x, kernel, options.geometry),
    );
  },
});

/** Keras 2 names the kernel 'depthwise_kernel', and stores a `groups` in the config that has no meaning. */
const depthwise = (rank: number): LayerKind => ({
  names: [`DepthwiseConv${rank}D`],
  variables: (config, kerasVersion) =>
    variablesOf([kerasVersion < 3 ? 'depthwise_kernel' : 'kernel'], rank)(config, kerasVersion),
  build(parts) {
    const options = convolutionOptions(parts, rank);
    if (options.isCausal) parts.config.fail('padding', 'valid or same');
    const kernel = weightOf(parts, parts.kerasVersion < 3 ? 'depthwise_kernel' : 'kernel', kernelRank(rank));
    return convolutionLayer(parts, options, (x) => convolveDepthwise(x, kernel, options.geometry));
  },
});

const separable = (rank: number): LayerKind => ({
  names: [`SeparableConv${rank}D`, `SeparableConvolution${rank}D`],
  variables: variablesOf(['depthwise_kernel', 'pointwise_kernel'], rank),
  build(parts) {
    const options = convolutionOptions(parts, rank);
    const each = weightOf(parts, 'depthwise_kernel', kernelRank(rank));
    const point = weightOf(parts, 'pointwise_kernel', kernelRank(rank));
    const ones = new Array<number>(rank).fill(1);
    return convolutionLayer(parts, options, (x) => {
      const padded = options.isCausal ? causal(x, each, options.geometry) : x;
      const channels = convolveDepthwise(padded, each, options.geometry);
      return convolve(channels, point, { strides: ones, dilation: ones, padding: 'valid' });
    });
  },
});

export const CONVOLUTION_LAYERS: readonly LayerKind[] = [
  ...[1, 2, 3].map(convolution),
  ...[1, 2].map(depthwise),
  ...[1, 2].map(separable),
];
