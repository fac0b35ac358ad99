/** Operations of `keras.ops` that join, split, select and rearrange elements. */
import { constant, op } from '../../graph/operand.js';
import { multiply } from '../../graph/ops/arithmetic.js';
import {
  broadcastTo,
  cast,
  concat,
  expandDims,
  fill,
  identity,
  linspace,
  pad,
  range,
  reshape,
  reverse,
  shape,
  size,
  split,
  squeeze,
  stack,
  tile,
  transpose,
  unstack,
} from '../../graph/ops/array.js';
import { where } from '../../graph/ops/comparison.js';
import { gather, slice } from '../../graph/ops/indexing.js';
import { reduceSum } from '../../graph/ops/reduction.js';
import { positiveAxis, type Symbolic } from '../../graph/symbolic.js';
import type { Arguments } from './arguments.js';
import { type Compute, type Operation, operations } from './operation.js';
import { asDType, promoted } from './promotion.js';
import { sliced } from './slicing.js';

const sizeAlong = (x: Symbolic, axis: number) => x.shape?.[axis] ?? gather(shape(x), constant(axis, 'int32'));

const indices = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Returns axes that count from the start. */
const axesFrom = (x: Symbolic, axes: readonly number[]) => axes.map((axis) => positiveAxis(axis, x.rank));

/** Returns x with new axes of size 1 at `axes` of the result. */
function expanded(x: Symbolic, axes: readonly number[]): Symbolic {
  const rank = x.rank + axes.length;
  return axes
    .map((axis) => positiveAxis(axis, rank))
    .sort((a, b) => a - b)
    .reduce((value, axis) => expandDims(value, axis), x);
}

/** Returns the sizes of a `Reshape`: the axis of the samples stays open where the file has no size. */
const reshaped: Compute = (args) => {
  const x = args.tensor('x');
  const to = args.sizes('newshape');
  if (!Array.isArray(to)) return reshape(x, cast(to, 'int32'));
  const open = to.filter((each) => each === -1).length;
  // A file with several open sizes means those of x at the same axes.
  return reshape(x, open > 1 ? to.map((each, i) => (each === -1 ? sizeAlong(x, i) : each)) : to);
};

const padded: Compute = (args) => {
  const x = args.tensor('x');
  const widths = args.get('pad_width');
  const pairs = padPairs(args, widths, x.rank);
  const mode = args.string('mode', 'constant');
  if (mode !== 'constant' && mode !== 'reflect' && mode !== 'symmetric') {
    return args.refuse('mode', "one of 'constant', 'reflect', 'symmetric'");
  }
  return pad(x, pairs, { mode, value: asDType(args.value('constant_values', 0), x.dtype) });
};

/** Returns the padding of each axis. The file has one number, one pair, or a pair for each axis. */
function padPairs(args: Arguments, widths: ReturnType<Arguments['get']>, rank: number): [number, number][] {
  const pairOf = (value: unknown): [number, number] => {
    const list = Array.isArray(value) ? value : [value];
    const [before, after = before] = list as [number, number?];
    if (list.length > 2 || !Number.isSafeInteger(before) || !Number.isSafeInteger(after)) {
      return args.refuse('pad_width', 'an integer, a pair, or a pair for each axis');
    }
    return [before, after];
  };
  if (!Array.isArray(widths) || !Array.isArray(widths[0])) return indices(rank).map(() => pairOf(widths));
  const pairs = widths.map(pairOf);
  if (pairs.length === 1) return indices(rank).map(() => pairs[0] as [number, number]);
  return pairs.length === rank ? pairs : args.refuse('pad_width', `${rank} pairs`);
}

const joined: Compute = (args) => concat(promoted(args.values('xs')), args.integer('axis', 0));

/** Returns tensors joined along `axis`, with at least `rank` axes each. */
const joinedAlong =
  (axisOf: (rank: number) => number, raise: (x: Symbolic) => Symbolic): Compute =>
  (args) => {
    const values = promoted(args.values('xs')).map(raise);
    return concat(values, axisOf((values[0] as Symbolic).rank));
  };

const atLeast2 = (x: Symbolic) => (x.rank === 0 ? reshape(x, [1, 1]) : x.rank === 1 ? expandDims(x, 0) : x);
const atLeast1 = (x: Symbolic) => (x.rank === 0 ? reshape(x, [1]) : x);

