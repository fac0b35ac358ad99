/** Shapes: making, joining, splitting and rearranging tensors. */
import type { DType } from '../../binding/contract.js';
import { GraphError } from '../../support/errors.js';
import { constant, integers, type Operand, op } from '../operand.js';
import { positiveAxis, Symbolic } from '../symbolic.js';
import { Trace } from '../trace.js';

export { constant } from '../operand.js';

/** Sizes known now, or known only at run time (an int32 vector, as `shape` gives). */
export type Sizes = Symbolic | readonly (number | Symbolic)[];

/** An int32 vector of sizes, some of which may be symbolic scalars. */
export function sizes(value: Sizes): Symbolic {
  if (value instanceof Symbolic) return value;
  if (value.every((size): size is number => typeof size === 'number')) return integers(value);
  return op('Pack', [value.map((size) => integers(size))], { axis: { int: 0 } });
}

/** The sizes of x at run time: an int32 vector. `x.shape` holds those known now. */
export const shape = (x: Operand): Symbolic => op('Shape', [constant(x)], { out_type: { dtype: 'int32' } });
/** The number of elements at run time: an int32 scalar. */
export const size = (x: Operand): Symbolic => op('Size', [constant(x)], { out_type: { dtype: 'int32' } });
export const identity = (x: Operand): Symbolic => op('Identity', [constant(x)]);
/** x, through which no gradient flows. */
export const stopGradient = (x: Operand): Symbolic => op('StopGradient', [constant(x)]);

/** x in another dtype. Floats lose their fraction towards zero where it is an integer one. */
export function cast(x: Operand, dtype: DType): Symbolic {
  const value = constant(x);
  return value.dtype === dtype ? value : op('Cast', [value], { DstT: { dtype } });
}

/** x with other sizes; one of them may be -1. */
export const reshape = (x: Operand, to: Sizes): Symbolic => op('Reshape', [constant(x), sizes(to)]);

/** Axes reordered: axis i of the result is axis `permutation[i]` of x; by default all are reversed. */
export function transpose(x: Operand, permutation?: readonly number[]): Symbolic {
  const value = constant(x);
  const order = permutation ?? Array.from({ length: value.rank }, (_, i) => value.rank - 1 - i);
  return op('Transpose', [
    value,
    integers(value.shape === null ? order : order.map((axis) => positiveAxis(axis, value.rank))),
  ]);
}

/** A new axis of size 1 before `axis`. */
export const expandDims = (x: Operand, axis: number): Symbolic =>
  op('ExpandDims', [constant(x), integers(axis)]);

/** x without its axes of size 1, or without those named. */
export function squeeze(x: Operand, axis: number | readonly number[] = []): Symbolic {
  return op('Squeeze', [constant(x)], { squeeze_dims: { ints: typeof axis === 'number' ? [axis] : axis } });
}

export const broadcastTo = (x: Operand, to: Sizes): Symbolic => op('BroadcastTo', [constant(x), sizes(to)]);
/** x repeated `multiples[i]` times along each axis i. */
export const tile = (x: Operand, multiples: Sizes): Symbolic => op('Tile', [constant(x), sizes(multiples)]);
/** x with the named axes turned around. */
export const reverse = (x: Operand, axis: number | readonly number[]): Symbolic =>
  op('ReverseV2', [constant(x), integers(typeof axis === 'number' ? [axis] : axis)]);

/** x with `[before, after]` elements added on each axis: zeros (or `value`), or mirrored. */
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

/** Symbols among `values` say the dtype of the plain ones. */
function alike(values: readonly Operand[]): Symbolic[] {
  const peer = values.find((value): value is Symbolic => value instanceof Symbolic);
  return values.map((value) => constant(value, value instanceof Symbolic ? undefined : peer?.dtype));
}

/** Tensors joined along an axis that they have. */
export function concat(values: readonly Operand[], axis: number): Symbolic {
  const [only, ...others] = alike(values);
  if (only === undefined)
    throw new GraphError('INVALID_ARGUMENT', '`ops.concat` received no tensor to join.');
  if (others.length === 0) return only;
  return op('ConcatV2', [[only, ...others], integers(axis)]);
}

/** Tensors of one shape joined along a new axis. */
export const stack = (values: readonly Operand[], axis = 0): Symbolic =>
  op('Pack', [alike(values)], { axis: { int: axis } });

/** x cut into its elements along `axis`, whose size must be known. */
export function unstack(x: Operand, axis = 0): Symbolic[] {
  const value = constant(x);
  const num = value.shape?.[positiveAxis(axis, value.rank)];
  if (typeof num !== 'number') {
    throw new GraphError(
      'INVALID_ARGUMENT',
      `\`ops.unstack\` needs a size known now along axis ${axis} of ${value}. Use \`ops.whileLoop\` instead.`,
    );
  }
  return Trace.current().op('Unpack', [value], { num: { int: num }, axis: { int: axis } });
}

/** x cut into parts along `axis`: a number of equal ones, or parts of the given sizes. */
export function split(x: Operand, parts: number | readonly number[], axis = 0): Symbolic[] {
  const value = constant(x);
  if (typeof parts === 'number') {
    return Trace.current().op('Split', [integers(axis), value], { num_split: { int: parts } });
  }
  return Trace.current().op('SplitV', [value, integers(parts), integers(axis)], {
    num_split: { int: parts.length },
  });
}

/** `value` everywhere. */
export const fill = (to: Sizes, value: Operand): Symbolic => op('Fill', [sizes(to), constant(value)]);
export const zeros = (to: Sizes, dtype: DType = 'float32'): Symbolic => fill(to, constant(0, dtype));
export const ones = (to: Sizes, dtype: DType = 'float32'): Symbolic => fill(to, constant(1, dtype));
export const zerosLike = (x: Operand): Symbolic => op('ZerosLike', [constant(x)]);
export const onesLike = (x: Operand): Symbolic => op('OnesLike', [constant(x)]);

/** start, start + delta, ... below limit; `range(limit)` starts at 0. int32 unless told otherwise. */
export function range(start: Operand, limit?: Operand, delta: Operand = 1, dtype: DType = 'int32'): Symbolic {
  const [from, to] = limit === undefined ? [0, start] : [start, limit];
  return op('Range', [constant(from, dtype), constant(to, dtype), constant(delta, dtype)]);
}

/** `count` numbers from `start` to `stop`, both included. */
export const linspace = (start: Operand, stop: Operand, count: number): Symbolic =>
  op('LinSpace', [constant(start), constant(stop), integers(count)]);
