/** The axes of positions and of channels, for example of images (N, H, W, C) or (N, C, H, W). */
import { GraphError } from '../support/errors.js';
import { expandDims, squeeze, transpose } from './ops/array.js';
import { type Size, sizeOf } from './positions.js';
import type { Symbolic } from './symbolic.js';

/**
 * The axes of a tensor other than the samples, counted from 0: `positions` in ascending order, and the axis of the
 * channels, which is null for a tensor without channels.
 */
export interface Layout {
  readonly positions: readonly number[];
  readonly channel: number | null;
}

/** The default axes by their number. Each list exists once, so that `isDefault` recognises a default. */
const channelsLastAxes = new Map<number, readonly number[]>();
const channelsFirstAxes = new Map<number, readonly number[]>();

function axesIn(lists: Map<number, readonly number[]>, count: number, last: number): readonly number[] {
  const axes = lists.get(count) ?? Object.freeze(lastAxes(count, last));
  lists.set(count, axes);
  return axes;
}

/** Returns `count` successive axes that end at the axis `last`, which is counted from the end. */
function lastAxes(count: number, last = -2): readonly number[] {
  return Array.from({ length: count }, (_, i) => i - count + 1 + last);
}

function isDefault(axes: readonly number[]): boolean {
  return channelsLastAxes.get(axes.length) === axes || channelsFirstAxes.get(axes.length) === axes;
}

/** Returns the layout (N, ...positions, C) with `count` axes of positions. */
export function channelsLastLayout(count: number): Layout {
  return { positions: Array.from({ length: count }, (_, i) => i + 1), channel: count + 1 };
}

/** Returns the layout (N, C, ...positions) with `count` axes of positions. */
export function channelsFirstLayout(count: number): Layout {
  return { positions: Array.from({ length: count }, (_, i) => i + 2), channel: 1 };
}

/** The numbers of channels of pictures and volumes, and the largest number of channels that is no size. */
const PICTURE_CHANNELS: readonly (number | null)[] = [1, 3, 4];
const MOST_CHANNELS = 4;

/**
 * Returns whether x is plainly (N, C, H, W) or (N, C, D, H, W): 1, 3 or 4 channels on axis 1, and more than 4, or an
 * unknown number, on each axis behind it.
 */
function isPlainlyChannelsFirst(x: Symbolic): boolean {
  const [, channels = null, ...sizes] = x.shape ?? [];
  const isImage = sizes.length === 2 || sizes.length === 3;
  return (
    isImage &&
    PICTURE_CHANNELS.includes(channels) &&
    sizes.every((size) => (size ?? Infinity) > MOST_CHANNELS)
  );
}

/**
 * Returns the default axes of positions, by the rank of x: [-2] for vectors (N, F) and signals (N, T, C), [-3, -2] for
 * images, [-4, -3, -2] for volumes. For images and volumes that are plainly channels first, [-2, -1] and [-3, -2, -1].
 * If the rank is unknown, the axes of images are returned.
 */
export function defaultAxes(x: Symbolic): readonly number[] {
  const rank = x.shape?.length ?? 4;
  const count = rank < 3 ? 1 : rank - 2;
  return isPlainlyChannelsFirst(x)
    ? axesIn(channelsFirstAxes, count, -1)
    : axesIn(channelsLastAxes, count, -2);
}

/** Returns the positions of x on `axes` in ascending order, or null if x has no such axes behind the samples. */
function positiveAxes(x: Symbolic, axes: readonly number[]): readonly number[] | null {
  const positive = axes.map((axis) => (axis < 0 ? axis + x.rank : axis)).sort((a, b) => a - b);
  const exist = positive.every((axis, i) => axis > 0 && axis < x.rank && axis !== positive[i - 1]);
  return exist ? positive : null;
}

/** Returns the layout of x with these axes of positions, or null if other axes than one of channels remain. */
function layoutWith(x: Symbolic, positions: readonly number[] | null): Layout | null {
  if (positions === null) return null;
  const others = Array.from({ length: x.rank - 1 }, (_, i) => i + 1).filter(
    (axis) => !positions.includes(axis),
  );
  return others.length > 1 ? null : { positions, channel: others[0] ?? null };
}

/**
 * Returns the layout of the explained input. A vector (N, F) has no channels. The axes may also be all axes behind the
 * samples, for example [1, 2] for pictures (N, H, W) without channels.
 *
 * @throws GraphError (`INVALID_ARGUMENT`) if the axes in `spatialAxis` leave more than one axis for the channels.
 */
export function inputLayout(inputs: Symbolic, spatialAxis: readonly number[]): Layout {
  if (inputs.shape === null) return channelsLastLayout(spatialAxis.length);
  if (inputs.rank === 2 && spatialAxis.length === 1) return { positions: [1], channel: null };
  return layoutWith(inputs, positiveAxes(inputs, spatialAxis)) ?? refuse('inputs', inputs, spatialAxis);
}

/**
 * Returns the layout of the explained input for maps with `count` axes of positions. The activations of pictures
 * (N, H, W) without channels have two axes of positions: a position for every axis of the input then.
 *
 * @throws GraphError as `inputLayout` does.
 */
export function inputLayoutFor(inputs: Symbolic, spatialAxis: readonly number[], count: number): Layout {
  const layout = inputLayout(inputs, spatialAxis);
  const isWithoutChannels =
    inputs.shape !== null && count !== layout.positions.length && count === inputs.rank - 1;
  return isWithoutChannels ? { ...channelsLastLayout(count), channel: null } : layout;
}

