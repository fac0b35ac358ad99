/** Creates, joins, splits and rearranges tensors. All ops take any dtype unless the op says otherwise. */
import type { DType } from '../../binding/contract.js';
import { GraphError } from '../../support/errors.js';
import { constant, integers, type Operand, op } from '../operand.js';
import { positiveAxis, Symbolic } from '../symbolic.js';
import { Trace } from '../trace.js';

export { constant } from '../operand.js';

/**
 * Sizes: a list of integers and int32 scalars, or an int32 vector, for example the result of `shape`. Symbolic sizes
 * may be known only at run time.
 */
export type Sizes = Symbolic | readonly (number | Symbolic)[];

/** Returns `value` as an int32 vector. Throws RangeError for a number that is not an int32. */
export function sizes(value: Sizes): Symbolic {
  if (value instanceof Symbolic) return value;
  if (value.every((size): size is number => typeof size === 'number')) return integers(value);
  return op('Pack', [value.map((size) => integers(size))], { axis: { int: 0 } });
}

/**
 * Returns the sizes of x at run time. `x.shape` holds the sizes that are known while recording.
 *
 * @param x any shape and dtype.
 * @returns an int32 vector of as many elements as `x` has axes.
 */
export const shape = (x: Operand): Symbolic => op('Shape', [constant(x)], { out_type: { dtype: 'int32' } });

/**
 * Returns the number of elements of x at run time.
 *
 * @param x any shape and dtype.
 * @returns an int32 scalar.
 */
export const size = (x: Operand): Symbolic => op('Size', [constant(x)], { out_type: { dtype: 'int32' } });

/**
 * Returns x.
 *
 * @param x any shape and dtype.
 * @returns the shape and dtype of `x`.
 */
export const identity = (x: Operand): Symbolic => op('Identity', [constant(x)]);

/**
 * Returns x as a constant of differentiation: no gradient flows through the result.
 *
 * @param x any shape and dtype.
 * @returns the shape and dtype of `x`.
 */
export const stopGradient = (x: Operand): Symbolic => op('StopGradient', [constant(x)]);

/**
 * Returns x in another dtype. Floating values are truncated towards zero for an integer dtype. NaN, infinities and
 * values outside the range of an integer dtype have no defined result. To bool, every value except 0 is true. The
 * gradient flows between floating dtypes only.
 *
 * @param x any shape.
 * @param dtype the dtype of the result.
 * @returns the shape of `x`. A tensor of that dtype is returned itself.
 * @throws GraphError (`INVALID_ARGUMENT`) for a `dtype` that does not exist.
 */
export function cast(x: Operand, dtype: DType): Symbolic {
  const value = constant(x);
  return value.dtype === dtype ? value : op('Cast', [value], { DstT: { dtype } });
}

/**
 * Returns the elements of x, in their order, in another shape.
 *
 * @param x any shape and dtype.
 * @param to the sizes. At most one size may be -1: it follows from the number of elements.
 * @returns the shape `to`, in the dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) if `to` does not have as many elements as `x`.
 */
export const reshape = (x: Operand, to: Sizes): Symbolic => op('Reshape', [constant(x), sizes(to)]);

/**
 * Returns x with its axes reordered: axis i of the result is axis `permutation[i]` of x.
 *
 * @param x any shape and dtype. Without `permutation`, the rank must be known while recording.
 * @param permutation each axis of `x` once; a negative axis counts from the end. Default: the axes in reverse order.
 * @returns the dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) for an axis that `x` does not have, and a list of another length. A run with
 *   an axis named twice is rejected.
 */
export function transpose(x: Operand, permutation?: readonly number[]): Symbolic {
  const value = constant(x);
  const order = permutation ?? Array.from({ length: value.rank }, (_, i) => value.rank - 1 - i);
  return op('Transpose', [
    value,
    integers(value.shape === null ? order : order.map((axis) => positiveAxis(axis, value.rank))),
  ]);
}

/**
 * Returns x with a new axis of size 1, which becomes axis `axis` of the result.
 *
 * @param x any shape and dtype.
 * @param axis from 0 to the rank of `x`. A negative axis counts from the end of the result: -1 is a new last axis.
 * @returns the dtype of `x`, and one axis more.
 * @throws GraphError (`INVALID_ARGUMENT`) for another axis.
 */
export const expandDims = (x: Operand, axis: number): Symbolic =>
  op('ExpandDims', [constant(x), integers(axis)]);

/**
 * Returns x without axes of size 1.
 *
 * @param x any shape and dtype.
 * @param axis the axes to drop; a negative axis counts from the end. Default: all axes of size 1. If a size is known
 *   only at run time, the rank of the result is then unknown: name the axes.
 * @returns the dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) for an axis that `x` does not have or whose size is not 1.
 */
export function squeeze(x: Operand, axis: number | readonly number[] = []): Symbolic {
  return op('Squeeze', [constant(x)], { squeeze_dims: { ints: typeof axis === 'number' ? [axis] : axis } });
}

