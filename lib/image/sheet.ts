import { checkInteger, refused } from '../arguments.js';
import * as ops from '../graph/ops/index.js';
import type { Symbolic } from '../graph/symbolic.js';
import { type Tensor, tensor } from '../tensor.js';
import { type FeedSpec, imageFunction, perKey } from './image_function.js';

/**
 * Pictures of one size side by side, row after row, with white between them; made by TensorFlow off the JavaScript
 * thread.
 *
 * @param images uint8 `(1, height, width, 3)` each; white fills the last row.
 * @param columns pictures in a row.
 * @param gap white pixels around each picture.
 * @returns uint8 `(1, rows · (height + gap) + gap, columns · (width + gap) + gap, 3)`.
 */
export async function contactSheet(
  images: readonly Tensor[],
  columns: number,
  gap = 4,
): Promise<Tensor<'uint8'>> {
  checkInteger('columns', columns);
  checkInteger('gap', gap, 0);
  const [first] = images;
  if (first === undefined) throw refused('images', 'at least one picture', 'none');
  const [, height, width] = first.shape as [number, number, number, number];
  const rows = Math.ceil(images.length / columns);
  const cell = height * width * 3;
  const pixels = new Uint8Array(rows * columns * cell).fill(255);
  images.forEach((image, i) => {
    if (image.dtype !== 'uint8' || image.shape.join() !== `1,${height},${width},3`) {
      throw refused(
        `images[${i}]`,
        `uint8 (1, ${height}, ${width}, 3)`,
        `${image.dtype} (${image.shape.join(', ')})`,
      );
    }
    pixels.set(image.data as Uint8Array, i * cell);
  });
  const cells = tensor(pixels, [1, rows * columns, height, width, 3], 'uint8');
  return (await arranger(`${columns} ${gap}`)(cells)) as Tensor<'uint8'>;
}

const CELLS: FeedSpec = { dtype: 'uint8', shape: [null, null, null, null, 3] };

const arranger = perKey<`${number} ${number}`>((key) => {
  const [columns, gap] = key.split(' ').map(Number) as [number, number];
  const white = { value: 255 };
  const none: readonly [number, number] = [0, 0];
  const before: readonly [number, number] = [gap, 0];
  const after: readonly [number, number] = [0, gap];
  return imageFunction([CELLS], (cells) => {
    // As floats: oneDNN's transpose complains on the error stream about integers.
    const spaced = ops.pad(ops.cast(cells, 'float32'), [none, none, after, after, none], white);
    const [height, width] = ops.unstack(ops.slice(ops.shape(spaced), [2], [2])) as [Symbolic, Symbolic];
    const grid = ops.reshape(spaced, [-1, columns, height, width, 3]);
    const rows = ops.transpose(grid, [0, 2, 1, 3, 4]);
    const sheet = ops.reshape(rows, [1, -1, ops.multiply(width, columns), 3]);
    return ops.cast(ops.pad(sheet, [none, before, before, none], white), 'uint8');
  });
});
