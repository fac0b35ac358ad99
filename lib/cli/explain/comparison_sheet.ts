import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { contactSheet } from '../../image/index.js';
import { LoadError } from '../../support/errors.js';
import { writeWhole } from '../../support/write_whole.js';
import type { Tensor } from '../../tensor/tensor.js';
import { DOTS_PER_INCH } from '../../visualize/grid_layout.js';
import { visualize } from '../../visualize/index.js';
import { titleHeight } from '../../visualize/titles.js';

/** The number of pictures on a sheet. The first pictures are shown. */
export const SHEET_COLUMNS = 6;
/** The number of pictures on a strip, which shows one method. */
export const STRIP_COLUMNS = 4;
/** The limits of a cell's longer side in pixels. More pixels than the model's input show no further detail. */
const LEAST_CELL = 64;
const MOST_CELL = 128;

/** The message for the user if {@link writeSheet} could not draw titles. */
export const UNTITLED = 'No titles in the pictures: the optional package @napi-rs/canvas is not installed.';

/** Pictures side by side, in cells of one size, below a title. */
export interface SheetRow {
  readonly title: string;
  /** uint8 `(1, height, width, 3)` each. */
  readonly cells: readonly Tensor<'uint8'>[];
}

/** Returns the size of a cell with the proportions of the model's input `size`. */
export function cellSize([height, width]: readonly [number, number]): [height: number, width: number] {
  const longer = Math.max(height, width);
  const scale = Math.min(Math.max(longer, LEAST_CELL), MOST_CELL) / longer;
  return [Math.max(1, Math.round(height * scale)), Math.max(1, Math.round(width * scale))];
}

/**
 * Writes rows of pictures, one below the other, as a PNG. The file is written completely or not at all. Its directory
 * is created.
 *
 * @returns false if this machine cannot draw titles. The sheet then has no titles.
 */
export async function writeSheet(
  file: string,
  rows: readonly SheetRow[],
  columns = SHEET_COLUMNS,
): Promise<boolean> {
  const images = await Promise.all(
    rows.map(({ cells }) => {
      const shown = cells.slice(0, columns);
      return contactSheet(shown, shown.length);
    }),
  );
  const [, height, width] = (images[0] as Tensor).shape as [number, number, number];
  const figure = (titles: string[]) => {
    const whole = (height + titleHeight(titles)) * rows.length;
    const figsize: [number, number] = [width / DOTS_PER_INCH, whole / DOTS_PER_INCH];
    return visualize({ images, titles, cols: 1, figsize });
  };
  let titled = true;
  const png = await figure(rows.map(({ title }) => title)).catch((error: unknown) => {
    // After a long run, a sheet without titles is better than no sheet.
    if (!(error instanceof LoadError)) throw error;
    titled = false;
    return figure([]);
  });
  for (const image of images) image.release();
  await mkdir(dirname(file), { recursive: true });
  await writeWhole(file, png);
  return titled;
}