/** The maximum number of parts of a tensor. Each part is recorded, and a damaged file may ask for any number. */
export const MOST_PARTS = 10_000;

/** Returns x in parts: of equal size, or cut at indices. */
function parts(args: Arguments, axis: number): Symbolic[] {
  const x = args.tensor('x');
  const at = positiveAxis(axis, x.rank);
  const sections = args.get('indices_or_sections');
  if (typeof sections === 'number') {
    if (sections > MOST_PARTS) args.refuse('indices_or_sections', `at most ${MOST_PARTS}`);
    return split(x, sections, at);
  }
  const cuts = args.integers('indices_or_sections');
  return [...cuts, null].map((end, i) => {
    const start = i === 0 ? 0 : (cuts[i - 1] as number);
    const key = indices(at + 1).map((each) =>
      each === at ? { start, stop: end, step: null } : { start: null, stop: null, step: null },
    );
    return sliced(x, key, args.config);
  });
}

const splitAlong =
  (axis: number): Compute =>
  (args) =>
    parts(args, axis);

const taken: Compute = (args) => {
  const whole = args.tensor('x');
  const index = asDType(args.value('indices'), 'int32');
  const x = args.has('axis') ? whole : reshape(whole, [-1]);
  const axis = positiveAxis(args.integer('axis', 0), x.rank);
  return gather(x, fromStart(index, sizeAlong(x, axis)), { axis });
};

/** Returns indices from the start of an axis of `count` elements. Negative indices count from the end. */
const fromStart = (index: Symbolic, count: number | Symbolic) =>
  where(op('Less', [index, constant(0, 'int32')]), op('AddV2', [index, asDType(count, 'int32')]), index);

const takenAlong: Compute = (args) => {
  const whole = args.tensor('x');
  const index = asDType(args.value('indices'), 'int32');
  if (!args.has('axis')) {
    const flat = reshape(whole, [-1]);
    return gather(flat, fromStart(reshape(index, [-1]), size(flat)), { axis: 0 });
  }
  const last = whole.rank - 1;
  const axis = positiveAxis(args.integer('axis'), whole.rank);
  const order = indices(whole.rank).map((i) => (i === axis ? last : i === last ? axis : i));
  const [x, places] = [transpose(whole, order), transpose(index, order)];
  const found = gather(x, fromStart(places, sizeAlong(x, last)), { axis: last, batchDims: last });
  return transpose(found, order);
};

const rolled: Compute = (args) => {
  const x = args.tensor('x');
  const shift = args.integers('shift');
  if (args.has('axis')) {
    const axes = args.integers('axis');
    const shifts = axes.map((_, i) => shift[i] ?? (shift[0] as number));
    return op('Roll', [x, constant(shifts, 'int32'), constant(axesFrom(x, axes), 'int32')]);
  }
  const flat = op('Roll', [reshape(x, [-1]), constant(shift, 'int32'), constant([0], 'int32')]);
  return reshape(flat, shape(x));
};

const moved: Compute = (args) => {
  const x = args.tensor('x');
  const source = axesFrom(x, args.integers('source'));
  const destination = axesFrom(x, args.integers('destination'));
  const order = indices(x.rank).filter((axis) => !source.includes(axis));
  const pairs = destination.map((to, i) => [to, source[i] as number] as const).sort((a, b) => a[0] - b[0]);
  for (const [to, axis] of pairs) order.splice(to, 0, axis);
  return transpose(x, order);
};

const swapped: Compute = (args) => {
  const x = args.tensor('x');
  const [a, b] = axesFrom(x, [args.integer('axis1'), args.integer('axis2')]) as [number, number];
  return transpose(
    x,
    indices(x.rank).map((i) => (i === a ? b : i === b ? a : i)),
  );
};

const repeated: Compute = (args) => {
  const whole = args.tensor('x');
  const x = args.has('axis') ? whole : reshape(whole, [-1]);
  const axis = positiveAxis(args.integer('axis', 0), x.rank);
  const repeats = args.integers('repeats');
  const [only = 1] = repeats;
  if (repeats.length === 1) {
    const wide = tile(
      expandDims(x, axis + 1),
      indices(x.rank + 1).map((i) => (i === axis + 1 ? only : 1)),
    );
    const to = indices(x.rank).map((i) => (i === axis ? multiplied(sizeAlong(x, i), only) : sizeAlong(x, i)));
    return reshape(wide, to);
  }
  if (repeats.reduce((sum, count) => sum + Math.max(count, 0), 0) > MOST_PARTS) {
    args.refuse('repeats', `a list whose sum is at most ${MOST_PARTS}`);
  }
  return gather(
    x,
    constant(
      repeats.flatMap((count, i) => new Array<number>(count).fill(i)),
      'int32',
    ),
    { axis },
  );
};

