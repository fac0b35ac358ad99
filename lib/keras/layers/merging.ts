import { add, divide, maximum, minimum, multiply, sqrt, subtract } from '../../graph/ops/arithmetic.js';
import { broadcastTo, cast, concat, expandDims, onesLike, transpose } from '../../graph/ops/array.js';
import { logicalAnd, logicalOr } from '../../graph/ops/comparison.js';
import { matmul } from '../../graph/ops/math.js';
import { l2Normalize } from '../../graph/ops/nn.js';
import { reduceAll, reduceAny } from '../../graph/ops/reduction.js';
import { positiveAxis, type Symbolic } from '../../graph/symbolic.js';
import { ModelError } from '../../support/errors.js';
import type { Config } from '../config.js';
import type { LayerKind, LayerParts } from '../layer_kind.js';
import { axesOf, withCurrentNames } from './options.js';
import { product, reshapeTo, type Size, sizesOf } from './sizes.js';

type Merge = (inputs: readonly Symbolic[]) => Symbolic;

/** Returns the inputs with one rank: inputs of lower rank get new axes behind the batch. */
function ofOneRank(inputs: readonly Symbolic[]): Symbolic[] {
  const rank = Math.max(...inputs.map((x) => x.rank));
  return inputs.map((x) => {
    let wide = x;
    while (wide.rank < rank) wide = expandDims(wide, 1);
    return wide;
  });
}

const folded =
  (merge: (a: Symbolic, b: Symbolic) => Symbolic): Merge =>
  (inputs) =>
    ofOneRank(inputs).reduce((all, x) => merge(all, x));

const MERGES: Readonly<Record<string, Merge>> = {
  Add: folded(add),
  Subtract: folded(subtract),
  Multiply: folded(multiply),
  Average: (inputs) => divide(folded(add)(inputs), inputs.length),
  Maximum: folded(maximum),
  Minimum: folded(minimum),
};

function atLeast(inputs: readonly Symbolic[], least: number, most: number, { config }: LayerParts): void {
  if (inputs.length < least || inputs.length > most) {
    const count = least === most ? `${least} inputs` : `at least ${least} input(s)`;
    throw new ModelError('DATA_LOSS', `Expected ${count} for ${config.owner} but received ${inputs.length}.`);
  }
}

/** The mask of an elementwise merge. Keras 3 keeps a position that any input keeps, Keras 2 one that all keep. */
const mergedMask: LayerKind['mask'] = ({ kerasVersion }, _, { masks }) => {
  const given = masks.filter((mask): mask is Symbolic => mask !== null);
  if (given.length === 0 || (kerasVersion >= 3 && given.length < masks.length)) return null;
  return given.reduce(kerasVersion >= 3 ? logicalOr : logicalAnd);
};

const elementwise = (name: string): LayerKind => ({
  names: [name],
  build(parts) {
    const [least, most] = name === 'Subtract' ? [2, 2] : [1, Number.POSITIVE_INFINITY];
    return (inputs) => {
      atLeast(inputs, least, most, parts);
      return (MERGES[name] as Merge)(inputs);
    };
  },
  mask: mergedMask,
});

/** The mask of a concatenation: each mask gets the rank of its input, and an input without a mask is kept whole. */
const concatenatedMask: LayerKind['mask'] = ({ config, kerasVersion }, inputs, { masks }) => {
  if (masks.every((mask) => mask === null)) return null;
  const axis = withCurrentNames(config, { axis: 'concat_axis' }).integer('axis', -1);
  const wide = inputs.map((x, i) => {
    const mask = masks[i] ?? null;
    if (mask === null) return cast(onesLike(x), 'bool');
    if (mask.rank >= x.rank) return mask;
    const expanded = expandDims(mask, -1);
    return kerasVersion >= 3 ? broadcastTo(expanded, sizesOf(x)) : expanded;
  });
  return (kerasVersion >= 3 ? reduceAny : reduceAll)(concat(wide, axis), -1);
};

const concatenate: LayerKind = {
  names: ['Concatenate'],
  build(parts) {
    const axis = parts.config.integer('axis', -1);
    return (inputs) => {
      atLeast(inputs, 1, Number.POSITIVE_INFINITY, parts);
      return concat(inputs, axis);
    };
  },
  mask: concatenatedMask,
};

/** Returns the axes of x in their order, with `axis` moved to position `to`. */
function moved(rank: number, axis: number, to: number): number[] {
  const others = Array.from({ length: rank }, (_, i) => i).filter((i) => i !== axis);
  return others.toSpliced(to, 0, axis);
}

