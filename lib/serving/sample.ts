/** What one call asks for: a sample and its units, checked before they wait with those of others. */

import { kindOf, unitsOf } from '../data/batch.js';
import { type Indices, indicesTensor } from '../data/indices.js';
import { type Inputs, inputTensors, refuseNaNs } from '../data/inputs.js';
import { describeShape } from '../graph/symbolic.js';
import type { Model } from '../model/model.js';
import { refused } from '../support/arguments.js';
import { bytesPerElement, checkDType, viewOf } from '../tensor/dtype.js';
import { elementsOf } from '../tensor/nested_arrays.js';
import { Tensor } from '../tensor/tensor.js';

/** One sample, as the model takes it. */
export interface Sample {
  /** One tensor per input of the model, (1, ...). */
  readonly inputs: readonly Tensor[];
  /** int32 (1, U), or null for every unit. */
  readonly indices: Tensor | null;
  /** Equal for samples that one batch can hold: dtypes, shapes and the number of units. */
  readonly group: string;
  /** Gives back what was made for this call alone. */
  release(): void;
}

/**
 * Checks a call's `x` and `y`, but for NaN.
 *
 * @param axis the axis of the model's first output that `y` points into.
 * @throws TypeError, RangeError that name what is wrong.
 */
export function sampleOf(model: Model, x: Inputs, y: Indices | null | undefined, axis: number): Sample {
  const inputs = inputTensors(x, model.inputs);
  const [first] = inputs as [Tensor];
  if (first.shape[0] !== 1) {
    throw refused(
      'x',
      'one sample, of shape (1, ...),',
      describeShape(first.shape),
      'Call once per sample: calls are put together in batches. `explain` takes many samples at once.',
    );
  }
  const indices = y === undefined || y === null ? null : indicesTensor(y, 1, unitsOf(model, axis));
  const lasting = new Set<unknown>([x, y, ...Object.values(x)]);
  const own = [...inputs, indices].filter((each) => !lasting.has(each));
  return {
    inputs,
    indices,
    group: kindOf({ inputs, indices }),
    release: () => {
      for (const each of own) each?.release();
    },
  };
}

/** Looks at all values: a NaN is refused, for every map of it would be NaN. */
export async function checkValues({ inputs }: Sample): Promise<void> {
  await refuseNaNs(inputs);
}

/** A sample of zeros, where the model says how large it is. */
export function zeroSample(model: Model): readonly Tensor[] {
  return model.inputs.map((spec) => {
    const dtype = checkDType('x', spec.dtype);
    const sizes = spec.shape?.slice(1) ?? [null];
    if (sizes.some((size) => size === null)) {
      throw refused(
        'x',
        `a sample of shape ${describeShape(spec.shape)}`,
        'none',
        'The model leaves its size open: pass one of the size that will come.',
      );
    }
    const shape = [1, ...(sizes as number[])];
    const elements = elementsOf(shape);
    return new Tensor(dtype, shape, {
      data: viewOf(dtype, new ArrayBuffer(elements * bytesPerElement(dtype)), 0, elements),
    });
  });
}