const multiplied = (count: number | Symbolic, by: number) =>
  typeof count === 'number' ? count * by : multiply(count, by);

const tiled: Compute = (args) => {
  const x = args.tensor('x');
  const repeats = args.sizes('repeats');
  if (!Array.isArray(repeats)) return tile(x, cast(repeats, 'int32'));
  const missing = repeats.length - x.rank;
  const raised = missing > 0 ? expanded(x, indices(missing)) : x;
  return tile(raised, [...new Array<number>(Math.max(-missing, 0)).fill(1), ...repeats]);
};

const squeezed: Compute = (args) => {
  const x = args.tensor('x');
  return args.has('axis') ? squeeze(x, axesFrom(x, args.integers('axis'))) : squeeze(x);
};

const unstacked: Compute = (args) => {
  const x = args.tensor('x');
  const axis = positiveAxis(args.integer('axis', 0), x.rank);
  if ((x.shape?.[axis] ?? 0) > MOST_PARTS)
    args.refuse('x', `a tensor with at most ${MOST_PARTS} elements along the axis`);
  return unstack(x, axis);
};

const startingAt: Compute = (args) =>
  slice(args.tensor('inputs'), args.sizes('start_indices'), args.sizes('shape'));

const triangle =
  (lower: boolean): Compute =>
  (args) => {
    const x = args.tensor('x');
    const k = args.integer('k', 0);
    const [rows, columns] = [x.rank - 2, x.rank - 1].map((axis) => asDType(sizeAlong(x, axis), 'int32'));
    const row = expandDims(range(constant(0, 'int32'), rows as Symbolic), 1);
    const column = expandDims(range(constant(0, 'int32'), columns as Symbolic), 0);
    const limit = op('AddV2', [row, constant(k, 'int32')]);
    const kept = op(lower ? 'LessEqual' : 'GreaterEqual', [column, limit]);
    return where(kept, x, op('ZerosLike', [x]));
  };

const diagonalOf = (args: Arguments): Symbolic => {
  const x = args.tensor('x');
  const [a, b] = axesFrom(x, [args.integer('axis1', 0), args.integer('axis2', 1)]) as [number, number];
  const order = [...indices(x.rank).filter((i) => i !== a && i !== b), a, b];
  const offset = constant(args.integer('offset', 0), 'int32');
  return op('MatrixDiagPartV3', [transpose(x, order), offset, asDType(0, x.dtype)]);
};

const meshgrid: Compute = (args) => {
  const values = args.values('x').map((value) => reshape(promoted([value])[0] as Symbolic, [-1]));
  const swap = args.string('indexing', 'xy') === 'xy' && values.length > 1;
  const axisOf = (i: number) => (swap && i < 2 ? 1 - i : i);
  const to = indices(values.length).map((axis) => sizeAlong(values[axisOf(axis)] as Symbolic, 0));
  return values.map((value, i) =>
    broadcastTo(
      expanded(
        value,
        indices(values.length).filter((axis) => axis !== axisOf(i)),
      ),
      to,
    ),
  );
};

const arange: Compute = (args) => {
  const given = ['start', 'stop', 'step'].filter((name) => args.has(name)).map((name) => args.value(name));
  const dtype = args.has('dtype') ? args.dtype() : (promoted(given)[0] as Symbolic).dtype;
  const [start, stop] = args.has('stop')
    ? [args.value('start'), args.value('stop')]
    : [0, args.value('start')];
  return op(
    'Range',
    [start, stop, args.value('step', 1)].map((value) => asDType(value, dtype)),
  );
};

const oneHot: Compute = (args) => {
  const index = args.tensor('x');
  const dtype = args.dtype('dtype', 'float32');
  return op(
    'OneHot',
    [index, constant(args.integer('num_classes'), 'int32'), asDType(1, dtype), asDType(0, dtype)],
    {
      axis: { int: args.integer('axis', -1) },
    },
  );
};

