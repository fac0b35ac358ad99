import { ensureTensorflow } from '../binding/loader.js';
import { op } from '../graph/operand.js';
import * as ops from '../graph/ops/index.js';
import type { Symbolic } from '../graph/symbolic.js';
import { mapConcurrently } from '../support/map_concurrently.js';
import { allocate, copySlowly, type Tensor } from '../tensor/tensor.js';
import { INTEGER } from './check.js';
import { type FeedSpec, IMAGE_REPLICAS, imageFunction } from './image_function.js';
import { scalar } from './resize.js';

/** The layout of a grid of cells, in pixels. */
export interface GridLayout {
  readonly rows: number;
  readonly columns: number;
  /** The size of every cell. */
  readonly height: number;
  readonly width: number;
  /** The gap between cells. */
  readonly gap: { readonly vertical: number; readonly horizontal: number };
  /** The margin around the grid. */
  readonly margin: {
    readonly top: number;
    readonly bottom: number;
    readonly left: number;
    readonly right: number;
  };
}

export function gridSize(layout: GridLayout): [height: number, width: number] {
  const { rows, columns, height, width, gap, margin } = layout;
  return [
    margin.top + rows * height + (rows - 1) * gap.vertical + margin.bottom,
    margin.left + columns * width + (columns - 1) * gap.horizontal + margin.right,
  ];
}

/**
 * Arranges cells in rows on a white sheet. TensorFlow makes each row off the JavaScript thread; the row is copied in
 * slices of the event loop. Memory holds the sheet and one row of cells.
 *
 * @param cellAt returns the cell of an index, counted along the rows: uint8 `(1, height, width, 3)`, or null for a
 *   white cell.
 * @param release whether each cell is released after it was copied.
 * @returns uint8 `(1, height, width, 3)` of `gridSize`.
 */
export async function arrangeGrid(
  layout: GridLayout,
  cellAt: (index: number) => Promise<Tensor<'uint8'> | null>,
  release: boolean,
): Promise<Tensor<'uint8'>> {
  await ensureTensorflow();
  const { rows, columns, height, width, gap, margin } = layout;
  const sheet = allocate([1, ...gridSize(layout), 3], 'uint8');
  const cells = allocate([1, columns, height, width, 3], 'uint8');
  const white = await blank(scalar(height), scalar(width));
  let filled = 0;
  for (let row = 0; row < rows; row++) {
    await mapConcurrently([...Array(columns).keys()], IMAGE_REPLICAS, async (column) => {
      const cell = await cellAt(row * columns + column);
      await copySlowly((cell ?? white).data, cells.data, column * white.size);
      if (release) cell?.release();
    });
    const space = [
      row === 0 ? margin.top : 0,
      row === rows - 1 ? margin.bottom : gap.vertical,
      margin.left,
      margin.right,
      gap.horizontal,
    ];
    const strip = await arranger(cells, ...space.map(scalar));
    await copySlowly(strip.data, sheet.data, filled);
    filled += strip.size;
    strip.release();
  }
  cells.release();
  white.release();
  return sheet;
}

const blank = imageFunction([INTEGER, INTEGER], (height, width) =>
  ops.fill([1, height, width, 3], ops.constant(255, 'uint8')),
);

const CELLS: FeedSpec = { dtype: 'uint8', shape: [null, null, null, null, 3] };

/** Converts one row of cells `(1, columns, height, width, 3)` to pixels `(1, ..., ..., 3)`. */
const arranger = imageFunction(
  [CELLS, INTEGER, INTEGER, INTEGER, INTEGER, INTEGER],
  (cells, top, bottom, left, right, gap) => {
    // The transpose takes floats, because oneDNN's transpose of integers writes warnings to stderr.
    const spaced = padWhite(ops.cast(cells, 'float32'), { 3: [0, gap] });
    const [, columns, height, width] = ops.unstack(ops.shape(spaced)) as [
      Symbolic,
      Symbolic,
      Symbolic,
      Symbolic,
    ];
    const wholeWidth = ops.multiply(width, columns);
    const whole = ops.reshape(ops.transpose(spaced, [0, 2, 1, 3, 4]), [1, height, wholeWidth, 3]);
    const row = ops.slice(whole, [0, 0, 0, 0], [1, -1, ops.subtract(wholeWidth, gap), 3]);
    return ops.cast(padWhite(row, { 1: [top, bottom], 2: [left, right] }), 'uint8');
  },
);

type Space = readonly [before: Symbolic | number, after: Symbolic | number];

/** Pads float pixels with white before and after the named axes. */
export function padWhite(pixels: Symbolic, spaces: Readonly<Record<number, Space>>): Symbolic {
  const amounts = Array.from({ length: pixels.rank }, (_, axis) => spaces[axis] ?? [0, 0]);
  const paddings = ops.reshape(ops.stack(amounts.flat().map((each) => ops.constant(each, 'int32'))), [-1, 2]);
  return op('PadV2', [pixels, paddings, ops.constant(255, pixels.dtype)]);
}
