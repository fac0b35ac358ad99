import { contactSheet, encodePng } from '../../image/index.js';
import type { Tensor } from '../../tensor.js';
import { writeWhole } from '../write_whole.js';

/** Pictures that a sheet shows: the first ones. */
export const SHEET_COLUMNS = 6;
/** Pictures of a strip, which shows one method alone. */
export const STRIP_COLUMNS = 4;
/** The longer side of a cell, in pixels. */
const CELL = 128;

/** Pictures side by side, in cells of one size. */
export interface SheetRow {
  readonly title: string;
  /** uint8 `(1, height, width, 3)` each. */
  readonly cells: readonly Tensor<'uint8'>[];
  /** What each cell shows, where that is not said by the title. */
  readonly captions?: readonly string[];
}

/** The size of a cell, in the proportions that a model of input `size` sees pictures in. */
export function cellSize([height, width]: readonly [number, number]): [height: number, width: number] {
  const scale = CELL / Math.max(height, width);
  return [Math.max(1, Math.round(height * scale)), Math.max(1, Math.round(width * scale))];
}

/** Writes rows of pictures, one below the other, as a PNG that is there whole or not at all. */
export async function writeSheet(
  file: string,
  rows: readonly SheetRow[],
  columns = SHEET_COLUMNS,
): Promise<void> {
  const shown = rows.map(({ cells }) => cells.slice(0, columns));
  const sheet = await contactSheet(shown.flat(), Math.max(...shown.map((cells) => cells.length)));
  await writeWhole(file, await encodePng(sheet));
  sheet.release();
}
