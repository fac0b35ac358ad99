/** The `y` of a call: the units to explain, checked before anything runs. */

import { addonInUse } from '../binding/loader.js';
import { outOfRange, refused, wrongType } from '../support/arguments.js';
import { encode, isInteger, isTypedArray, type TypedArray } from '../tensor/dtype.js';
import { checkElements, elementsOf, readNested } from '../tensor/nested_arrays.js';
import { allocate, type NestedArray, Tensor, tensor, tensorOf } from '../tensor/tensor.js';
import type { ArrayData } from './inputs.js';

/**
 * The units to explain of each sample, (N, U): an integer Tensor, `{ data, shape }` or nested arrays. A flat array of N
 * numbers names one unit per sample. If the explained output has k > 1 axes behind the samples, a unit is a tuple of k
 * indices, and units are (N, U, k): `[[[row, column, label]]]` for one pixel of a segmentation.
 */
export type Indices = Tensor | ArrayData | NestedArray | TypedArray;

/** Units are fed as int32. */
const MOST_UNITS = 2 ** 31;

const ONE_UNIT =
  'The output has one unit, which stands for class 1. Class 0 is its negative: explain unit 0 with ' +
  '`filters.negativeNormalize`.';

const FORMS = 'integers of shape (samples, units), for example [[3, 5], [0, 7]]';

/**
 * The number of units along each axis behind the samples, null where it is unknown. null if the number of axes is
 * unknown: `y` then has one index per unit.
 */
export type UnitSizes = readonly (number | null)[] | null;

/** Returns the form of `y` for an output of `axes` axes behind the samples. */
function formsOf(axes: number): string {
  if (axes === 1) return FORMS;
  const tuple = Array.from({ length: axes }, (_, i) => i).join(', ');
  return `units of ${axes} indices each, of shape (samples, units, ${axes}), for example [[[${tuple}]]]`;
}

/**
 * Returns `y` as an int32 tensor (samples, units), or (samples, units, axes) if the explained output has several axes
 * behind the samples: `y` itself if it is an int32 tensor in aligned memory, otherwise a new tensor.
 *
 * One-hot rows are refused if the output has one axis of more than 2 units.
 *
 * @param units the sizes of the explained output behind the samples.
 * @param from the origin of `y`, for example ' of step 3'.
 */
export function indicesTensor(y: unknown, samples: number, units: UnitSizes, from = ''): Tensor<'int32'> {
  const name = `y${from}`;
  const given = fromAny(y, name);
  const axes = units?.length ?? 1;
  const isTuples = axes > 1;
  const fits = isTuples
    ? given.shape.length === 3 && given.shape[2] === axes
    : given.shape.length === 1 || given.shape.length === 2;
  if (!fits) throw refused(name, formsOf(axes), `shape (${given.shape.join(', ')})`);
  const [rows = 0, columns = 1] = given.shape;
  if (rows !== samples) {
    throw refused(name, `a row of units for each of the ${samples} samples of \`x\``, `${rows} rows`);
  }
  if (columns === 0)
    throw refused(name, 'at least one unit per sample', 'none', 'Leave `y` out to explain every unit.');
  const [only = null] = units ?? [];
  if (only !== null && !isTuples) refuseOneHot(given, only, name);
  const { data: source } = given;
  const shape = isTuples ? given.shape : [rows, columns];
  const asItIs = given.dtype === 'int32' && given.shape.length === shape.length && given.aligned !== null;
  const made = asItIs ? (given as Tensor<'int32'>) : int32Tensor(shape);
  const { data } = made;
  for (let i = 0; i < data.length; i++) {
    const unit = Number(source[i]);
    const most = units?.[i % axes] ?? null;
    if (unit < 0 || unit >= (most ?? MOST_UNITS)) {
      if (!asItIs) made.release();
      const column = Math.floor(i / axes) % columns;
      const index = isTuples ? `[${i % axes}]` : '';
      const place = `y[${Math.floor(i / (axes * columns))}][${column}]${index}${from}`;
      const what = isTuples ? 'an index' : 'a unit';
      const bounds = most === null ? `${what} of at least 0` : `${what} from 0 to ${most - 1}`;
      throw outOfRange(place, bounds, unit, most === 1 && !isTuples ? ONE_UNIT : undefined);
    }
    if (!asItIs) data[i] = unit;
  }
  return made;
}

/**
 * Refuses rows like [0, 0, 1] for 3 units: one-hot labels, not the unit numbers 0, 0 and 1. Rows for 2 units are
 * accepted, because [0, 1] and [1, 0] also name both units.
 */
function refuseOneHot({ data, shape }: Tensor, units: number, name: string): void {
  if (units < 3 || shape.length !== 2 || shape[1] !== units || data.length === 0) return;
  for (let from = 0; from < data.length; from += units) {
    let ones = 0;
    for (let i = from; i < from + units; i++) {
      const value = Number(data[i]);
      if (value !== 0 && value !== 1) return;
      ones += value;
    }
    if (ones !== 1) return;
  }
  const first = Array.from(data.subarray(0, units), Number).indexOf(1);
  const mend = `\`y\` lists unit numbers: pass the argmax of each row, [${first}] for the first.`;
  throw refused(name, FORMS, `one-hot rows of ${units} units`, mend);
}

/** Returns a new tensor, in aligned memory if TensorFlow is loaded. Converted units then need no second copy. */
function int32Tensor(shape: readonly number[]): Tensor<'int32'> {
  if (addonInUse() !== null) return allocate(shape, 'int32');
  return tensor(new Int32Array(elementsOf(shape)), shape, 'int32');
}

function fromAny(y: unknown, name: string): Tensor {
  let given: Tensor;
  if (y instanceof Tensor) given = y;
  else if (isTypedArray(y)) given = tensorOf(name, y, undefined);
  else if (Array.isArray(y)) {
    const { shape, values } = readNested(name, y);
    const other = values.find((unit) => !Number.isInteger(unit) && typeof unit !== 'bigint');
    if (other !== undefined) throw wrongType(name, FORMS, other);
    checkElements(name, values, 'int64');
    given = tensor(encode(values, 'int64'), shape);
  } else if (typeof y === 'object' && y !== null && 'data' in y && 'shape' in y && !Tensor.isImitated(y)) {
    const { data, shape } = y as ArrayData;
    given = tensorOf(name, data, shape, isTypedArray(data) ? undefined : 'int64');
  } else throw wrongType(name, FORMS, y);
  if (!isInteger(given.dtype)) {
    throw wrongType(name, FORMS, given.dtype, 'Pass an Int32Array, or nested arrays of integers.');
  }
  return given;
}
