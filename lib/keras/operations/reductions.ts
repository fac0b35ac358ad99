/** Operations of `keras.ops` that reduce, accumulate or order elements along axes. */
import { constant, op } from '../../graph/operand.js';
import { divide, multiply, sqrt, subtract } from '../../graph/ops/arithmetic.js';
import { cast, expandDims, reshape, shape } from '../../graph/ops/array.js';
import { notEqual } from '../../graph/ops/comparison.js';
import { gather, topK } from '../../graph/ops/indexing.js';
import {
  argmax,
  argmin,
  cumsum,
  type ReductionOptions,
  reduceAll,
  reduceAny,
  reduceLogsumexp,
  reduceMax,
  reduceMean,
  reduceMin,
  reduceProd,
  reduceSum,
  reduceVariance,
} from '../../graph/ops/reduction.js';
import { positiveAxis, type Symbolic } from '../../graph/symbolic.js';

import { overLastAxis } from '../layers/activation_functions.js';
import type { Arguments } from './arguments.js';
import { type Compute, type Operation, operations } from './operation.js';
import { asDType, asFloating, promoted } from './promotion.js';

type Reduce = (x: Symbolic, axis: number[] | undefined, options: ReductionOptions) => Symbolic;

/** A reduction along `axis` with `keepdims`. `prepare` converts the dtype of the argument. */
const reduction =
  (reduce: Reduce, prepare: (x: Symbolic) => Symbolic = (x) => x): Compute =>
  (args) =>
    reduce(prepare(args.tensor('x')), args.axes(), { keepdims: args.boolean('keepdims', false) });

const toBool = (x: Symbolic) => cast(x, 'bool');

/** Small integers and bool are summed as int32. */
const summable = (x: Symbolic) => (['bool', 'int8', 'int16'].includes(x.dtype) ? cast(x, 'int32') : x);

/** Integers are compared as they are, bool as int32. */
const comparable = (x: Symbolic) => (x.dtype === 'bool' ? cast(x, 'int32') : x);

const deviation: Reduce = (x, axis, options) => sqrt(reduceVariance(x, axis, options));

/** Returns the greatest or least element, together with an `initial` value. */
const extreme =
  (reduce: Reduce, join: 'Maximum' | 'Minimum'): Compute =>
  (args) => {
    const value = reduction(reduce, comparable)(args) as Symbolic;
    return args.has('initial') ? op(join, [value, asDType(args.value('initial'), value.dtype)]) : value;
  };

const indexOf =
  (search: typeof argmax): Compute =>
  (args) => {
    const x = comparable(args.tensor('x'));
    const keepdims = args.boolean('keepdims', false);
    if (args.has('axis')) {
      const index = search(x, args.integer('axis'));
      return keepdims ? expandDims(index, args.integer('axis')) : index;
    }
    const index = search(reshape(x, [-1]), 0);
    return keepdims ? reshape(index, new Array(x.rank).fill(1)) : index;
  };

const accumulated =
  (type: 'Cumsum' | 'Cumprod'): Compute =>
  (args) => {
    const whole = args.tensor('x');
    const x = args.has('dtype')
      ? cast(whole, args.dtype())
      : whole.dtype === 'bool'
        ? cast(whole, 'int32')
        : whole;
    const axis = args.has('axis') ? args.integer('axis') : 0;
    const along = args.has('axis') ? x : reshape(x, [-1]);
    if (type === 'Cumsum') return cumsum(along, axis);
    return op('Cumprod', [along, constant(axis, 'int32')], { exclusive: false, reverse: false });
  };

const average: Compute = (args) => {
  const x = asFloating(args.value('x'));
  const axis = args.axes();
  if (!args.has('weights')) return reduceMean(x, axis);
  const [value, given] = promoted([x, args.value('weights')]) as [Symbolic, Symbolic];
  const [along] = axis ?? [];
  const sizes = Array.from({ length: value.rank }, (_, i) =>
    along !== undefined && i === positiveAxis(along, value.rank) ? -1 : 1,
  );
  const weights = given.rank === value.rank || along === undefined ? given : reshape(given, sizes);
  const ones = op('OnesLike', [value]);
  return divide(reduceSum(multiply(value, weights), axis), reduceSum(multiply(ones, weights), axis));
};

const countNonzero: Compute = (args) => {
  const x = args.tensor('x');
  const nonzero = x.dtype === 'bool' ? x : notEqual(x, 0);
  return reduceSum(cast(nonzero, 'int32'), args.axes());
};

const sizeAlong = (x: Symbolic) => gather(shape(x), constant(x.rank - 1, 'int32'));

/** Returns the elements in ascending order: those of -x in descending order, negated. */
const sorted: Compute = (args) => {
  const x = args.tensor('x');
  const [along, axis] = args.has('axis') ? [x, args.integer('axis')] : [reshape(x, [-1]), -1];
  return overLastAxis(along, axis, (each) => op('Neg', [topK(op('Neg', [each]), sizeAlong(each)).values]));
};

const sortedIndices: Compute = (args) => {
  const whole = args.tensor('x');
  const x = whole.dtype === 'bool' ? cast(whole, 'int32') : whole;
  const [along, axis] = args.has('axis') ? [x, args.integer('axis')] : [reshape(x, [-1]), -1];
  return overLastAxis(along, axis, (each) => topK(op('Neg', [each]), sizeAlong(each)).indices);
};

