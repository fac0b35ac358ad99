/**
 * Convolutions over one, two or three spatial axes, as functions of (N, ..., C). A single spatial axis is the width of
 * an image of height 1.
 */
import { op } from '../../graph/operand.js';
import { maximum } from '../../graph/ops/arithmetic.js';
import { concat, expandDims, pad, sizes, split, squeeze, stack } from '../../graph/ops/array.js';
import { stridedSlice } from '../../graph/ops/indexing.js';
import type { Symbolic } from '../../graph/symbolic.js';
import { minus, plus, quotient, type Size, sizesOf, times } from './sizes.js';

export type Padding = 'valid' | 'same';

/** The geometry of a convolution, one number for each spatial axis. */
export interface Geometry {
  readonly strides: readonly number[];
  readonly dilation: readonly number[];
  readonly padding: Padding;
}

const isOne = (value: number): boolean => value === 1;
const framed = (values: readonly number[]): { ints: number[] } => ({ ints: [1, ...values, 1] });

/** Returns a convolution of x (N, ..., C) with a kernel (..., C / groups, filters). */
export function convolve(x: Symbolic, kernel: Symbolic, geometry: Geometry): Symbolic {
  const { strides, dilation, padding } = geometry;
  const rank = strides.length;
  if (rank === 1) return overWidth(x, (image) => convolve(image, expandDims(kernel, 0), asImage(geometry)));
  // The CPU kernel of Conv3D has no dilations.
  if (rank === 3 && !dilation.every(isOne)) {
    return dilated(x, kernel, geometry, (blocks, plain) => convolve(blocks, kernel, plain));
  }
  const groups = rank === 3 ? groupsOf(x, kernel) : 1;
  if (groups > 1) {
    // The CPU kernel of Conv3D has no groups.
    const parts = split(x, groups, -1);
    const kernels = split(kernel, groups, -1);
    return concat(
      parts.map((part, i) => convolve(part, kernels[i] as Symbolic, geometry)),
      -1,
    );
  }
  return op(rank === 2 ? 'Conv2D' : 'Conv3D', [x, kernel], {
    strides: framed(strides),
    dilations: framed(dilation),
    padding: padding.toUpperCase(),
  });
}

/** Returns the number of groups, at most the number of filters. */
function groupsOf(x: Symbolic, kernel: Symbolic): number {
  const [channels, each, filters] = [x.shape?.at(-1), kernel.shape?.at(-2), kernel.shape?.at(-1)];
  if (typeof channels !== 'number' || !each || !filters) return 1;
  const groups = channels / each;
  return Number.isInteger(groups) && groups <= filters ? groups : 1;
}

/** Returns a convolution of each channel of x (N, H, W, C) or (N, T, C) with a kernel (..., C, multiplier). */
export function convolveDepthwise(x: Symbolic, kernel: Symbolic, geometry: Geometry): Symbolic {
  const { strides, dilation, padding } = geometry;
  if (strides.length === 1) {
    // TensorFlow's depthwise convolution has one stride for both axes.
    const image: Geometry = { ...asImage(geometry), strides: [strides[0] as number, strides[0] as number] };
    return overWidth(x, (rows) => convolveDepthwise(rows, expandDims(kernel, 0), image));
  }
  if (!dilation.every(isOne)) {
    return dilated(x, kernel, geometry, (blocks, plain) => convolveDepthwise(blocks, kernel, plain));
  }
  if (strides[0] === strides[1]) {
    return op('DepthwiseConv2dNative', [x, kernel], {
      strides: framed(strides),
      padding: padding.toUpperCase(),
    });
  }
  return strided(x, kernel, geometry, (padded, plain) => convolveDepthwise(padded, kernel, plain));
}

const asImage = ({ strides, dilation, padding }: Geometry): Geometry => ({
  strides: [1, ...strides],
  dilation: [1, ...dilation],
  padding,
});

const overWidth = (x: Symbolic, apply: (image: Symbolic) => Symbolic): Symbolic =>
  squeeze(apply(expandDims(x, 1)), 1);

/** Returns the elements that `padding` adds before and after each spatial axis of x. */
function paddingsOf(x: Symbolic, kernel: Symbolic, { strides, dilation, padding }: Geometry): [Size, Size][] {
  const extents = sizesOf(x);
  return strides.map((stride, i) => {
    if (padding === 'valid') return [0, 0];
    const span = ((kernel.shape?.[i] as number) - 1) * (dilation[i] as number) + 1;
    const size = extents[i + 1] as Size;
    // A stride of 1 adds the same number of elements whatever the size.
    const steps = quotient(plus(size, stride - 1), stride);
    const total =
      stride === 1 ? span - 1 : atLeastZero(minus(plus(times(minus(steps, 1), stride), span), size));
    const before = quotient(total, 2);
    return [before, minus(total, before)];
  });
}

const atLeastZero = (size: Size): Size => (typeof size === 'number' ? Math.max(size, 0) : maximum(size, 0));

/** Pads the spatial axes of x with zeros. */
function padded(x: Symbolic, amounts: readonly [Size, Size][]): Symbolic {
  if (amounts.flat().every((amount) => amount === 0)) return x;
  if (amounts.flat().every((amount) => typeof amount === 'number')) {
    return pad(x, [[0, 0], ...(amounts as [number, number][]), [0, 0]]);
  }
  return op('Pad', [x, stack([[0, 0], ...amounts, [0, 0]].map((each) => sizes(each)))]);
}

/** Computes a convolution with strides as one without strides, of which the other elements are dropped. */
function strided(
  x: Symbolic,
  kernel: Symbolic,
  geometry: Geometry,
  convolution: (x: Symbolic, geometry: Geometry) => Symbolic,
): Symbolic {
  const { strides, dilation } = geometry;
  const whole = convolution(padded(x, paddingsOf(x, kernel, geometry)), {
    strides: strides.map(() => 1),
    dilation,
    padding: 'valid',
  });
  const zeros = new Array<number>(whole.rank).fill(0);
  const all = 2 ** whole.rank - 1;
  return stridedSlice(whole, zeros, zeros, { strides: [1, ...strides, 1], beginMask: all, endMask: all });
}

/**
 * Computes a dilated convolution as a plain one: the elements whose distance is the dilation become neighbours in a
 * sample of their own.
 */
function dilated(
  x: Symbolic,
  kernel: Symbolic,
  geometry: Geometry,
  convolution: (x: Symbolic, geometry: Geometry) => Symbolic,
): Symbolic {
  const { strides, dilation } = geometry;
  if (!strides.every(isOne)) {
    return strided(x, kernel, geometry, (whole, plain) => dilated(whole, kernel, plain, convolution));
  }
  const extents = sizesOf(x);
  const paddings = paddingsOf(x, kernel, geometry);
  const rests = dilation.map((rate, i) => {
    const [before, after] = paddings[i] as [Size, Size];
    const whole = plus(plus(extents[i + 1] as Size, before), after);
    return minus(times(quotient(plus(whole, rate - 1), rate), rate), whole);
  });
  const amounts = paddings.map(([before, after], i): Size[] => [before, plus(after, rests[i] as Size)]);
  const block = sizes(dilation);
  const blocks = op('SpaceToBatchND', [x, block, stack(amounts.map((each) => sizes(each)))]);
  const result = convolution(blocks, { strides, dilation: dilation.map(() => 1), padding: 'valid' });
  return op('BatchToSpaceND', [result, block, stack(rests.map((rest) => sizes([0, rest])))]);
}
