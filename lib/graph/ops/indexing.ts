/** Selects parts of tensors by position. */
import type { DType } from '../../binding/contract.js';
import { GraphError } from '../../support/errors.js';
import { constant, integers, type Operand, op } from '../operand.js';
import { positiveAxis, type Symbolic } from '../symbolic.js';
import { Trace } from '../trace.js';
import { type Sizes, sizes } from './array.js';

/**
 * Returns a block of x: `size[i]` elements from position `begin[i]` on along each axis i.
 *
 * @param x any shape and dtype.
 * @param begin the first position along each axis, from 0.
 * @param size the sizes of the block; -1 takes the rest of the axis.
 * @returns the dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `begin` and `size` have an element for each axis. A run with a block
 *   that leaves x is rejected.
 */
export const slice = (x: Operand, begin: Sizes, size: Sizes): Symbolic =>
  op('Slice', [constant(x), sizes(begin), sizes(size)]);

export interface StridedSliceOptions {
  /** The step along each axis, not 0. A negative step goes backwards. Default: 1 along each axis. */
  readonly strides?: Sizes;
  /** If bit i is set, `begin[i]` is ignored: the slice starts at the first element (the last for a negative stride). */
  readonly beginMask?: number;
  /** If bit i is set, `end[i]` is ignored: the slice goes on to the end of the axis. */
  readonly endMask?: number;
  /** If bit i is set, entry i is an ellipsis (`...`): as many whole axes as needed. At most one bit may be set. */
  readonly ellipsisMask?: number;
  /** If bit i is set, entry i inserts a new axis of size 1. */
  readonly newAxisMask?: number;
  /** If bit i is set, only the element at `begin[i]` is taken, and the axis is dropped. */
  readonly shrinkAxisMask?: number;
}

/**
 * Returns x[begin:end:strides], with the semantics of NumPy's basic indexing. Negative positions count from the end,
 * and positions outside of an axis are limited to the axis.
 *
 * @param x any shape and dtype.
 * @param begin the first position per entry. Axes without an entry are kept whole.
 * @param end the position behind the last one, per entry.
 * @returns the dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) for more entries than axes, lists of different lengths, a stride of 0, and a
 *   position outside of an axis that `shrinkAxisMask` drops.
 * @example
 * ops.stridedSlice([1, 2, 3, 4], [1], [3]); // 2, 3
 * ops.stridedSlice([1, 2, 3], [0], [0], { strides: [-1], beginMask: 1, endMask: 1 }); // 3, 2, 1
 */
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
  /** The axis of x that the indices point into; a negative axis counts from the end. Default: `batchDims`. */
  readonly axis?: number;
  /**
   * The number of leading axes that x and the indices share. A negative number is added to the rank of the indices.
   * Default: 0.
   */
  readonly batchDims?: number;
}

/**
 * Returns the slices of x at `indices` along `axis`. The first `batchDims` axes of both are matched: row n of the
 * indices points into row n of x.
 *
 * @param x any dtype; the rank must be known while recording.
 * @param indices integers from 0 to the size of the axis - 1; the rank must be known. A symbolic tensor has dtype int32
 *   or int64, another value int32. A run with an index out of range is rejected on CPUs; on GPUs the element is 0.
 * @returns `x.shape[:axis] + indices.shape[batchDims:] + x.shape[axis + 1:]`, in the dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) for an axis that `x` does not have, and `batchDims` above the rank of the
 *   indices. TypeError for a `Tensor` of indices that is not int32. RangeError for a fraction. A run with batch axes of
 *   different sizes, or with `batchDims` above `axis`, is rejected.
 * @example
 * // The logits (N, U) of the units `indices` (N, U) of each sample, from logits (N, C).
 * const explained = ops.gather(logits, indices, { axis: -1, batchDims: 1 });
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

/**
 * Returns the elements or slices of x at index vectors.
 *
 * @param x any shape and dtype.
 * @param indices (..., D): vectors of D indices into the first D axes of `x`. {@link gather} has their dtypes and
 *   ranges.
 * @returns `indices.shape[:-1] + x.shape[D:]`, in the dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) if D is above the rank of `x`. TypeError for a `Tensor` of indices that is
 *   not int32.
 */
export const gatherNd = (x: Operand, indices: Operand): Symbolic =>
  op('GatherNd', [constant(x), constant(indices, 'int32')]);

/**
 * Returns vectors with 1 at the index and 0 elsewhere. The vector of an index out of range is 0 everywhere.
 *
 * @param indices any shape; a symbolic tensor has dtype int32, int64, int8 or uint8, another value int32.
 * @param depth the size of the new last axis, at least 0; an int32 scalar if it is known only at run time.
 * @param dtype the dtype of the result. Default: float32.
 * @returns (...indices, depth).
 * @throws GraphError (`INVALID_ARGUMENT`) for a negative depth, and a dtype that is not numeric or bool.
 */
export function oneHot(indices: Operand, depth: number | Symbolic, dtype: DType = 'float32'): Symbolic {
  return op('OneHot', [constant(indices, 'int32'), integers(depth), constant(1, dtype), constant(0, dtype)], {
    axis: { int: -1 },
  });
}

/**
 * Returns the k largest elements along the last axis, in descending order, and their indices. Of equal elements, the
 * element of the lower index comes first. The order is not defined if x holds NaN.
 *
 * @param x (..., C); a numeric dtype.
 * @param k from 0 to C; an int32 scalar if it is known only at run time.
 * @returns `values` (..., k) in the dtype of `x`, and `indices` (..., k), int32.
 * @throws GraphError (`INVALID_ARGUMENT`) for a scalar, a `k` above C, and bool.
 */
export function topK(x: Operand, k: number | Symbolic): { values: Symbolic; indices: Symbolic } {
  const [values, indices] = Trace.current().op('TopKV2', [constant(x), integers(k)], { sorted: true });
  return { values: values as Symbolic, indices: indices as Symbolic };
}