/**
 * Returns the layout of activations. Without axes from the caller, the layout is that of their rank: (N, ...positions,
 * C). The caller's axes are those of the input. They also hold for activations of the same rank. Activations of an
 * input with channels first are channels first, too, unless (N, ...positions, C) has the proportions of the input, as
 * between the transposes that converters write around a convolution.
 *
 * @throws GraphError (`INVALID_ARGUMENT`) for activations without positions, without channels, or with other axes.
 */
export function activationsLayout(
  activations: Symbolic,
  inputs: Symbolic,
  spatialAxis: readonly number[],
): Layout {
  const name = 'activations';
  const count = spatialAxis.length;
  if (activations.shape === null) return channelsLastLayout(count);
  const { rank } = activations;
  const isNamed = !isDefault(spatialAxis);
  if (!isNamed && rank < 3) return refuse(name, activations, axesIn(channelsLastAxes, 1, -2));
  const ofInput = inputs.shape === null ? null : positiveAxes(inputs, spatialAxis);
  if (ofInput !== null && inputs.rank === rank && rank > 3 && isChannelsFirst(ofInput, rank)) {
    return isTurned(activations, inputs) ? channelsLastLayout(rank - 2) : channelsFirstLayout(rank - 2);
  }
  if (!isNamed) return channelsLastLayout(rank - 2);
  const isLeading = ofInput?.every((axis, i) => axis === i + 1) ?? false;
  const positions =
    ofInput === null || inputs.rank === rank
      ? positiveAxes(activations, spatialAxis)
      : isLeading && rank === count + 2
        ? channelsLastLayout(count).positions
        : null;
  const layout = layoutWith(activations, positions);
  return layout === null || layout.channel === null ? refuse(name, activations, spatialAxis) : layout;
}

/** Returns whether `positions` are all axes of a tensor of rank `rank` behind the samples and one axis of channels. */
function isChannelsFirst(positions: readonly number[], rank: number): boolean {
  return positions.length === rank - 2 && positions.every((axis, i) => axis === i + 2);
}

/** The largest ratio between the scales of two axes at which a tensor has the proportions of another. */
const EQUAL_PROPORTIONS = 1.25;

/**
 * Returns whether (N, ...positions, C) fits the proportions of an input (N, C, ...positions) better than its own
 * layout.
 */
function isTurned(activations: Symbolic, inputs: Symbolic): boolean {
  const whole = inputs.shape?.slice(2) ?? [];
  const distortion = (sizes: readonly (number | null)[]) => {
    const scales = sizes.map((size, i) => (size ?? Number.NaN) / (whole[i] ?? Number.NaN));
    return Math.max(...scales) / Math.min(...scales);
  };
  const shape = activations.shape ?? [];
  const turned = distortion(shape.slice(1, -1));
  return turned <= EQUAL_PROPORTIONS && turned < distortion(shape.slice(2));
}

function refuse(what: string, x: Symbolic, spatialAxis: readonly number[]): never {
  const count = Math.max(0, x.rank - 2);
  const advice =
    count === 0
      ? 'Expose a tensor with positions, for example the input of the pooling.'
      : `Set \`spatialAxis\` to [${lastAxes(count).join(', ')}].`;
  throw new GraphError(
    'INVALID_ARGUMENT',
    `Maps need an axis of positions for each of \`spatialAxis\`, [${spatialAxis.join(', ')}], but the ${what} ${x} ` +
      `have ${count}. ${advice}`,
  );
}

/**
 * Returns the axes of positions of maps (N, ...positions, U). The axes that the caller named are those of the input.
 * Maps of another rank are those of a custom method, for which the caller's axes hold as they are.
 */
export function mapAxes(maps: Symbolic, inputs: Symbolic, spatialAxis: readonly number[]): readonly number[] {
  if (isDefault(spatialAxis) || maps.shape === null || inputs.shape === null)
    return defaultMapAxes(maps, spatialAxis);
  const count = positiveAxes(inputs, spatialAxis)?.length;
  return count !== undefined && maps.rank === count + 2 ? lastAxes(count) : spatialAxis;
}

function defaultMapAxes(maps: Symbolic, spatialAxis: readonly number[]): readonly number[] {
  if (!isDefault(spatialAxis)) return spatialAxis;
  return axesIn(channelsLastAxes, maps.shape === null ? 2 : Math.max(1, maps.rank - 2), -2);
}

/** Returns the sizes of the positions of x. */
export function positionSizes(x: Symbolic, { positions }: Layout): readonly Size[] {
  return positions.map((axis) => sizeOf(x, axis));
}

/** Returns x as (N, ...positions, C). Without channels, C is 1. */
export function channelsLast(x: Symbolic, { positions, channel }: Layout): Symbolic {
  if (channel === null) return expandDims(x, -1);
  return channel === positions.length + 1 ? x : transpose(x, [0, ...positions, channel]);
}

/** Reverses {@link channelsLast}. */
export function fromChannelsLast(x: Symbolic, { positions, channel }: Layout): Symbolic {
  if (channel === null) return squeeze(x, -1);
  if (channel === positions.length + 1) return x;
  const order = [0, ...positions, channel];
  return transpose(
    x,
    order.map((_, axis) => order.indexOf(axis)),
  );
}
