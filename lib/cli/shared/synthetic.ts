import type { TensorSpec } from '../../graph/layer.js';
import { encode, isFloating, isNumeric } from '../../tensor/dtype.js';
import { elementsOf } from '../../tensor/nested_arrays.js';
import { type Tensor, tensor } from '../../tensor/tensor.js';
import { UsageError } from './failure.js';

/** The number of channels if the model takes any number. */
const CHANNELS = 3;

/**
 * Returns the shape of `rows` samples for an input. Open sizes are taken from `size`, whose last value serves all
 * further axes.
 */
export function shapeFor({ name, shape }: TensorSpec, rows: number, size: readonly number[]): number[] {
  if (shape === null || shape.length === 0) {
    throw new UsageError(`The model's input '${name}' has no known shape, so no samples can be made for it.`);
  }
  const places = shape.slice(1).map((each, i) => {
    if (each !== null) return each;
    const isChannels = i === shape.length - 2 && shape.length > 2;
    return isChannels ? CHANNELS : (size[Math.min(i, size.length - 1)] as number);
  });
  return [rows, ...places];
}

/** Returns samples for every input of a model: reproducible noise from 0 to 1, or zeros for integer inputs. */
export function syntheticInputs(
  inputs: readonly TensorSpec[],
  rows: number,
  size: readonly number[],
): readonly Tensor[] {
  return inputs.map((spec) => {
    const { name, dtype } = spec;
    if (!isNumeric(dtype)) {
      throw new UsageError(
        `The model's input '${name}' is of dtype ${dtype}: no samples can be made for it.`,
      );
    }
    const shape = shapeFor(spec, rows, size);
    const next = noise();
    const values = { length: elementsOf(shape) };
    const elements = Array.from(values, () => (isFloating(dtype) ? next() : 0));
    return tensor(encode(elements, dtype), shape, dtype);
  });
}

/** Returns the axes of positions of a model's first input: those between samples and channels, counted from the end. */
export function positionsOf([input]: readonly TensorSpec[]): readonly number[] {
  const rank = input?.shape?.length ?? 0;
  return Array.from({ length: Math.max(0, rank - 2) }, (_, i) => i + 1 - rank);
}

/** Returns pseudorandom numbers from 0 to 1 (mulberry32). */
function noise(): () => number {
  let state = 1;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
