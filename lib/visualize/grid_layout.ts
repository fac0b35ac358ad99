import { type GridLayout, gridSize } from '../image/grid.js';
import { checkInteger, outOfRange, refused, wrongType } from '../support/arguments.js';
import type { Size } from './cells.js';

/** Matplotlib's default resolution. */
export const DOTS_PER_INCH = 100;
const INCHES_PER_CELL = 4;
/** The default maximum number of columns. */
const MOST_COLUMNS = 8;
/** The maximum number of pixels: 134 million, which need 403 MB. A PNG is encoded in one piece. */
const MOST_PIXELS = 2 ** 27;

export interface FigureOptions {
  readonly rows?: number;
  readonly cols?: number;
  readonly figsize?: readonly [width: number, height: number];
  readonly subplotsWs?: number;
  readonly subplotsHs?: number;
}

/** Returns rows and columns for `count` cells, as the Python library does: `cols` counts only if `rows` is missing. */
export function gridShape(count: number, { rows, cols }: FigureOptions): [rows: number, cols: number] {
  if (rows !== undefined) {
    checkInteger('rows', rows);
    return [rows, Math.ceil(count / rows)];
  }
  const columns = cols === undefined ? Math.min(MOST_COLUMNS, count) : checkInteger('cols', cols);
  return [Math.ceil(count / columns), columns];
}

/**
 * Returns the layout of a figure's cells. `subplotsWs` and `subplotsHs` are matplotlib's `wspace` and `hspace`: the
 * space between cells as a share of a cell. The margin holds only the pixels that do not divide evenly.
 */
export function figureLayout(count: number, options: FigureOptions): GridLayout {
  const [rows, columns] = gridShape(count, options);
  const { figsize = [INCHES_PER_CELL * columns, INCHES_PER_CELL * rows] } = options;
  if (!Array.isArray(figsize) || figsize.length !== 2) {
    throw wrongType('figsize', '[width, height] in inches', figsize);
  }
  const across = divide('figsize[0]', figsize[0], columns, 'subplotsWs', options.subplotsWs ?? 0);
  const down = divide('figsize[1]', figsize[1], rows, 'subplotsHs', options.subplotsHs ?? 0);
  const layout = {
    rows,
    columns,
    height: down.cell,
    width: across.cell,
    gap: { vertical: down.gap, horizontal: across.gap },
    margin: { top: down.before, bottom: down.after, left: across.before, right: across.after },
  };
  const [height, width] = gridSize(layout);
  if (height * width > MOST_PIXELS) {
    throw refused(
      'figsize',
      `at most ${MOST_PIXELS} pixels`,
      `${width} x ${height}, for ${rows} rows of ${columns}`,
      'Name a smaller one (4 inches a cell are the default, of 100 pixels each), or show fewer images at a time.',
    );
  }
  return layout;
}

/** Divides one axis of `inches` into cells and gaps. The remaining pixels are split between both sides. */
function divide(
  name: string,
  inches: unknown,
  count: number,
  spaceName: string,
  space: unknown,
): { cell: number; gap: number; before: number; after: number } {
  if (typeof inches !== 'number') throw wrongType(name, 'a number of inches', inches);
  if (!(inches > 0 && Number.isFinite(inches))) throw outOfRange(name, 'a positive number of inches', inches);
  if (typeof space !== 'number') throw wrongType(spaceName, 'a number', space);
  if (!(space >= 0 && Number.isFinite(space))) throw outOfRange(spaceName, 'a number of at least 0', space);
  const pixels = Math.round(inches * DOTS_PER_INCH);
  const cell = Math.floor(pixels / (count + space * (count - 1)));
  if (cell < 1) {
    throw refused(name, `a size that leaves ${count} cells a pixel each`, `${inches} inches`);
  }
  // A single cell has no gap.
  const gap = count > 1 ? Math.floor(space * cell) : 0;
  const rest = pixels - count * cell - (count - 1) * gap;
  const before = Math.floor(rest / 2);
  return { cell, gap, before, after: rest - before };
}

/** Returns the size of a picture that fills `box` as far as its proportions allow. */
export function fitInto(box: Size, [height, width]: Size): Size {
  const scale = Math.min(box[0] / height, box[1] / width);
  return [Math.max(1, Math.round(height * scale)), Math.max(1, Math.round(width * scale))];
}
