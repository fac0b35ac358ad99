import * as ops from '../graph/ops/index.js';
import { checkInteger, checkOptions, checkShare, refused } from '../support/arguments.js';
import { type Tensor, tensor } from '../tensor/tensor.js';
import { checkImages, checkTensor, describeTensor, IMAGE, INTEGER, NUMBER } from './check.js';
import { COLORMAP_LEVELS, type Colormap, checkColormap, colormapTable } from './colormap.js';
import { imageFunction, perKey } from './image_function.js';
import { scalar } from './resize.js';

export interface OverlayOptions {
  /** The number of the map among the units. Default 0. */
  readonly unit?: number;
  /** The share of the map in each pixel, from 0 to 1. Default 0.5. */
  readonly alpha?: number;
  /** Default 'turbo'. */
  readonly colormap?: Colormap;
}

/**
 * Lays maps over pictures: `(1 - alpha) · picture + alpha · colour(map)`. The map is resized bilinearly to the picture,
 * and each value gets the nearest of 256 colours. Runs off the JavaScript thread.
 *
 * @param image uint8 `(n, height, width, 3)`.
 * @param maps float32 `(n, h, w, units)` from 0 to 1, for example the result of the filter `positiveNormalize`. Values
 *   beyond 0 and 1 are clipped. NaN counts as 0.
 * @returns uint8 `(n, height, width, 3)`.
 */
export async function overlay(
  image: Tensor,
  maps: Tensor,
  options: OverlayOptions = {},
): Promise<Tensor<'uint8'>> {
  const channels = checkImages(image)[2];
  if (channels !== 3) throw refused('image', 'three channels', String(channels));
  checkOptions('options', options, ['unit', 'alpha', 'colormap']);
  const { unit = 0, alpha = 0.5, colormap = 'turbo' } = options;
  checkTensor('maps', maps);
  const [count] = image.shape;
  if (maps.dtype !== 'float32' || maps.shape.length !== 4 || maps.shape[0] !== count || maps.size === 0) {
    throw refused(
      'maps',
      `maps of ${count} picture(s), float32 (${count}, h, w, units),`,
      describeTensor(maps),
    );
  }
  checkInteger('unit', unit, 0, (maps.shape[3] as number) - 1);
  checkShare('alpha', alpha);
  checkColormap('colormap', colormap);
  const share = tensor(Float32Array.of(alpha), [], 'float32');
  return (await overlayer(colormap)(image, maps, scalar(unit), share)) as Tensor<'uint8'>;
}

const overlayer = perKey<Colormap>((name) =>
  imageFunction(
    [IMAGE, { dtype: 'float32', shape: [null, null, null, null] }, INTEGER, NUMBER],
    (image, maps, unit, alpha) => {
      const table = ops.constant(Float32Array.from(colormapTable(name)));
      const colours = ops.reshape(table, [COLORMAP_LEVELS, 3]);
      const map = ops.expandDims(ops.gather(maps, unit, { axis: 3 }), 3);
      const size = ops.slice(ops.shape(image), [1], [2]);
      const values = ops.resize(ops.where(ops.isNan(map), ops.zerosLike(map), map), size);
      const levels = ops.round(ops.multiply(ops.clipByValue(values, 0, 1), COLORMAP_LEVELS - 1));
      const coloured = ops.gather(colours, ops.squeeze(ops.cast(levels, 'int32'), 3));
      const pixels = ops.cast(image, 'float32');
      const mixed = ops.add(ops.multiply(pixels, ops.subtract(1, alpha)), ops.multiply(coloured, alpha));
      return ops.cast(ops.round(mixed), 'uint8');
    },
  ),
);
