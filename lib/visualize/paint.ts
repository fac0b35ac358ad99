/** What is painted in a cell: three graphs, run one after the other off the JavaScript thread. */

import type { ResizeMethod } from '../graph/ops/image.js';
import * as ops from '../graph/ops/index.js';
import type { Symbolic } from '../graph/symbolic.js';
import { INTEGER, NUMBER } from '../image/check.js';
import { COLORMAP_LEVELS, type Colormap, colormapTable } from '../image/colormap.js';
import { padWhite } from '../image/grid.js';
import { type FeedSpec, imageFunction, perKey } from '../image/image_function.js';
import { scalar } from '../image/resize.js';
import type { NumericDType } from '../tensor/dtype.js';
import { isFloating } from '../tensor/dtype.js';
import { type Tensor, tensor } from '../tensor/tensor.js';
import type { Part, Size } from './cells.js';

const ANY: FeedSpec['shape'] = [null, null, null, null];
const PIXELS: FeedSpec = { dtype: 'float32', shape: ANY };
const TABLE: FeedSpec = { dtype: 'uint8', shape: [1, COLORMAP_LEVELS, 3] };

/**
 * A picture in colours, of the size in which it is shown.
 *
 * @returns float32 `(1, size[0], size[1], 3)` from 0 to 255.
 */
export function paintImage(image: Part, size: Size, cmap: Colormap): Promise<Tensor> {
  const key = `${image.dtype} ${image.shape[2]} ${resizeMethod(image.size, size)}` as const;
  return withPart(image, (picture) => painter(key)(picture, ...size.map(scalar), table(cmap)));
}

interface OverlayStyle {
  /** Of the picture itself: a map of that size is shown as the picture is, any other is smoothed. */
  readonly imageSize: Size;
  readonly unit: number;
  readonly alpha: number;
  readonly cmap: Colormap;
}

/**
 * A map over pixels: `(1 - alpha) · pixels + alpha · colour(map)`; the pixels alone where the map is not finite.
 *
 * @returns float32 of the shape of `pixels`.
 */
export function paintOverlay(
  pixels: Tensor,
  overlay: Part,
  { imageSize, unit, alpha, cmap }: OverlayStyle,
): Promise<Tensor> {
  const shown = pixels.shape.slice(1, 3) as unknown as Size;
  const ownMethod = resizeMethod(overlay.size, shown);
  const method = overlay.size.join() === imageSize.join() || ownMethod === 'area' ? ownMethod : 'bilinear';
  const key = `${overlay.dtype} ${method}` as const;
  const share = tensor(Float32Array.of(alpha), [], 'float32');
  return withPart(overlay, (map) => overlayer(key)(pixels, map, scalar(unit), table(cmap), share));
}

/**
 * A cell: pixels in the middle of white, below their title.
 *
 * @param pixels float32 `(1, h, w, 3)` from 0 to 255, no larger than what the title leaves of the cell; null for none.
 * @param title uint8 `(1, titleHeight, cell width, 1)`, grey levels; null for none.
 * @param titleHeight what titles take, also where this cell has none: pictures of one size stand in one line.
 * @returns uint8 `(1, cell[0], cell[1], 3)`.
 */
export async function paintCell(
  pixels: Tensor | null,
  title: Tensor | null,
  titleHeight: number,
  [height, width]: Size,
): Promise<Tensor<'uint8'>> {
  const shown = pixels ?? tensor(Float32Array.of(255, 255, 255), [1, 1, 1, 3], 'float32');
  const [, shownHeight, shownWidth] = shown.shape as [number, number, number, number];
  const left = Math.floor((width - shownWidth) / 2);
  const rest = height - titleHeight - shownHeight;
  // A title without a picture stands where that of the largest one would.
  const before = pixels === null ? 0 : Math.floor(rest / 2);
  const above = title === null ? before + titleHeight : before;
  const spaces = [above, rest - before, left, width - shownWidth - left].map(scalar);
  const cell = title === null ? placer(shown, ...spaces) : titledPlacer(shown, title, ...spaces);
  return (await cell) as Tensor<'uint8'>;
}

async function withPart(part: Part, run: (tensor: Tensor) => Promise<Tensor>): Promise<Tensor> {
  const read = part.read();
  try {
    return await run(read);
  } finally {
    part.done(read);
  }
}

/**
 * As matplotlib chooses by default: each value as a square of its own where a picture is shown at its size, twice as
 * large or more than three times, else smoothly. ('area' averages, where matplotlib takes a Hanning window.)
 */
export function resizeMethod([height, width]: Size, [shownHeight, shownWidth]: Size): ResizeMethod {
  if (shownHeight < height || shownWidth < width) return 'area';
  const squares = (shown: number, given: number) =>
    shown === given || shown === 2 * given || shown > 3 * given;
  return squares(shownHeight, height) && squares(shownWidth, width) ? 'nearest' : 'bilinear';
}

const tables = new Map<Colormap, Tensor>();

function table(cmap: Colormap): Tensor {
  let found = tables.get(cmap);
  if (found === undefined) {
    found = tensor(colormapTable(cmap), [1, COLORMAP_LEVELS, 3], 'uint8');
    tables.set(cmap, found);
  }
  return found;
}