const greatest: Compute = (args) => {
  const { values, indices } = topK(args.tensor('x'), args.integer('k'));
  return [values, indices];
};

const inTop: Compute = (args) =>
  op('InTopKV2', [args.tensor('predictions'), args.tensor('targets'), constant(args.integer('k'), 'int32')]);

const moments: Compute = (args) => {
  const x = asFloating(args.value('x'));
  const options = { keepdims: args.boolean('keepdims', false) };
  const axes = args.integers('axes');
  return [reduceMean(x, axes, options), reduceVariance(x, axes, options)];
};

/** Returns the norm of vectors along one axis or all axes. */
const norm: Compute = (args) => {
  const x = asFloating(args.value('x'));
  const axis = args.axes();
  const options = { keepdims: args.boolean('keepdims', false) };
  const order = args.get('ord');
  if ((axis?.length ?? x.rank) > 1 && order !== undefined && order !== 'fro') {
    args.refuse('ord', "that of a vector's norm, or 'fro'");
  }
  return vectorNorm(args, x, axis, order === 'fro' ? 2 : args.has('ord') ? orderOf(args) : 2, options);
};

/** Returns the order of a norm. JSON has no infinity: Python writes a name that stands for a string here. */
function orderOf(args: Arguments): number {
  const order = args.get('ord');
  if (order === 'inf' || order === 'Infinity') return Number.POSITIVE_INFINITY;
  return args.number('ord');
}

function vectorNorm(
  args: Arguments,
  x: Symbolic,
  axis: number[] | undefined,
  order: number,
  options: ReductionOptions,
): Symbolic {
  const size = op('Abs', [x]);
  if (order === Number.POSITIVE_INFINITY) return reduceMax(size, axis, options);
  if (order === Number.NEGATIVE_INFINITY) return reduceMin(size, axis, options);
  if (order === 1) return reduceSum(size, axis, options);
  if (order === 2) return sqrt(reduceSum(op('Square', [x]), axis, options));
  if (order === 0) return reduceSum(cast(notEqual(x, 0), x.dtype), axis, options);
  if (!(order > 0)) args.refuse('ord', 'a positive number');
  return op('Pow', [
    reduceSum(op('Pow', [size, constant(order, x.dtype)]), axis, options),
    constant(1 / order, x.dtype),
  ]);
}

const range: Compute = (args) => {
  const options = { keepdims: args.boolean('keepdims', false) };
  const x = args.tensor('x');
  return subtract(reduceMax(x, args.axes(), options), reduceMin(x, args.axes(), options));
};

/** The maximum order of differences. */
const MOST_DIFFERENCES = 64;

/** Returns differences of neighbours along an axis, `n` times. */
const differences: Compute = (args) => {
  let x = args.tensor('a');
  if (args.integer('n', 1) > MOST_DIFFERENCES) args.refuse('n', `at most ${MOST_DIFFERENCES}`);
  const axis = positiveAxis(args.integer('axis', -1), x.rank);
  for (let n = args.integer('n', 1); n > 0; --n) x = subtract(from(x, axis, 1, 0), from(x, axis, 0, -1));
  return x;
};

/** Returns x[..., start : end] along `axis`. An `end` of 0 is the end of the axis. */
function from(x: Symbolic, axis: number, start: number, end: number): Symbolic {
  const at = (value: number) => Array.from({ length: axis + 1 }, (_, i) => (i === axis ? value : 0));
  const whole = 2 ** axis - 1;
  return op(
    'StridedSlice',
    [
      x,
      constant(at(start), 'int32'),
      constant(at(end), 'int32'),
      constant(
        Array.from({ length: axis + 1 }, () => 1),
        'int32',
      ),
    ],
    { begin_mask: { int: whole }, end_mask: { int: end === 0 ? 2 ** (axis + 1) - 1 : whole } },
  );
}

export const REDUCTION_OPERATIONS: readonly Operation[] = [
  ...operations('x', {
    Sum: reduction(reduceSum, summable),
    Mean: reduction(reduceMean, (x) => asFloating(x)),
    Max: extreme(reduceMax, 'Maximum'),
    Min: extreme(reduceMin, 'Minimum'),
    Amax: reduction(reduceMax, comparable),
    Amin: reduction(reduceMin, comparable),
    Prod: reduction(reduceProd, summable),
    Any: reduction(reduceAny, toBool),
    All: reduction(reduceAll, toBool),
    Var: reduction(reduceVariance, (x) => asFloating(x)),
    Std: reduction(deviation, (x) => asFloating(x)),
    Logsumexp: reduction(reduceLogsumexp, (x) => asFloating(x)),
    Ptp: range,
    Norm: norm,
    Argmax: indexOf(argmax),
    Argmin: indexOf(argmin),
    Cumsum: accumulated('Cumsum'),
    Cumprod: accumulated('Cumprod'),
    CountNonzero: countNonzero,
    Sort: sorted,
    Argsort: sortedIndices,
    TopK: greatest,
    Moments: moments,
  }),
  ...operations('x weights', { Average: average }),
  ...operations('a', { Diff: differences }),
  ...operations('targets predictions', { InTopK: inTop }),
];
