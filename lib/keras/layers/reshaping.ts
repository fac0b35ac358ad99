/** Keras' layers that rearrange, repeat, crop and pad their input. */
import { expandDims, pad, tile, transpose } from '../../graph/ops/array.js';
import { stridedSlice } from '../../graph/ops/indexing.js';
import type { Symbolic } from '../../graph/symbolic.js';
import { ModelError } from '../../support/errors.js';
import { type Config, isList, type Json } from '../config.js';
import type { LayerKind } from '../layer_kind.js';
import { channelsLast, inChannelsLast } from './channels.js';
import { INTERPOLATIONS, resizeImages } from './image_resize.js';
import {
  isChannelsFirst,
  ofOneInput,
  positiveInteger,
  positiveIntegers,
  withCurrentNames,
} from './options.js';
import { product, reshapeTo, type Size, sizesOf, times } from './sizes.js';

const flatten: LayerKind = {
  names: ['Flatten'],
  build(parts) {
    const isFirst = isChannelsFirst(parts.config);
    return ofOneInput(parts, (x) => {
      if (x.rank === 1) return expandDims(x, 1);
      const [batch, ...rest] = sizesOf(isFirst && x.rank > 2 ? channelsLast(x) : x) as [Size, ...Size[]];
      const count = product(rest);
      const to: Size[] = typeof count === 'number' ? [batch, count] : [batch, -1];
      return reshapeTo(isFirst && x.rank > 2 ? channelsLast(x) : x, to);
    });
  },
};

/** Returns a target shape in which -1 is replaced by the size that the known sizes of x leave. */
function resolved(x: Symbolic, target: readonly number[]): number[] {
  const known = x.shape?.slice(1) ?? [];
  if (!target.includes(-1) || known.includes(null) || known.length === 0) return [...target];
  const whole = (known as number[]).reduce((all, size) => all * size, 1);
  const given = target.reduce((all, size) => (size === -1 ? all : all * size), 1);
  return given > 0 && whole % given === 0
    ? target.map((size) => (size === -1 ? whole / given : size))
    : [...target];
}

const reshaped: LayerKind = {
  names: ['Reshape'],
  build(parts) {
    const { config } = parts;
    const target = config.list('target_shape').map((size) => size ?? -1);
    const isValid = (size: Json) => Number.isSafeInteger(size) && (size as number) >= -1;
    if (!target.every(isValid) || target.filter((size) => size === -1).length > 1) {
      config.fail('target_shape', 'sizes of at least 0 and at most one -1');
    }
    return ofOneInput(parts, (x) => {
      const [batch] = sizesOf(x) as [Size];
      return reshapeTo(x, [batch, ...resolved(x, target as number[])]);
    });
  },
};

const permute: LayerKind = {
  names: ['Permute'],
  build(parts) {
    const { config } = parts;
    const dims = config.list('dims');
    const isPermutation = dims.every((_, i) => dims.includes(i + 1));
    if (!isPermutation) config.fail('dims', `the numbers 1 to ${dims.length}, each once`);
    return ofOneInput(parts, (x) => transpose(x, [0, ...(dims as number[])]));
  },
};

/** Returns x with each slice along `axis` repeated `count` times. */
function repeated(x: Symbolic, axis: number, count: number): Symbolic {
  if (count === 1) return x;
  const extents = sizesOf(x);
  const apart = expandDims(x, axis + 1);
  const copies = tile(apart, apart.shape?.map((_, i) => (i === axis + 1 ? count : 1)) ?? []);
  return reshapeTo(copies, extents.with(axis, times(extents[axis] as Size, count)));
}

const repeatVector: LayerKind = {
  names: ['RepeatVector'],
  build(parts) {
    const count = positiveInteger(parts.config, 'n');
    return ofOneInput(parts, (x) => repeated(expandDims(x, 1), 1, count));
  },
};

type Pair = readonly [number, number];