/**
 * Returns x broadcast to a shape, as in NumPy.
 *
 * @param x a shape that broadcasts to `to`; any dtype.
 * @param to the sizes, each at least 0.
 * @returns the shape `to`, in the dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) if the shape of `x` does not broadcast to `to`.
 */
export const broadcastTo = (x: Operand, to: Sizes): Symbolic => op('BroadcastTo', [constant(x), sizes(to)]);

/**
 * Returns x repeated `multiples[i]` times along each axis i.
 *
 * @param x any shape; any dtype except uint16, for which TensorFlow has no CPU kernel.
 * @param multiples a count of at least 0 for each axis.
 * @returns the dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) unless `multiples` has as many elements as `x` has axes.
 */
export const tile = (x: Operand, multiples: Sizes): Symbolic => op('Tile', [constant(x), sizes(multiples)]);

/**
 * Returns x with the order of the elements reversed along each named axis.
 *
 * @param x any shape and dtype.
 * @param axis one axis or several different axes; a negative axis counts from the end.
 * @returns the shape and dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) for an axis that `x` does not have or that is named twice.
 */
export const reverse = (x: Operand, axis: number | readonly number[]): Symbolic =>
  op('ReverseV2', [constant(x), integers(typeof axis === 'number' ? [axis] : axis)]);

/**
 * Returns x with elements added before and after each axis.
 *
 * @param x any shape and dtype.
 * @param paddings `[before, after]` for each axis, in elements, at least 0.
 * @param options `mode`: 'constant' (default) adds `value`. 'reflect' mirrors x at the centre of its edge element,
 *   'symmetric' at the outer side of this element. A run in which 'reflect' adds as many elements as the axis has, or
 *   'symmetric' more, is rejected. `value`: a scalar in the dtype of `x`. Default: 0.
 * @returns the dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) for another mode, negative paddings, or a number of pairs other than the
 *   rank.
 * @example
 * ops.pad([1, 2, 3], [[2, 0]]); // 0, 0, 1, 2, 3
 * ops.pad([1, 2, 3], [[2, 0]], { mode: 'reflect' }); // 3, 2, 1, 2, 3
 * ops.pad([1, 2, 3], [[2, 0]], { mode: 'symmetric' }); // 2, 1, 1, 2, 3
 */
export function pad(
  x: Operand,
  paddings: readonly (readonly [number, number])[],
  { mode = 'constant', value = 0 }: { mode?: 'constant' | 'reflect' | 'symmetric'; value?: Operand } = {},
): Symbolic {
  const tensor = constant(x);
  const amounts = constant(paddings, 'int32');
  if (mode === 'constant') return op('PadV2', [tensor, amounts, constant(value, tensor.dtype)]);
  return op('MirrorPad', [tensor, amounts], { mode: mode.toUpperCase() });
}

/** Converts `values` to symbols. Plain values take the dtype of the first symbol. */
function alike(values: readonly Operand[]): Symbolic[] {
  const peer = values.find((value): value is Symbolic => value instanceof Symbolic);
  return values.map((value) => constant(value, value instanceof Symbolic ? undefined : peer?.dtype));
}

/**
 * Returns tensors joined along an existing axis.
 *
 * @param values at least one tensor, all of one dtype and rank. Sizes may differ along `axis` only. Numbers and nested
 *   arrays take the dtype of the first symbolic tensor, or float32 if there is none. A single tensor is returned
 *   itself.
 * @param axis the axis; a negative axis counts from the end.
 * @returns the dtype of the values.
 * @throws GraphError (`INVALID_ARGUMENT`) for an empty list, scalars, an axis that does not exist, and sizes or dtypes
 *   that differ. TypeError for a `Tensor` of another dtype than the first symbolic tensor.
 */
export function concat(values: readonly Operand[], axis: number): Symbolic {
  const [only, ...others] = alike(values);
  if (only === undefined)
    throw new GraphError('INVALID_ARGUMENT', '`ops.concat` received no tensor to join.');
  if (others.length === 0) return only;
  return op('ConcatV2', [[only, ...others], integers(axis)]);
}

/**
 * Returns tensors of one shape joined along a new axis.
 *
 * @param values at least one tensor, all of one shape and dtype. Numbers and nested arrays take the dtype of the first
 *   symbolic tensor, or float32 if there is none.
 * @param axis the new axis in the result; a negative axis counts from the end of the result. Default: 0.
 * @returns the dtype of the values, and one axis more, whose size is the number of values.
 * @throws GraphError (`INVALID_ARGUMENT`) for an empty list, an axis that does not exist, and shapes or dtypes that
 *   differ. TypeError for a `Tensor` of another dtype than the first symbolic tensor.
 */
export const stack = (values: readonly Operand[], axis = 0): Symbolic =>
  op('Pack', [alike(values)], { axis: { int: axis } });

/**
 * Returns the slices of x along `axis`. Inverse of {@link stack}.
 *
 * @param x at least one axis; any dtype. The size of `axis` must be known while recording.
 * @param axis the axis, which the results do not have; a negative axis counts from the end. Default: 0.
 * @returns as many tensors as the size of the axis, in the dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) for an axis that `x` does not have or whose size is unknown.
 */
