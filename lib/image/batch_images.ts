import { ensureTensorflow } from '../binding/loader.js';
import { refused, wrongType } from '../support/arguments.js';
import { allocate, joinRows, type Tensor } from '../tensor/tensor.js';
import { checkTensor, describeTensor } from './check.js';

/**
 * Joins pictures of equal size and dtype into one batch, which models and most image functions take. The pictures are
 * copied off the JavaScript thread and stay valid.
 *
 * @param images tensors `(n, height, width, channels)`, usually with n = 1.
 * @returns `(N, height, width, channels)`; N is the sum of all n. A single tensor is returned itself.
 * @throws TypeError, RangeError if a size or dtype differs from the first tensor's.
 */
export async function batchImages(images: readonly Tensor[]): Promise<Tensor> {
  if (!Array.isArray(images)) throw wrongType('images', 'an array of Tensors', images);
  const [first] = images as readonly Tensor[];
  if (first === undefined) throw refused('images', 'at least one picture', 'none');
  let rows = 0;
  for (const [i, image] of (images as readonly Tensor[]).entries()) {
    checkTensor(`images[${i}]`, image);
    const alike = image.dtype === first.dtype && image.shape.slice(1).join() === first.shape.slice(1).join();
    if (image.shape.length !== 4 || !alike) {
      throw refused(
        `images[${i}]`,
        `${first.dtype} (n, ${first.shape.slice(1).join(', ')}), as the first is,`,
        describeTensor(image),
        'Bring all to one size with `image.prepareImage` or `image.resizeImage`.',
      );
    }
    rows += image.shape[0] as number;
  }
  if (images.length === 1) return first;
  await ensureTensorflow();
  const batch = allocate([rows, ...first.shape.slice(1)], first.dtype);
  let row = 0;
  for (const image of images as readonly Tensor[]) {
    await joinRows(batch, row, image);
    row += image.shape[0] as number;
  }
  return batch;
}
