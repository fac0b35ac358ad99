/** Keras' transposed convolutions, with the names and options of all versions. */
import { op } from '../../graph/operand.js';
import { expandDims, pad, reshape, sizes, squeeze, transpose } from '../../graph/ops/array.js';
import type { Symbolic } from '../../graph/symbolic.js';
import { type Config, isList } from '../config.js';
import type { LayerKind, LayerParts } from '../layer_kind.js';
import {
  type ConvolutionOptions,
  convolutionConfig,
  convolutionLayer,
  convolutionOptions,
  variablesOf,
} from './convolutions.js';
import { isChannelsFirst, weightOf } from './options.js';
import { plus, type Size, sizesOf, times } from './sizes.js';

/** Returns a kernel with `rate - 1` zeros between its elements along each spatial axis. */
function withHoles(kernel: Symbolic, rates: readonly number[]): Symbolic {
  let result = kernel;
  rates.forEach((rate, axis) => {
    if (rate === 1) return;
    const shape = result.shape as number[];
    const size = shape[axis] as number;
    const apart = reshape(result, [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)]);
    const none = [0, 0] as const;
    const spread = pad(apart, [
      ...shape.slice(0, axis + 1).map(() => none),
      [0, rate - 1],
      ...shape.slice(axis + 1).map(() => none),
    ]);
    const joined = reshape(spread, [...shape.slice(0, axis), size * rate, ...shape.slice(axis + 1)]);
    const end = shape.map((length, i) => (i === axis ? size * rate - (rate - 1) : length));
    result = op('Slice', [joined, sizes(shape.map(() => 0)), sizes(end)]);
  });
  return result;
}

/** Returns the size of an axis of the output, as Keras derives the size from that of the input. */
function outputSize(input: Size, span: number, stride: number, isSame: boolean, extra: number | null): Size {
  if (extra === null) return plus(times(input, stride), isSame ? 0 : Math.max(span - stride, 0));
  return plus(times(plus(input, -1), stride), (isSame ? span % 2 : span) + extra);
}

/** The sizes (..., ) of the output of Keras 1's Deconvolution2D, which the config holds, or null. */
function givenSizes(config: Config, rank: number): number[] | null {
  const shape = config.get('output_shape');
  if (!isList(shape)) return null;
  const spatial = isChannelsFirst(config) ? shape.slice(2) : shape.slice(1, -1);
  const isComplete = shape.length === rank + 2 && spatial.every((size) => Number.isSafeInteger(size));
  return isComplete ? (spatial as number[]) : null;
}

interface TransposedOptions extends ConvolutionOptions {
  readonly outputPadding: readonly number[] | null;
  readonly outputSizes: readonly number[] | null;
}

/** Returns a transposed convolution of x (N, ..., C) with a kernel (..., filters, C). */
function convolveTransposed(x: Symbolic, kernel: Symbolic, options: TransposedOptions): Symbolic {
  const { strides, padding } = options.geometry;
  const shape = kernel.shape as number[];
  const rank = strides.length;
  const extents = sizesOf(x);
  const spatial = strides.map((stride, i) => {
    const extra = options.outputPadding?.[i] ?? null;
    const isSame = padding === 'same';
    return (
      options.outputSizes?.[i] ??
      outputSize(extents[i + 1] as Size, shape[i] as number, stride, isSame, extra)
    );
  });
  const to = [extents[0] as Size, ...spatial, shape[rank] as number];
  const attributes = { strides: { ints: [1, ...strides, 1] }, padding: padding.toUpperCase() };
  if (rank === 3) return op('Conv3DBackpropInputV2', [sizes(to), kernel, x], attributes);
  if (rank === 2) return op('Conv2DBackpropInput', [sizes(to), kernel, x], attributes);
  const image = sizes([to[0] as Size, 1, ...to.slice(1)]);
  const strided = { ...attributes, strides: { ints: [1, 1, ...strides, 1] } };
  return squeeze(op('Conv2DBackpropInput', [image, expandDims(kernel, 0), expandDims(x, 1)], strided), 1);
}

/**
 * Returns the kernel (..., filters, C). Keras 1 stores (..., C, filters), or (filters, C, ...) for channels as axis 1.
 */
function kernelOf(parts: LayerParts, rank: number, { geometry, isFirst }: ConvolutionOptions): Symbolic {
  const kernel = weightOf(parts, 'kernel', rank + 2);
  const spatial = Array.from({ length: rank }, (_, i) => i);
  if (parts.kerasVersion === 1) {
    return transpose(kernel, isFirst ? [...spatial.map((i) => i + 2), 0, 1] : [...spatial, rank + 1, rank]);
  }
  // Conv3DTranspose of Keras 2 does not use its dilation rate.
  return rank === 3 && parts.kerasVersion < 3 ? kernel : withHoles(kernel, geometry.dilation);
}

const transposed = (rank: number): LayerKind => ({
  names: [
    `Conv${rank}DTranspose`,
    `Convolution${rank}DTranspose`,
    ...(rank === 2 ? ['Deconvolution2D'] : []),
  ],
  variables: variablesOf(['kernel'], rank),
  build(parts) {
    const config = convolutionConfig(parts.config, rank);
    const options: TransposedOptions = {
      ...convolutionOptions(parts, rank),
      outputPadding: config.has('output_padding') ? config.integers('output_padding', rank) : null,
      outputSizes: givenSizes(config, rank),
    };
    if (options.isCausal) config.fail('padding', 'valid or same');
    const kernel = kernelOf(parts, rank, options);
    return convolutionLayer(parts, options, (x) => convolveTransposed(x, kernel, options));
  },
});

export const TRANSPOSED_CONVOLUTION_LAYERS: readonly LayerKind[] = [1, 2, 3].map(transposed);
