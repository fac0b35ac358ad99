/** Taking parts of tensors by position. */
import type { DType } from '../../binding/contract.js';
import { GraphError } from '../../support/errors.js';
import { constant, integers, type Operand, op } from '../operand.js';
import { positiveAxis, type Symbolic } from '../symbolic.js';
import { Trace } from '../trace.js';
import { type Sizes, sizes } from './array.js';

/** `size[i]` elements from `begin[i]` on along each axis i; -1 means all that remain. */
export const slice = (x: Operand, begin: Sizes, size: Sizes): Symbolic =>
  op('Slice', [constant(x), sizes(begin), sizes(size)]);

export interface StridedSliceOptions {
  readonly strides?: Sizes;
  /** Bit i set: begin[i] is ignored, and the slice starts at the end of axis i. */
  readonly beginMask?: number;
  /** Bit i set: end[i] is ignored. */
  readonly endMask?: number;
  readonly ellipsisMask?: number;
  readonly newAxisMask?: number;
  /** Bit i set: the element at begin[i] alone is taken, and axis i goes. */
  readonly shrinkAxisMask?: number;
}

/** x[begin:end:strides], as Python would index it. */
export function stridedSlice(
  x: Operand,
  begin: Sizes,
  end: Sizes,
  options: StridedSliceOptions = {},
): Symbolic {
  const from = sizes(begin);
  const strides = options.strides ?? new Array<number>(from.shape?.[0] ?? 1).fill(1);
  return op('StridedSlice', [constant(x), from, sizes(end), sizes(strides)], {
    begin_mask: { int: options.beginMask ?? 0 },
    end_mask: { int: options.endMask ?? 0 },
    ellipsis_mask: { int: options.ellipsisMask ?? 0 },
    new_axis_mask: { int: options.newAxisMask ?? 0 },
    shrink_axis_mask: { int: options.shrinkAxisMask ?? 0 },
  });
}

export interface GatherOptions {
  /** The axis of x to take from; by default the first after the batch axes. */
  readonly axis?: number;
  /** How many leading axes x and the indices share; negative counts from the indices' rank. */
  readonly batchDims?: number;
}

/**
 * The elements of x at integer `indices` along `axis`. With `batchDims` b the first b axes of both go together:
 * for x (N, C), indices (N, U), axis -1 and batchDims 1 the result is (N, U).
 */
export function gather(x: Operand, indices: Operand, options: GatherOptions = {}): Symbolic {
  const value = constant(x);
  const places = constant(indices, 'int32');
  const given = options.batchDims ?? 0;
  const batchDims = given < 0 ? given + places.rank : given;
  if (!Number.isInteger(batchDims) || batchDims < 0 || batchDims > places.rank) {
    throw new GraphError(
      'INVALID_ARGUMENT',
      `Expected \`batchDims\` from ${-places.rank} to ${places.rank} for indices ${places} but received ${given}.`,
    );
  }
  // TensorFlow's own gradient of GatherV2 fails for a negative axis.
  const axis = positiveAxis(options.axis ?? batchDims, value.rank);
  return op('GatherV2', [value, places, integers(axis)], { batch_dims: { int: batchDims } });
}

/** The elements (or slices) of x at the index vectors in the last axis of `indices`. */
export const gatherNd = (x: Operand, indices: Operand): Symbolic =>
  op('GatherNd', [constant(x), constant(indices, 'int32')]);

/** A new last axis of size `depth`: 1 at the index, 0 elsewhere. */
export function oneHot(indices: Operand, depth: number | Symbolic, dtype: DType = 'float32'): Symbolic {
  return op('OneHot', [constant(indices, 'int32'), integers(depth), constant(1, dtype), constant(0, dtype)], {
    axis: { int: -1 },
  });
}

/** The k largest elements along the last axis, in descending order, and their indices (int32). */
export function topK(x: Operand, k: number | Symbolic): { values: Symbolic; indices: Symbolic } {
  const [values, indices] = Trace.current().op('TopKV2', [constant(x), integers(k)], { sorted: true });
  return { values: values as Symbolic, indices: indices as Symbolic };
}
