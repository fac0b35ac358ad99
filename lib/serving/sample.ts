/** The sample and the units of a call. They are checked before the call waits. */
import { kindOf, unitsOf } from '../data/batch.js';
import { type Indices, indicesTensor } from '../data/indices.js';
import { type Inputs, type InputValue, inputTensors, refuseAnyNotFinite, samplesOf } from '../data/inputs.js';
import { isSharedInput } from '../graph/layer.js';
import { describeShape } from '../graph/symbolic.js';
import type { Model } from '../model/model.js';
import { refused } from '../support/arguments.js';
import { bytesPerElement, checkDType, viewOf } from '../tensor/dtype.js';
import { elementsOf } from '../tensor/nested_arrays.js';
import { Tensor } from '../tensor/tensor.js';

/** One sample in the form that the model takes. */
export interface Sample {
  /** One tensor per input of the model, of shape (1, ...) or (). Strings are packed. */
  readonly inputs: readonly Tensor[];
  /** int32 (1, U), or null for every unit. */
  readonly indices: Tensor | null;
  /** A key of dtypes, shapes, scalars and the number of units. Samples with equal keys can share a batch. */
  readonly group: string;
  /** Releases the tensors that were created for this call. */
  release(): void;
}

/**
 * Checks `x` and `y` of a call. Does not check for NaN and Infinity.
 *
 * @param axis the axis of the model's first output that `y` indexes.
 * @throws TypeError, RangeError that name the argument.
 */
export function sampleOf(model: Model, x: Inputs, y: Indices | null | undefined, axis: number): Sample {
  const inputs = inputTensors(x, model.inputs);
  const samples = samplesOf(inputs, model.inputs);
  if (samples !== 1) {
    throw refused(
      'x',
      'one sample, of shape (1, ...),',
      `${samples} samples`,
      'Call once per sample. The explainer joins calls into batches. `explain` takes many samples at once.',
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

/** Throws RangeError for NaN and Infinity in any input. */
export async function checkValues({ inputs }: Sample): Promise<void> {
  await refuseAnyNotFinite(inputs);
}

/** Returns a sample of zeros and empty strings. Throws RangeError if the model leaves the size open. */
export function zeroSample(model: Model): readonly InputValue[] {
  return model.inputs.map((spec) => {
    if (isSharedInput(spec)) return spec.dtype === 'bool' ? false : 0;
    const sizes = spec.shape?.slice(1) ?? [null];
    if (sizes.some((size) => size === null)) {
      throw refused(
        'x',
        `a sample of shape ${describeShape(spec.shape)}`,
        'none',
        'The model leaves the size open: pass a sample of the size of later calls.',
      );
    }
    const shape = [1, ...(sizes as number[])];
    const elements = elementsOf(shape);
    if (spec.dtype === 'string') return { data: Array<string>(elements).fill(''), shape };
    const dtype = checkDType('x', spec.dtype);
    return new Tensor(dtype, shape, {
      data: viewOf(dtype, new ArrayBuffer(elements * bytesPerElement(dtype)), 0, elements),
    });
  });
}
