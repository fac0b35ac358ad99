/** Keras 2's locally connected layers: convolutions with a kernel of its own for each position of the output. */
import { op } from '../../graph/operand.js';
import { add, multiply } from '../../graph/ops/arithmetic.js';
import { constant, expandDims, reshape, squeeze, transpose } from '../../graph/ops/array.js';
import { einsum } from '../../graph/ops/math.js';
import type { Symbolic } from '../../graph/symbolic.js';
import { ModelError } from '../../support/errors.js';
import type { Config } from '../config.js';
import type { LayerKind, LayerParts } from '../layer_kind.js';
import { inChannelsLast } from './channels.js';
import {
  type ConvolutionOptions,
  convolutionConfig,
  convolutionOptions,
  variablesOf,
} from './convolutions.js';
import { ofOneInput, positiveIntegers, weightOf, withCurrentNames } from './options.js';
import { product, sizesOf } from './sizes.js';

interface LocalOptions extends ConvolutionOptions {
  readonly kernelSize: readonly number[];
}

const productOf = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);

/** Returns the sizes of the output. The sizes of the input are part of the layer's weights, and therefore known. */
function outputSizes(x: Symbolic, { geometry, kernelSize }: LocalOptions, config: Config): number[] {
  return kernelSize.map((size, i) => {
    const whole = x.shape?.[i + 1];
    if (typeof whole !== 'number') {
      throw new ModelError(
        'DATA_LOSS',
        `Expected an input of known size for ${config.owner} but received ${x}.`,
      );
    }
    const stride = geometry.strides[i] as number;
    const from = geometry.padding === 'same' ? whole : whole - size + 1;
    return Math.ceil(from / stride);
  });
}

/** Implementation 1: patches of x (N, ..., C), each times the kernel of its position (positions, patch, filters). */
function byPatches(x: Symbolic, given: Symbolic, options: LocalOptions, to: readonly number[]): Symbolic {
  const { kernelSize, geometry, isFirst } = options;
  const [positions, patch, filters] = given.shape as [number, number, number];
  let kernel = given;
  if (isFirst) {
    // The patches of the file begin with the channels.
    const channels = patch / productOf(kernelSize);
    const apart = reshape(given, [positions, channels, productOf(kernelSize), filters]);
    kernel = reshape(transpose(apart, [0, 2, 1, 3]), [positions, patch, filters]);
  }
  const isFlat = kernelSize.length === 1;
  const image = (sizes: readonly number[]) => ({ ints: [1, ...(isFlat ? [1] : []), ...sizes, 1] });
  const patches = op('ExtractImagePatches', [isFlat ? expandDims(x, 1) : x], {
    ksizes: image(kernelSize),
    strides: image(geometry.strides),
    rates: image(kernelSize.map(() => 1)),
    padding: 'VALID',
  });
  const each = reshape(isFlat ? squeeze(patches, 1) : patches, [-1, positions, patch]);
  return reshape(einsum('npd,pdf->npf', each, kernel), [-1, ...to, filters]);
}

/** Returns which elements of an axis of the input an element of the output reads: (input, output), 1 or 0. */
function connections(size: number, to: number, kernel: number, stride: number, isSame: boolean): number[][] {
  return Array.from({ length: size }, (_, at) =>
    Array.from({ length: to }, (_, position) => {
      const begin = position * stride - (isSame ? Math.floor(kernel / 2) : 0);
      return at >= begin && at < begin + kernel ? 1 : 0;
    }),
  );
}

/** Implementation 2: x times a kernel (...input, C, ...output, filters), of which most elements do not count. */
function byProduct(x: Symbolic, given: Symbolic, options: LocalOptions, to: readonly number[]): Symbolic {
  const { kernelSize, geometry, isFirst } = options;
  const rank = kernelSize.length;
  const half = rank + 1;
  const last = [...Array.from({ length: rank }, (_, i) => i + 1), 0];
  let kernel = isFirst ? transpose(given, [...last, ...last.map((axis) => axis + half)]) : given;
  kernelSize.forEach((size, i) => {
    const whole = x.shape?.[i + 1] as number;
    const isSame = geometry.padding === 'same';
    const mask = connections(whole, to[i] as number, size, geometry.strides[i] as number, isSame);
    const sizes = new Array<number>(2 * half).fill(1);
    sizes[i] = whole;
    sizes[half + i] = to[i] as number;
    kernel = multiply(kernel, reshape(constant(mask, x.dtype), sizes));
  });
  const inputs = product(sizesOf(x).slice(1)) as number;
  const outputs = productOf((kernel.shape as number[]).slice(half));
  const rows = op('MatMul', [reshape(x, [-1, inputs]), reshape(kernel, [inputs, outputs])]);
  return reshape(rows, [-1, ...to, kernel.shape?.at(-1) as number]);
}

/** Returns the bias (...output, filters). For channels as axis 1, Keras reads the stored elements in another shape. */
function biasOf(parts: LayerParts, rank: number, isFirst: boolean): Symbolic {
  const bias = weightOf(parts, 'bias', rank + 1);
  if (!isFirst) return bias;
  const shape = bias.shape as readonly number[];
  const first = reshape(bias, [shape.at(-1) as number, ...shape.slice(0, -1)]);
  return transpose(first, [...Array.from({ length: rank }, (_, i) => i + 1), 0]);
}

const locallyConnected = (rank: number): LayerKind => ({
  names: [`LocallyConnected${rank}D`],
  variables: variablesOf(['kernel'], rank),
  build(parts) {
    const config = withCurrentNames(convolutionConfig(parts.config, rank), { kernel_size: 'filter_length' });
    const kernelSize =
      rank === 2 && config.has('nb_row')
        ? [config.integer('nb_row'), config.integer('nb_col')]
        : positiveIntegers(config, 'kernel_size', rank);
    const options: LocalOptions = { ...convolutionOptions(parts, rank), kernelSize };
    const implementation = config.integer('implementation', 1);
    if (implementation !== 1 && implementation !== 2)
      config.refuse(`its \`implementation\` is ${implementation}`);
    const kernel = weightOf(parts, 'kernel', implementation === 1 ? 3 : 2 * (rank + 1));
    const bias = options.useBias ? biasOf(parts, rank, options.isFirst) : null;
    return ofOneInput(parts, (x) => {
      const whole = inChannelsLast(x, options.isFirst, (last) => {
        const to = outputSizes(last, options, config);
        const connect = implementation === 1 ? byPatches : byProduct;
        const result = connect(last, kernel, options, to);
        return bias === null ? result : add(result, bias);
      });
      return options.activation(whole);
    });
  },
});

export const LOCALLY_CONNECTED_LAYERS: readonly LayerKind[] = [1, 2].map(locallyConnected);
