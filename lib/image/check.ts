import { refused, wrongType } from '../support/arguments.js';
import { Tensor } from '../tensor/tensor.js';
import type { FeedSpec } from './image_function.js';

export const IMAGE: FeedSpec = { dtype: 'uint8', shape: [null, null, null, null] };
export const INTEGER: FeedSpec = { dtype: 'int32', shape: [] };
export const NUMBER: FeedSpec = { dtype: 'float32', shape: [] };

export type ImageSize = [height: number, width: number, channels: number];

/** Refuses every value except one uint8 picture `(1, height, width, channels)`. Returns height, width and channels. */
export function checkImage(image: Tensor, name = 'image'): ImageSize {
  return check(image, name, (count) => count === 1, 'one picture, uint8 (1, height, width, channels),');
}

/** Refuses every value except uint8 pictures `(n, height, width, channels)`. Returns height, width and channels. */
export function checkImages(images: Tensor, name = 'image'): ImageSize {
  return check(images, name, (count) => count > 0, 'pictures, uint8 (n, height, width, channels),');
}

function check(
  image: Tensor,
  name: string,
  countFits: (count: number) => boolean,
  expected: string,
): ImageSize {
  checkTensor(name, image);
  const [count = 0, height, width, channels] = image.shape;
  const fits = image.dtype === 'uint8' && image.shape.length === 4 && countFits(count);
  if (!fits || !height || !width || !channels) throw refused(name, expected, describeTensor(image));
  return [height, width, channels];
}

export function checkTensor(name: string, value: unknown): asserts value is Tensor {
  if (!(value instanceof Tensor)) {
    throw wrongType(
      name,
      'a Tensor',
      value,
      'Read a file with `image.readImage`, or make one of numbers with `tensor`.',
    );
  }
}

/** Returns the description of a tensor for a message: `float32 (1, 2, 3)`. */
export function describeTensor({ dtype, shape }: Tensor): string {
  return `${dtype} (${shape.join(', ')})`;
}
