import { refused, wrongType } from '../arguments.js';
import { Tensor } from '../tensor.js';
import type { FeedSpec } from './image_function.js';

export const IMAGE: FeedSpec = { dtype: 'uint8', shape: [null, null, null, null] };
export const INTEGER: FeedSpec = { dtype: 'int32', shape: [] };
export const NUMBER: FeedSpec = { dtype: 'float32', shape: [] };

/** Refuses all but one uint8 picture `(1, height, width, channels)`, and returns its height, width and channels. */
export function checkImage(image: Tensor, name = 'image'): [height: number, width: number, channels: number] {
  if (!(image instanceof Tensor))
    throw wrongType(name, 'a Tensor', image, 'Decode a file with `image.decodeImage`.');
  const [count, height, width, channels] = image.shape;
  const fits = image.dtype === 'uint8' && image.shape.length === 4 && count === 1;
  if (!fits || !height || !width || !channels) {
    throw refused(
      name,
      'one picture, uint8 (1, height, width, channels),',
      `${image.dtype} (${image.shape.join(', ')})`,
    );
  }
  return [height, width, channels];
}
