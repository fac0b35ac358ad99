import { expectTypeOf, test } from 'vitest';
import { image, type Tensor, utils } from '../../lib/index.js';

declare const batch: Tensor<'uint8'>;

test('visualize takes batches and lists, and always returns bytes', () => {
  expectTypeOf(utils.visualize({ images: batch })).resolves.toEqualTypeOf<Uint8Array>();
  utils.visualize({
    images: [batch, null],
    titles: ['a', null],
    overlays: batch,
    cmap: 'gray',
    toFile: 'a.png',
  });
});

test('what does not fit is refused', () => {
  // @ts-expect-error nothing to show
  utils.visualize({});
  // @ts-expect-error numbers are made tensors first
  utils.visualize({ images: [[1, 2]] });
  // @ts-expect-error no such map
  utils.visualize({ images: batch, overlayCmap: 'rainbow' });
  // @ts-expect-error misspelt
  utils.visualize({ images: batch, overlay_alpha: 1 });
  // @ts-expect-error no such mode
  image.preprocess(batch, 'imagenet');
  expectTypeOf(image.preprocess(batch, 'tf')).resolves.toEqualTypeOf<Tensor<'float32'>>();
  expectTypeOf(image.readImage('a.png')).resolves.toEqualTypeOf<Tensor<'uint8'>>();
});
