/**
 * Reductions over axes. `axis` is one axis or several, negative ones counted from the end; absent, all axes are
 * reduced. With `keepdims` reduced axes stay, with size 1.
 */
import { constant, integers, type Operand, op } from '../operand.js';
import { positiveAxis, type Symbolic } from '../symbolic.js';
import { sqrt, square, subtract } from './arithmetic.js';

export type Axis = number | readonly number[];

export interface ReductionOptions {
  readonly keepdims?: boolean;
}

function axes(x: Symbolic, axis: Axis | undefined): Symbolic {
  if (axis !== undefined) {
    const list = typeof axis === 'number' ? [axis] : axis;
    const { shape } = x;
    return integers(shape === null ? list : list.map((each) => positiveAxis(each, shape.length)));
  }
  if (x.shape !== null) return integers(x.shape.map((_, i) => i));
  return op('Range', [integers(0), op('Rank', [x]), integers(1)]);
}

function reduce(type: string, x: Operand, axis: Axis | undefined, options: ReductionOptions): Symbolic {
  const value = constant(x);
  return op(type, [value, axes(value, axis)], { keep_dims: options.keepdims ?? false });
}

export const reduceSum = (x: Operand, axis?: Axis, options: ReductionOptions = {}): Symbolic =>
  reduce('Sum', x, axis, options);
export const reduceMean = (x: Operand, axis?: Axis, options: ReductionOptions = {}): Symbolic =>
  reduce('Mean', x, axis, options);
export const reduceMax = (x: Operand, axis?: Axis, options: ReductionOptions = {}): Symbolic =>
  reduce('Max', x, axis, options);
export const reduceMin = (x: Operand, axis?: Axis, options: ReductionOptions = {}): Symbolic =>
  reduce('Min', x, axis, options);
export const reduceProd = (x: Operand, axis?: Axis, options: ReductionOptions = {}): Symbolic =>
  reduce('Prod', x, axis, options);
/** Of bool tensors. */
export const reduceAny = (x: Operand, axis?: Axis, options: ReductionOptions = {}): Symbolic =>
  reduce('Any', x, axis, options);
/** Of bool tensors. */
export const reduceAll = (x: Operand, axis?: Axis, options: ReductionOptions = {}): Symbolic =>
  reduce('All', x, axis, options);

/** The mean of the squared distance to the mean. */
export function reduceVariance(x: Operand, axis?: Axis, options: ReductionOptions = {}): Symbolic {
  const value = constant(x);
  const mean = reduceMean(value, axis, { keepdims: true });
  return reduceMean(square(subtract(value, mean)), axis, options);
}

export const reduceStd = (x: Operand, axis?: Axis, options: ReductionOptions = {}): Symbolic =>
  sqrt(reduceVariance(x, axis, options));

/** log(Σ exp(x)), finite wherever x is. */
export function reduceLogsumexp(
  x: Operand,
  axis?: Axis,
  { keepdims = false }: ReductionOptions = {},
): Symbolic {
  const value = constant(x);
  const most = reduceMax(value, axis, { keepdims: true });
  const sum = reduceSum(op('Exp', [subtract(value, most)]), axis, { keepdims });
  const shift = keepdims ? most : reduceMax(value, axis);
  return op('AddV2', [op('Log', [sum]), shift]);
}

/** The index of the largest element along `axis`, int32. */
export function argmax(x: Operand, axis = -1): Symbolic {
  return op('ArgMax', [constant(x), integers(axis)], { output_type: { dtype: 'int32' } });
}

/** The index of the smallest element along `axis`, int32. */
export function argmin(x: Operand, axis = -1): Symbolic {
  return op('ArgMin', [constant(x), integers(axis)], { output_type: { dtype: 'int32' } });
}

/** Sums up to and including each element along `axis`. */
export function cumsum(x: Operand, axis = 0, { exclusive = false, reverse = false } = {}): Symbolic {
  return op('Cumsum', [constant(x), integers(axis)], { exclusive, reverse });
}