const painter = perKey<`${NumericDType} ${number} ${ResizeMethod}`>((key) => {
  const [dtype, channels, method] = key.split(' ') as [NumericDType, string, ResizeMethod];
  const feeds = [{ dtype, shape: [1, null, null, Number(channels)] }, INTEGER, INTEGER, TABLE] as const;
  return imageFunction(feeds, (image, height, width, colours) => {
    const size = [height, width];
    if (channels === '1') {
      const { pixels, shown } = colour(image, { size, method, colours });
      return shown === null ? pixels : ops.where(shown, pixels, 255);
    }
    const levels = levelsOf(image);
    return ops.resize(channels === '4' ? onWhite(levels) : levels, size, method);
  });
});

const overlayer = perKey<`${NumericDType} ${ResizeMethod}`>((key) => {
  const [dtype, method] = key.split(' ') as [NumericDType, ResizeMethod];
  const feeds = [PIXELS, { dtype, shape: ANY }, INTEGER, TABLE, NUMBER] as const;
  return imageFunction(feeds, (pixels, maps, unit, colours, alpha) => {
    const map = ops.expandDims(ops.gather(maps, unit, { axis: 3 }), 3);
    const size = ops.slice(ops.shape(pixels), [1], [2]);
    const { pixels: coloured, shown } = colour(map, { size, method, colours });
    const mixed = ops.add(ops.multiply(pixels, ops.subtract(1, alpha)), ops.multiply(coloured, alpha));
    return shown === null ? mixed : ops.where(shown, mixed, pixels);
  });
});

const placer = imageFunction([PIXELS, INTEGER, INTEGER, INTEGER, INTEGER], (pixels, ...spaces) =>
  place(pixels, null, spaces),
);

const titledPlacer = imageFunction(
  [PIXELS, { dtype: 'uint8', shape: ANY }, INTEGER, INTEGER, INTEGER, INTEGER],
  (pixels, title, ...spaces) => place(pixels, title, spaces),
);

function place(pixels: Symbolic, title: Symbolic | null, spaces: readonly Symbolic[]): Symbolic {
  const [above, below, left, right] = spaces as [Symbolic, Symbolic, Symbolic, Symbolic];
  if (title === null) return toBytes(padWhite(pixels, { 1: [above, below], 2: [left, right] }));
  const wide = padWhite(pixels, { 2: [left, right] });
  const strip = ops.tile(ops.cast(title, 'float32'), [1, 1, 1, 3]);
  return toBytes(padWhite(ops.concat([strip, wide], 1), { 1: [above, below] }));
}

function toBytes(pixels: Symbolic): Symbolic {
  return ops.cast(ops.round(pixels), 'uint8');
}

interface Colouring {
  readonly size: Symbolic | readonly Symbolic[];
  readonly method: ResizeMethod;
  /** `(1, 256, 3)`. */
  readonly colours: Symbolic;
}

/**
 * One channel `(1, h, w, 1)`, stretched from its least to its largest finite value, resized, and in the colours that
 * matplotlib gives it. `shown` says where a value was finite, null where all are.
 */
function colour(
  channel: Symbolic,
  { size, method, colours }: Colouring,
): { pixels: Symbolic; shown: Symbolic | null } {
  const values = ops.cast(channel, 'float32');
  const finite = isFloating(channel.dtype) ? ops.isFinite(values) : null;
  const among = (others: number) => (finite === null ? values : ops.where(finite, values, others));
  const least = ops.reduceMin(among(Number.POSITIVE_INFINITY));
  const range = ops.subtract(ops.reduceMax(among(Number.NEGATIVE_INFINITY)), least);
  const stretched = ops.divideNoNan(ops.subtract(values, least), range);
  const shares = finite === null ? stretched : ops.where(finite, stretched, 0);
  const levels = ops.floor(ops.multiply(ops.resize(shares, size, method), COLORMAP_LEVELS));
  const indices = ops.cast(ops.clipByValue(levels, 0, COLORMAP_LEVELS - 1), 'int32');
  const table = ops.reshape(ops.cast(colours, 'float32'), [COLORMAP_LEVELS, 3]);
  return {
    pixels: ops.gather(table, ops.squeeze(indices, 3)),
    shown:
      finite === null ? null : ops.greater(ops.resize(ops.cast(finite, 'float32'), size, 'nearest'), 0.5),
  };
}

/** Colours from 0 to 255: floats count from 0 to 1, integers from 0 to 255, as for matplotlib's `imshow`. */
function levelsOf(image: Symbolic): Symbolic {
  const values = ops.cast(image, 'float32');
  if (!isFloating(image.dtype)) return ops.clipByValue(values, 0, 255);
  const known = ops.where(ops.isNan(values), ops.zerosLike(values), values);
  return ops.multiply(ops.clipByValue(known, 0, 1), 255);
}

/** Colours with their opacity `(1, h, w, 4)` on white. */
function onWhite(levels: Symbolic): Symbolic {
  const [colours, alpha] = ops.split(levels, [3, 1], 3) as [Symbolic, Symbolic];
  const share = ops.divide(alpha, 255);
  return ops.add(ops.multiply(colours, share), ops.multiply(ops.subtract(1, share), 255));
}