/** Keras' `batch_dot`: the sum over axis `a` of x times axis `b` of y, for each sample. */
function batchDot(x: Symbolic, y: Symbolic, a: number, b: number): Symbolic {
  const left = transpose(x, moved(x.rank, a, x.rank - 1));
  const right = transpose(y, moved(y.rank, b, 1));
  const [batch, ...leftSizes] = sizesOf(left) as [Size, ...Size[]];
  const [, shared, ...rightSizes] = sizesOf(right) as [Size, Size, ...Size[]];
  const before = leftSizes.slice(0, -1);
  const rows = before.length === 1 ? left : reshapeTo(left, [batch, product(before), shared]);
  const columns = rightSizes.length === 1 ? right : reshapeTo(right, [batch, shared, product(rightSizes)]);
  const result = matmul(rows, columns);
  if (before.length === 1 && rightSizes.length === 1) return result;
  // The result of two vectors keeps one axis of size 1.
  const sizes = [...before, ...rightSizes];
  return reshapeTo(result, [batch, ...(sizes.length === 0 ? [1] : sizes)]);
}

/** Returns the axis of each of the two inputs. A negative axis counts from the end. */
function dotAxes(config: Config, [x, y]: readonly Symbolic[]): [number, number] {
  const given = axesOf(config, 'axes', -1);
  const [a, b] = given.length === 1 ? [given[0], given[0]] : given;
  if (given.length > 2 || a === undefined || b === undefined) config.fail('axes', 'one axis or two axes');
  const axes = [positiveAxis(a, (x as Symbolic).rank), positiveAxis(b, (y as Symbolic).rank)] as [
    number,
    number,
  ];
  return axes.includes(0) ? config.fail('axes', 'axes other than the batch') : axes;
}

const dot: LayerKind = {
  names: ['Dot'],
  build(parts) {
    const { config } = parts;
    const normalize = config.boolean('normalize', false);
    return (inputs) => {
      atLeast(inputs, 2, 2, parts);
      const [a, b] = dotAxes(config, inputs);
      const [x, y] = inputs.map((each, i) => (normalize ? l2Normalize(each, i === 0 ? a : b) : each));
      return batchDot(x as Symbolic, y as Symbolic, a, b);
    };
  },
};

/** The modes of Keras 1's `Merge`, as the class of each. */
const MODES = { sum: 'Add', mul: 'Multiply', ave: 'Average', max: 'Maximum' } as const;
const MERGE_MODES = [...(Object.keys(MODES) as (keyof typeof MODES)[]), 'concat', 'dot', 'cos'] as const;

/** Returns Keras 1's cosine proximity of two inputs. */
function cosine(x: Symbolic, y: Symbolic, a: number, b: number): Symbolic {
  const norm = (each: Symbolic, axis: number) => batchDot(each, each, axis, axis);
  const scale = sqrt(maximum(multiply(norm(x, a), norm(y, b)), 1e-14));
  return expandDims(divide(batchDot(x, y, a, b), scale), 1);
}

const legacyMerge: LayerKind = {
  names: ['Merge'],
  build(parts) {
    const config = withCurrentNames(parts.config, { axis: 'concat_axis', axes: 'dot_axes' });
    const mode = config.oneOf('mode', MERGE_MODES, 'sum');
    return (inputs) => {
      atLeast(inputs, 2, mode === 'dot' || mode === 'cos' ? 2 : Number.POSITIVE_INFINITY, parts);
      if (mode === 'concat') return concat(inputs, config.integer('axis', -1));
      if (mode !== 'dot' && mode !== 'cos') return (MERGES[MODES[mode]] as Merge)(inputs);
      const [x, y] = inputs as [Symbolic, Symbolic];
      const [a, b] = dotAxes(config, inputs);
      return mode === 'dot' ? batchDot(x, y, a, b) : cosine(x, y, a, b);
    };
  },
  mask: (parts, inputs, call) => {
    const mode = parts.config.oneOf('mode', MERGE_MODES, 'sum');
    if (mode === 'dot' || mode === 'cos') return null;
    const mask = mode === 'concat' ? concatenatedMask : mergedMask;
    return typeof mask === 'function' ? mask(parts, inputs, call) : null;
  },
};

export const MERGING_LAYERS: readonly LayerKind[] = [
  ...Object.keys(MERGES).map(elementwise),
  concatenate,
  dot,
  legacyMerge,
];