/**
 * Reads the elements before and after each of `rank` axes: an integer for all, an integer or a pair for each axis, the
 * two integers of a single axis, or Keras 1's four integers of two axes.
 */
function pairsOf(config: Config, name: string, rank: number, fallback: number): Pair[] {
  const value = config.get(name) ?? fallback;
  const isSize = (size: Json | undefined): size is number =>
    Number.isSafeInteger(size) && (size as number) >= 0;
  const pair = (entry: Json | undefined): Pair => {
    if (isSize(entry)) return [entry, entry];
    const [before, after] = isList(entry) && entry.length === 2 ? entry : [];
    return isSize(before) && isSize(after) ? [before, after] : config.fail(name, 'integers of at least 0');
  };
  if (!isList(value)) return new Array<Pair>(rank).fill(pair(value));
  if (rank === 1) return [pair(value.length === 1 ? value[0] : value)];
  if (rank === 2 && value.length === 4) return [pair(value.slice(0, 2)), pair(value.slice(2))];
  return value.length === rank
    ? value.map(pair)
    : config.fail(name, `an integer or ${rank} pairs of integers`);
}

const around = (config: Config, pairs: readonly Pair[]): Pair[] => {
  const none: Pair = [0, 0];
  return isChannelsFirst(config) ? [none, none, ...pairs] : [none, ...pairs, none];
};

const cropping = (rank: number): LayerKind => ({
  names: [`Cropping${rank}D`],
  build(parts) {
    const { config } = parts;
    const amounts = around(config, pairsOf(config, 'cropping', rank, 1));
    const begin = amounts.map(([before]) => before);
    const end = amounts.map(([, after]) => -after);
    // An axis without an end to cut off goes on to its end.
    const endMask = amounts.reduce((mask, [, after], i) => (after === 0 ? mask | (1 << i) : mask), 0);
    return ofOneInput(parts, (x) => {
      const isEmpty = amounts.some(
        ([before, after], i) => before + after >= (x.shape?.[i] ?? Number.MAX_VALUE),
      );
      if (x.rank !== amounts.length || isEmpty) {
        throw new ModelError('DATA_LOSS', `${config.owner} crops more than its input ${x} has.`);
      }
      return stridedSlice(x, begin, end, { endMask });
    });
  },
});

const zeroPadding = (rank: number): LayerKind => ({
  names: [`ZeroPadding${rank}D`],
  build(parts) {
    const amounts = around(parts.config, pairsOf(parts.config, 'padding', rank, 1));
    return ofOneInput(parts, (x) => pad(x, amounts));
  },
});

/** UpSampling1D and UpSampling3D repeat each element. */
const upSampling = (rank: 1 | 3): LayerKind => ({
  names: [`UpSampling${rank}D`],
  build(parts) {
    const config = withCurrentNames(parts.config, { size: 'length' });
    const factors = positiveIntegers(config, 'size', rank, 2);
    const first = rank === 3 && isChannelsFirst(config) ? 2 : 1;
    return ofOneInput(parts, (x) => factors.reduce((all, factor, i) => repeated(all, first + i, factor), x));
  },
});

const upSampling2D: LayerKind = {
  names: ['UpSampling2D'],
  build(parts) {
    const { config } = parts;
    const [tall, wide] = positiveIntegers(config, 'size', 2, 2) as [number, number];
    const interpolation = config.oneOf('interpolation', INTERPOLATIONS, 'nearest');
    return ofOneInput(parts, (x) =>
      inChannelsLast(x, isChannelsFirst(config), (images) => {
        const [, height, width] = sizesOf(images) as [Size, Size, Size];
        return resizeImages(images, [times(height, tall), times(width, wide)], interpolation);
      }),
    );
  },
};

export const RESHAPING_LAYERS: readonly LayerKind[] = [
  flatten,
  reshaped,
  permute,
  repeatVector,
  ...[1, 2, 3].flatMap((rank) => [cropping(rank), zeroPadding(rank)]),
  upSampling(1),
  upSampling2D,
  upSampling(3),
];
