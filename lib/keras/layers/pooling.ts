/** Keras' pooling layers: windows, whole axes, and a given number of windows. */
import { op } from '../../graph/operand.js';
import { divide } from '../../graph/ops/arithmetic.js';
import { cast, concat, expandDims, squeeze, zerosLike } from '../../graph/ops/array.js';
import { where } from '../../graph/ops/comparison.js';
import { gather } from '../../graph/ops/indexing.js';
import { reduceMax, reduceMean, reduceSum } from '../../graph/ops/reduction.js';
import type { Symbolic } from '../../graph/symbolic.js';
import type { Config } from '../config.js';
import type { LayerKind } from '../layer_kind.js';
import { inChannelsLast } from './channels.js';
import {
  isChannelsFirst,
  KERAS_1_NAMES,
  maskOf,
  ofOneInput,
  positiveIntegers,
  withCurrentNames,
} from './options.js';

type PoolingMode = 'Max' | 'Average';

interface Windows {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
  readonly padding: 'valid' | 'same';
}

/** Returns the pooled x (N, ..., C). A single spatial axis is the width of an image of height 1. */
function pool(x: Symbolic, mode: PoolingMode, { sizes, strides, padding }: Windows): Symbolic {
  if (sizes.length === 1) {
    const image = { sizes: [1, ...sizes], strides: [1, ...strides], padding };
    return squeeze(pool(expandDims(x, 1), mode, image), 1);
  }
  return op(`${mode === 'Max' ? 'Max' : 'Avg'}Pool${sizes.length === 3 ? '3D' : ''}`, [x], {
    ksize: { ints: [1, ...sizes, 1] },
    strides: { ints: [1, ...strides, 1] },
    padding: padding.toUpperCase(),
  });
}

const pooling = (mode: PoolingMode, rank: number): LayerKind => ({
  names: [`${mode}Pooling${rank}D`],
  build(parts) {
    const config = withCurrentNames(parts.config, {
      padding: KERAS_1_NAMES.padding,
      ...(rank === 1 ? { pool_size: 'pool_length', strides: 'stride' } : {}),
    });
    const sizes = positiveIntegers(config, 'pool_size', rank, 2);
    const windows: Windows = {
      sizes,
      strides: config.has('strides') ? positiveIntegers(config, 'strides', rank) : sizes,
      padding: config.oneOf('padding', ['valid', 'same'] as const, 'valid'),
    };
    const isFirst = isChannelsFirst(config);
    return ofOneInput(parts, (x) => inChannelsLast(x, isFirst, (last) => pool(last, mode, windows)));
  },
});

/** The spatial axes of an input. */
const spatialAxes = (config: Config, rank: number): number[] =>
  Array.from({ length: rank }, (_, i) => i + (isChannelsFirst(config) ? 2 : 1));

const globalPooling = (mode: PoolingMode, rank: number): LayerKind => ({
  names: [`Global${mode}Pooling${rank}D`],
  build(parts) {
    const axes = spatialAxes(parts.config, rank);
    const options = { keepdims: parts.config.boolean('keepdims', false) };
    const reduce = mode === 'Max' ? reduceMax : reduceMean;
    return ofOneInput(parts, (x, call) => {
      const mask = mode === 'Average' && rank === 1 ? maskOf(call) : null;
      if (mask === null) return reduce(x, axes, options);
      // The mean over the positions that the mask keeps.
      const keep = expandDims(cast(mask, 'bool'), axes[0] === 1 ? 2 : 1);
      const total = reduceSum(where(keep, x, zerosLike(x)), axes, options);
      return divide(total, reduceSum(cast(keep, x.dtype), axes, options));
    });
  },
});

/**
 * Pools axis `axis` of x (N, ..., C) into `count` windows. Window i begins at floor(i · size / count) and ends before
 * ceil((i + 1) · size / count). As in Keras, a window has one of two lengths, each of which is pooled with stride 1.
 */
function poolInto(x: Symbolic, mode: PoolingMode, axis: number, count: number, rank: number): Symbolic {
  const size = x.shape?.[axis] as number;
  const short = Math.ceil(size / count);
  const from: number[] = [];
  const lengths: number[] = [];
  for (let i = 0; i < count; i++) {
    const begin = Math.min(Math.floor((i * size) / count), size - 1);
    from.push(begin);
    lengths.push(Math.min(Math.ceil(((i + 1) * size) / count), size) - begin);
  }
  const ones = new Array<number>(rank).fill(1);
  const slide = (length: number) =>
    pool(x, mode, { sizes: ones.with(axis - 1, length), strides: ones, padding: 'valid' });
  if (!lengths.includes(short + 1)) return gather(slide(short), from, { axis });
  const both = concat([slide(short), slide(short + 1)], axis);
  const second = size - short + 1;
  const indices = from.map((begin, i) => (lengths[i] === short ? begin : second + begin));
  return gather(both, indices, { axis });
}

/** The maximum number of windows along an axis. The graph holds an index for each window. */
const MOST_WINDOWS = 65_536;

const adaptivePooling = (mode: PoolingMode, rank: number): LayerKind => ({
  names: [`Adaptive${mode}Pooling${rank}D`],
  build(parts) {
    const { config } = parts;
    const counts = positiveIntegers(config, 'output_size', rank);
    if (counts.some((count) => count > MOST_WINDOWS)) config.fail('output_size', `at most ${MOST_WINDOWS}`);
    const isFirst = isChannelsFirst(config);
    return ofOneInput(parts, (x) => {
      if (spatialAxes(config, rank).some((axis) => typeof x.shape?.[axis] !== 'number')) {
        config.refuse(`the sizes of its input ${x} are not all known`, 'Build the model for a fixed size.');
      }
      return inChannelsLast(x, isFirst, (last) =>
        counts.reduce((pooled, count, i) => poolInto(pooled, mode, i + 1, count, rank), last),
      );
    });
  },
});

export const POOLING_LAYERS: readonly LayerKind[] = [pooling, globalPooling, adaptivePooling].flatMap(
  (kind) => [1, 2, 3].flatMap((rank) => [kind('Max', rank), kind('Average', rank)]),
);
