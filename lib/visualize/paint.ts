/**
 * Paints the contents of a cell: picture, map and title. Three graphs run one after the other off the JavaScript
 * thread.
 */

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
 * Colours a picture and resizes it to `size`.
 *
 * @returns float32 `(1, size[0], size[1], 3)` from 0 to 255.
 */
export function paintImage(image: Part, size: Size, cmap: Colormap): Promise<Tensor> {
  const key = `${image.dtype} ${image.shape[2]} ${resizeMethod(image.size, size)}` as const;
  return withPart(image, (picture) => painter(key)(picture, ...size.map(scalar), table(cmap)));
}

interface OverlayStyle {
  /**
   * The size of the picture before resizing. A map of this size is resized like the picture; other maps are smoothed.
   */
  readonly imageSize: Size;
  readonly unit: number;
  readonly alpha: number;
  readonly cmap: Colormap;
}

/**
 * Lays a map over pixels: `(1 - alpha) · pixels + alpha · colour(map)`. Where the map is not finite, the pixels remain.
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
 * Paints a cell: pixels on white, centred below their title.
 *
 * @param pixels float32 `(1, h, w, 3)` from 0 to 255 that fits the cell below the title. Null for no picture.
 * @param title uint8 `(1, titleHeight, cell width, 1)` of grey levels. Null for no title.
 * @param titleHeight the height of titles, also for a cell without a title, so that pictures of a row are aligned.
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
  // A title without a picture has the place of a title above the largest picture.
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
 * Returns the method that matplotlib chooses by default. A picture at its own size, at twice its size, or enlarged more
 * than three times shows each value as a square. Other sizes are smoothed. A reduced picture is averaged ('area');
 * matplotlib uses a Hanning window instead.
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
 * Colours one channel `(1, h, w, 1)` as matplotlib does: scaled from the minimum to the maximum of its finite values,
 * and resized. `shown` marks where the value was finite; null means everywhere.
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

/** Converts colours to the range 0 to 255. Like in matplotlib's `imshow`, floats range from 0 to 1. */
function levelsOf(image: Symbolic): Symbolic {
  const values = ops.cast(image, 'float32');
  if (!isFloating(image.dtype)) return ops.clipByValue(values, 0, 255);
  const known = ops.where(ops.isNan(values), ops.zerosLike(values), values);
  return ops.multiply(ops.clipByValue(known, 0, 1), 255);
}

/** Blends colours with opacity, `(1, h, w, 4)`, onto white. */
function onWhite(levels: Symbolic): Symbolic {
  const [colours, alpha] = ops.split(levels, [3, 1], 3) as [Symbolic, Symbolic];
  const share = ops.divide(alpha, 255);
  return ops.add(ops.multiply(colours, share), ops.multiply(ops.subtract(1, share), 255));
}
