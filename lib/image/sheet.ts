import { checkInteger, refused, wrongType } from '../support/arguments.js';
import type { Tensor } from '../tensor/tensor.js';
import { checkImage, describeTensor } from './check.js';
import { arrangeGrid } from './grid.js';

/**
 * Arranges pictures of equal size in rows with white gaps, off the JavaScript thread. `utils.visualize` takes pictures
 * of different sizes, titles and maps.
 *
 * @param images tensors uint8 `(1, height, width, 3)`. White fills the rest of the last row.
 * @param columns the number of pictures in a row.
 * @param gap the width of the white gap around each picture, in pixels. Default 4.
 * @returns uint8 `(1, rows · (height + gap) + gap, columns · (width + gap) + gap, 3)`.
 */
export async function contactSheet(
  images: readonly Tensor[],
  columns: number,
  gap = 4,
): Promise<Tensor<'uint8'>> {
  checkInteger('columns', columns);
  checkInteger('gap', gap, 0);
  if (!Array.isArray(images)) throw wrongType('images', 'an array of Tensors', images);
  const [first] = images as readonly Tensor[];
  if (first === undefined) throw refused('images', 'at least one picture', 'none');
  const [height, width] = checkImage(first, 'images[0]');
  for (const [i, image] of (images as readonly Tensor[]).entries()) {
    checkImage(image, `images[${i}]`);
    if (image.shape.join() !== `1,${height},${width},3`) {
      throw refused(`images[${i}]`, `uint8 (1, ${height}, ${width}, 3)`, describeTensor(image));
    }
  }
  const layout = {
    rows: Math.ceil(images.length / columns),
    columns,
    height,
    width,
    gap: { vertical: gap, horizontal: gap },
    margin: { top: gap, bottom: gap, left: gap, right: gap },
  };
  return arrangeGrid(layout, async (i) => (images[i] as Tensor<'uint8'>) ?? null, false);
}
