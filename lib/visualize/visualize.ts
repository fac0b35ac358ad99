import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Colormap, checkColormap } from '../image/colormap.js';
import { encodePng } from '../image/encode.js';
import { arrangeGrid } from '../image/grid.js';
import {
  checkOptions,
  checkShare,
  checkString,
  outOfRange,
  refused,
  wrongType,
} from '../support/arguments.js';
import { writeWhole } from '../support/write_whole.js';
import type { Tensor } from '../tensor/tensor.js';
import { imageParts, overlayParts } from './cells.js';
import { figureLayout, fitInto } from './grid_layout.js';
import { paintCell, paintImage, paintOverlay } from './paint.js';
import { drawTitles, titleHeight } from './titles.js';

export interface VisualizeOptions {
  /**
   * A batch `(N, H, W, C)`, a single picture `(H, W)` or `(H, W, C)`, or an array of pictures `(H, W)`, `(H, W, C)` or
   * `(1, H, W, C)` of any sizes. Null leaves a cell empty. C is 1, 3 (RGB) or 4 (RGBA, shown on white). Colours follow
   * matplotlib: floats from 0 to 1, integers from 0 to 255, clipped. A single channel is scaled from its minimum to its
   * maximum and coloured by `cmap`.
   */
  readonly images: Tensor | readonly (Tensor | null)[];
  /**
   * The titles of the cells, in order; the list may be shorter. `\n` separates lines. A line too wide ends in an
   * ellipsis.
   */
  readonly titles?: readonly (string | null)[];
  /**
   * The maps over the pictures, in order: `(N, H, W)` or `(N, H, W, U)`, or an array of `(H, W)`, `(H, W, U)` or `(1,
   * H, W, U)` and nulls. The list may be shorter. Each map is scaled from its minimum to its maximum and resized to its
   * picture. Where a value is not finite, the picture shows through.
   */
  readonly overlays?: Tensor | readonly (Tensor | null)[];
  /** The share of the overlay in each pixel, from 0 to 1. Default 0.75. */
  readonly overlayAlpha?: number;
  /** The number of the map among an overlay's U maps. Default 0. */
  readonly overlayUnit?: number;
  /** The number of rows. Default: as many as the pictures need. */
  readonly rows?: number;
  /** The number of columns. Default: 8, or the number of pictures if that is less. Ignored if `rows` is given. */
  readonly cols?: number;
  /** The size of the figure in inches; an inch has 100 pixels. Default: 4 inches per column and row. */
  readonly figsize?: readonly [width: number, height: number];
  /** The colour map of pictures with one channel. Default 'viridis', as in matplotlib. */
  readonly cmap?: Colormap;
  /** The colour map of overlays. Default 'viridis', as in matplotlib. */
  readonly overlayCmap?: Colormap;
  /** The PNG file to write. The file appears whole or not at all. Its directory must exist. */
  readonly toFile?: string;
  /** The space between columns, as a share of a cell's width. Default 0. */
  readonly subplotsWs?: number;
  /** The space between rows, as a share of a cell's height. Default 0. */
  readonly subplotsHs?: number;
}

const OPTIONS: readonly (keyof VisualizeOptions)[] = [
  'images',
  'titles',
  'overlays',
  'overlayAlpha',
  'overlayUnit',
  'rows',
  'cols',
  'figsize',
  'cmap',
  'overlayCmap',
  'toFile',
  'subplotsWs',
  'subplotsHs',
];

/**
 * Draws a grid of pictures with titles and maps as a PNG. It corresponds to `utils.visualize` of the Python library,
 * without matplotlib. Each picture fills its cell as far as its proportions allow. The picture stands in the middle of
 * the cell, and its title directly above. A picture enlarged more than three times shows each value as a square; other
 * enlargements are smoothed.
 *
 * TensorFlow's ops draw the cells off the JavaScript thread, one row of cells at a time. Memory holds the figure and
 * one row of cells. A separate thread draws titles in DejaVu Sans, independent of the machine's fonts; the thread
 * starts only if the figure has titles.
 *
 * @returns the bytes of the PNG, also if `toFile` is given.
 * @throws TypeError, RangeError for arguments that contradict each other, before any work begins.
 * @throws LoadError if titles cannot be drawn on this machine.
 */
export async function visualize(options: VisualizeOptions): Promise<Uint8Array> {
  checkOptions('options', options, OPTIONS);
  const { overlayAlpha = 0.75, overlayUnit = 0, toFile } = options;
  const images = imageParts(options.images);
  const overlays = overlayParts(options.overlays, images.length, overlayUnit);
  const titles = checkTitles(options.titles, images.length);
  checkShare('overlayAlpha', overlayAlpha);
  const cmap = checkColormap('cmap', options.cmap ?? 'viridis');
  const overlayCmap = checkColormap('overlayCmap', options.overlayCmap ?? 'viridis');
  if (toFile !== undefined) await checkFile(toFile);
  const layout = figureLayout(images.length, options);
  const cell = [layout.height, layout.width] as const;
  const above = titleHeight(titles);
  const box = [cell[0] - above, cell[1]] as const;
  if (box[0] < 1) {
    throw refused(
      'figsize',
      `cells of more than the ${above} pixels that the titles take`,
      `a figure whose cells are ${cell[0]} pixels high`,
    );
  }

  const drawn = drawTitles(titles, layout.width);
  // If painting fails first, the titles are not awaited. Their rejection must not end the process.
  drawn.catch(() => {});
  const paint = async (i: number): Promise<Tensor<'uint8'> | null> => {
    const [image, overlay, title] = [images[i], overlays[i], titles[i]];
    const strip = async () => (title ? ((await drawn).get(title) ?? null) : null);
    if (!image) return title ? paintCell(null, await strip(), above, cell) : null;
    let pixels = await paintImage(image, fitInto(box, image.size), cmap);
    if (overlay) {
      const below = pixels;
      pixels = await paintOverlay(below, overlay, {
        imageSize: image.size,
        unit: overlayUnit,
        alpha: overlayAlpha,
        cmap: overlayCmap,
      });
      below.release();
    }
    const painted = await paintCell(pixels, await strip(), above, cell);
    pixels.release();
    return painted;
  };
  const figure = await arrangeGrid(layout, paint, true);
  const png = await encodePng(figure);
  figure.release();
  for (const strip of (await drawn).values()) strip.release();
  if (toFile !== undefined) await writeWhole(toFile, png);
  return png;
}

function checkTitles(titles: unknown, count: number): readonly (string | null)[] {
  if (titles === undefined) return [];
  if (!Array.isArray(titles)) throw wrongType('titles', 'an array of strings', titles);
  titles.forEach((title, i) => {
    if (title !== null && typeof title !== 'string')
      throw wrongType(`titles[${i}]`, 'a string or null', title);
  });
  if (titles.length > count) {
    throw refused('titles', `at most one a picture, of which there are ${count}`, `${titles.length}`);
  }
  return titles;
}

async function checkFile(toFile: unknown): Promise<void> {
  const path = checkString('toFile', toFile);
  if (!/\.png$/i.test(path)) {
    const mend = 'For a JPEG, decode the result with `image.decodeImage` and use `image.encodeJpeg`.';
    throw outOfRange('toFile', 'the name of a .png file', path, mend);
  }
  const directory = resolve(dirname(path));
  const found = await stat(directory).catch(() => null);
  if (!found?.isDirectory()) {
    throw outOfRange('toFile', 'a file in a directory that exists', path, `Make ${directory} first.`);
  }
}
