/**
 * Splits the arguments of `visualize` into one picture and one map per cell. A part is copied only when it is drawn.
 */

import { describeTensor } from '../image/check.js';
import { checkInteger, refused, wrongType } from '../support/arguments.js';
import { elementsOf } from '../tensor/nested_arrays.js';
import { Tensor, tensor } from '../tensor/tensor.js';

export type Size = readonly [height: number, width: number];

/** One picture or map of a tensor. */
export class Part {
  readonly #tensor: Tensor;
  readonly #index: number;
  readonly shape: readonly [height: number, width: number, channels: number];

  constructor(whole: Tensor, index: number, shape: readonly [number, number, number]) {
    this.#tensor = whole;
    this.#index = index;
    this.shape = shape;
  }

  get dtype(): Tensor['dtype'] {
    return this.#tensor.dtype;
  }

  get size(): Size {
    return [this.shape[0], this.shape[1]];
  }

  /** Returns the part as `(1, height, width, channels)`: the tensor itself if it has that shape, else a view. */
  read(): Tensor {
    const shape = [1, ...this.shape];
    if (this.#tensor.shape.join() === shape.join()) return this.#tensor;
    const size = elementsOf(shape);
    const begin = this.#index * size;
    return tensor(this.#tensor.data.subarray(begin, begin + size), shape, this.dtype);
  }

  /** Releases the result of `read`, unless the result is the caller's own tensor. */
  done(read: Tensor): void {
    if (read !== this.#tensor) read.release();
  }
}

const IMAGES = 'a Tensor (N, H, W, C), or an array of Tensors and nulls';
const CHANNELS = [1, 3, 4];

/** Returns the pictures of a batch, or one picture per element of an array. Null stands for an empty cell. */
export function imageParts(images: unknown): (Part | null)[] {
  if (images instanceof Tensor) {
    const [count, ...rest] = images.shape;
    if (images.shape.length !== 4) return [imagePart('images', images)];
    const shape = checkImageShape('images', images, rest);
    const parts = Array.from({ length: count as number }, (_, i) => new Part(images, i, shape));
    if (parts.length === 0) throw refused('images', 'at least one picture', describeTensor(images));
    return parts;
  }
  if (!Array.isArray(images)) {
    throw wrongType('images', IMAGES, images, 'Make one of numbers with `ke.tensor(data, shape)`.');
  }
  if (images.length === 0) throw refused('images', 'at least one picture', 'none');
  return images.map((image, i) => {
    if (image === null) return null;
    if (!(image instanceof Tensor)) throw wrongType(`images[${i}]`, 'a Tensor or null', image);
    return imagePart(`images[${i}]`, image);
  });
}

/** Returns a single picture: (H, W), (H, W, C) or (1, H, W, C). */
function imagePart(name: string, image: Tensor): Part {
  const { shape } = image;
  const single = shape.length === 4 && shape[0] === 1 ? shape.slice(1) : shape;
  return new Part(image, 0, checkImageShape(name, image, single.length === 2 ? [...single, 1] : single));
}

function checkImageShape(name: string, image: Tensor, shape: readonly number[]): [number, number, number] {
  if (shape.length !== 3 || !CHANNELS.includes(shape[2] as number) || elementsOf(shape) === 0) {
    throw refused(
      name,
      'a picture (H, W), (H, W, C) or (1, H, W, C) with C = 1, 3 (RGB) or 4 (RGBA)',
      describeTensor(image),
      name === 'images' ? 'A batch is (N, H, W, C), of grey pictures (N, H, W, 1).' : '',
    );
  }
  return shape as [number, number, number];
}

/**
 * Returns the maps over `count` pictures: the maps of a batch, or one per element of an array. Null stands for no map.
 */
export function overlayParts(overlays: unknown, count: number, unit: number): (Part | null)[] {
  const parts = takeOverlaysApart(overlays);
  if (parts.length > count) {
    throw refused('overlays', `at most one a picture, of which there are ${count}`, `${parts.length}`);
  }
  for (const part of parts) {
    if (part !== null) checkInteger('overlayUnit', unit, 0, part.shape[2] - 1);
  }
  return parts;
}

function takeOverlaysApart(overlays: unknown): (Part | null)[] {
  if (overlays === undefined) return [];
  if (overlays instanceof Tensor) {
    const [count, ...shape] = overlays.shape;
    if (overlays.shape.length !== 3 && overlays.shape.length !== 4) {
      throw refused('overlays', 'maps (N, H, W) or (N, H, W, U)', describeTensor(overlays));
    }
    const each = checkOverlayShape('overlays', overlays, shape);
    return Array.from({ length: count as number }, (_, i) => new Part(overlays, i, each));
  }
  if (!Array.isArray(overlays)) {
    throw wrongType('overlays', 'a Tensor (N, H, W, U), or an array of Tensors and nulls', overlays);
  }
  return overlays.map((overlay, i) => {
    if (overlay === null) return null;
    const name = `overlays[${i}]`;
    if (!(overlay instanceof Tensor)) throw wrongType(name, 'a Tensor or null', overlay);
    const single =
      overlay.shape.length === 4 && overlay.shape[0] === 1 ? overlay.shape.slice(1) : overlay.shape;
    return new Part(overlay, 0, checkOverlayShape(name, overlay, single));
  });
}

function checkOverlayShape(
  name: string,
  overlay: Tensor,
  shape: readonly number[],
): [number, number, number] {
  const whole = shape.length === 2 ? [...shape, 1] : shape;
  if (whole.length !== 3 || elementsOf(whole) === 0) {
    throw refused(name, 'a map (H, W), (H, W, U) or (1, H, W, U)', describeTensor(overlay));
  }
  return whole as [number, number, number];
}