export function unstack(x: Operand, axis = 0): Symbolic[] {
  const value = constant(x);
  const num = value.shape?.[positiveAxis(axis, value.rank)];
  if (typeof num !== 'number') {
    throw new GraphError(
      'INVALID_ARGUMENT',
      `Expected \`x\` with a known size along axis ${axis} but received ${value}. Use \`ops.mapRange\` instead.`,
    );
  }
  return Trace.current().op('Unpack', [value], { num: { int: num }, axis: { int: axis } });
}

/**
 * Returns x split into parts along `axis`. Inverse of {@link concat}.
 *
 * @param x at least one axis; any dtype.
 * @param parts the number of equal parts, or the size of each part. One size may be -1: the rest of the axis.
 * @param axis the axis; a negative axis counts from the end. Default: 0.
 * @returns the parts, in the dtype of `x`.
 * @throws GraphError (`INVALID_ARGUMENT`) if the parts do not add up to the size of the axis.
 * @example
 * const [left, right] = ops.split(images, 2, 2); // halves of (N, H, W, C) along the width
 */
export function split(x: Operand, parts: number | readonly number[], axis = 0): Symbolic[] {
  const value = constant(x);
  if (typeof parts === 'number') {
    return Trace.current().op('Split', [integers(axis), value], { num_split: { int: parts } });
  }
  return Trace.current().op('SplitV', [value, integers(parts), integers(axis)], {
    num_split: { int: parts.length },
  });
}

/**
 * Returns a tensor with `value` in every element.
 *
 * @param to the sizes, each at least 0.
 * @param value a scalar. A number is float32, a boolean is bool.
 * @returns the shape `to`, in the dtype of `value`.
 * @throws GraphError (`INVALID_ARGUMENT`) for a negative size, and a `value` that is not a scalar.
 */
export const fill = (to: Sizes, value: Operand): Symbolic => op('Fill', [sizes(to), constant(value)]);

/**
 * Returns a tensor of zeros.
 *
 * @param to the sizes, each at least 0.
 * @param dtype the dtype of the result. Default: float32.
 * @returns the shape `to`.
 * @throws GraphError (`INVALID_ARGUMENT`) for a negative size, and a dtype that is not numeric or bool.
 */
export const zeros = (to: Sizes, dtype: DType = 'float32'): Symbolic => fill(to, constant(0, dtype));

/**
 * Returns a tensor of ones.
 *
 * @param to the sizes, each at least 0.
 * @param dtype the dtype of the result. Default: float32.
 * @returns the shape `to`.
 * @throws GraphError (`INVALID_ARGUMENT`) for a negative size, and a dtype that is not numeric or bool.
 */
export const ones = (to: Sizes, dtype: DType = 'float32'): Symbolic => fill(to, constant(1, dtype));

/**
 * Returns zeros in the shape and dtype of x.
 *
 * @param x any shape and dtype.
 * @returns the shape and dtype of `x`.
 */
export const zerosLike = (x: Operand): Symbolic => op('ZerosLike', [constant(x)]);

/**
 * Returns ones in the shape and dtype of x.
 *
 * @param x any shape and dtype.
 * @returns the shape and dtype of `x`.
 */
export const onesLike = (x: Operand): Symbolic => op('OnesLike', [constant(x)]);

/**
 * Returns the numbers start, start + delta, ... up to `limit`, which is excluded. `range(limit)` starts at 0.
 *
 * @param start a scalar of `dtype`.
 * @param limit a scalar of `dtype`.
 * @param delta a scalar of `dtype`, not 0. Default: 1. For a negative `delta`, `limit` lies below `start`.
 * @param dtype int32, int64, float32, float64 or bfloat16. Symbolic arguments must have this dtype. Default: int32.
 * @returns a vector of `dtype`.
 * @throws GraphError (`INVALID_ARGUMENT`) for a fraction in an integer dtype, a symbolic argument of another dtype, a
 *   `delta` of 0, and a `limit` on the wrong side of `start`.
 * @example
 * ops.range(3); // 0, 1, 2
 * ops.range(0, 1, 0.25, 'float32'); // 0, 0.25, 0.5, 0.75
 */
export function range(start: Operand, limit?: Operand, delta: Operand = 1, dtype: DType = 'int32'): Symbolic {
  const [from, to] = limit === undefined ? [0, start] : [start, limit];
  return op('Range', [constant(from, dtype), constant(to, dtype), constant(delta, dtype)]);
}

/**
 * Returns `count` evenly spaced numbers from `start` to `stop`, both included.
 *
 * @param start a scalar, float32 or float64. A number is float32.
 * @param stop a scalar in the dtype of `start`. A number is float32.
 * @param count at least 1. A single number is `start`.
 * @returns a vector of `count` elements, in the dtype of `start`.
 * @throws GraphError (`INVALID_ARGUMENT`) if the dtypes differ or are not floating, and for a `count` below 1.
 */
export const linspace = (start: Operand, stop: Operand, count: number): Symbolic =>
  op('LinSpace', [constant(start), constant(stop), integers(count)]);