const flipped: Compute = (args) => {
  const x = args.tensor('x');
  return reverse(x, axesFrom(x, args.axes() ?? indices(x.rank)));
};

/** Returns x turned `k` times by 90 degrees in the plane of two axes. */
const turned: Compute = (args) => {
  const x = args.tensor('array');
  const [a, b] = axesFrom(x, args.integers('axes', [0, 1])) as [number, number];
  const k = ((args.integer('k', 1) % 4) + 4) % 4;
  const swap = (y: Symbolic) =>
    transpose(
      y,
      indices(x.rank).map((i) => (i === a ? b : i === b ? a : i)),
    );
  if (k === 0) return identity(x);
  if (k === 2) return reverse(x, [a, b]);
  return k === 1 ? reverse(swap(x), [a]) : reverse(swap(x), [b]);
};

export const SHAPE_OPERATIONS: readonly Operation[] = [
  ...operations('x', {
    Reshape: reshaped,
    Ravel: (args) => reshape(args.tensor('x'), [-1]),
    Transpose: (args) => transpose(args.tensor('x'), args.axes('axes')),
    Moveaxis: moved,
    Swapaxes: swapped,
    ExpandDims: (args) => expanded(args.tensor('x'), args.integers('axis')),
    Squeeze: squeezed,
    BroadcastTo: (args) => broadcastTo(args.tensor('x'), args.sizes('shape')),
    Tile: tiled,
    Repeat: repeated,
    Flip: flipped,
    Fliplr: (args) => reverse(args.tensor('x'), [1]),
    Flipud: (args) => reverse(args.tensor('x'), [0]),
    Roll: rolled,
    Stack: (args) => stack(promoted(args.values('x')), args.integer('axis', 0)),
    Unstack: unstacked,
    Split: (args) => parts(args, args.integer('axis', 0)),
    ArraySplit: (args) => parts(args, args.integer('axis', 0)),
    Hsplit: (args) => parts(args, args.tensor('x').rank === 1 ? 0 : 1),
    Vsplit: splitAlong(0),
    Dsplit: splitAlong(2),
    Tril: triangle(true),
    Triu: triangle(false),
    Diagonal: diagonalOf,
    Trace: (args) => reduceSum(diagonalOf(args), -1),
    OneHot: oneHot,
    Size: (args) => size(args.tensor('x')),
    Ndim: (args) => constant(args.tensor('x').rank, 'int32'),
  }),
  ...operations('x constant_values', { Pad: padded }),
  ...operations('x key', {
    GetItem: (args) => sliced(args.tensor('x'), args.get('key') ?? null, args.config),
  }),
  ...operations('x indices', { Take: taken, TakeAlongAxis: takenAlong }),
  ...operations('x*', { Meshgrid: meshgrid }),
  ...operations('array', { Rot90: turned }),
  ...operations('xs', {
    Concatenate: joined,
    Hstack: joinedAlong((rank) => (rank === 1 ? 0 : 1), atLeast1),
    Vstack: joinedAlong(() => 0, atLeast2),
    Dstack: joinedAlong(
      () => 2,
      (x) => (atLeast2(x).rank === 2 ? expandDims(atLeast2(x), 2) : x),
    ),
  }),
  ...operations('x1 x2', {
    Append: (args) => {
      const [x, y] = promoted([args.value('x1'), args.value('x2')]) as [Symbolic, Symbolic];
      return args.has('axis')
        ? concat([x, y], args.integer('axis'))
        : concat([reshape(x, [-1]), reshape(y, [-1])], 0);
    },
  }),
  ...operations('inputs start_indices', { Slice: startingAt }),
  ...operations('start stop step', { Arange: arange }),
  ...operations('fill_value', {
    Full: (args) => {
      const value = args.tensor('fill_value');
      return fill(args.sizes('shape'), args.has('dtype') ? cast(value, args.dtype()) : value);
    },
  }),
  ...operations('start stop', {
    Linspace: (args) => {
      if (
        !args.boolean('endpoint', true) ||
        args.boolean('retstep', false) ||
        args.integer('axis', 0) !== 0
      ) {
        args.refuse(
          'endpoint',
          'the default. Only the defaults of `endpoint`, `retstep` and `axis` are supported, and it',
        );
      }
      const [start, stop] = promoted([args.value('start'), args.value('stop')], true) as [Symbolic, Symbolic];
      return linspace(start, stop, args.integer('num', 50));
    },
  }),
];
