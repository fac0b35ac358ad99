/** The `x` of a call: the inputs of a model, checked against the model's declarations. */
import type { DType } from '../binding/contract.js';
import { loadedAddon } from '../binding/loader.js';
import { isSharedInput, type TensorSpec } from '../graph/layer.js';
import { describeShape } from '../graph/symbolic.js';
import { nearNames, refused, typeName, wrongType } from '../support/arguments.js';
import { nativeAsync } from '../support/errors.js';
import { Pace } from '../support/pace.js';
import {
  encode,
  isFloating,
  isInteger,
  isNumeric,
  isTypedArray,
  type NumericDType,
  type TypedArray,
} from '../tensor/dtype.js';
import { checkElements } from '../tensor/nested_arrays.js';
import { Tensor, tensorOf } from '../tensor/tensor.js';
import { isTextArray, packedTexts, type Text, type TextArray } from './texts.js';

/** A flat array with its shape, accepted in place of a Tensor. Strings are for inputs of dtype string. */
export interface ArrayData {
  readonly data: TypedArray | Uint8ClampedArray | readonly number[] | readonly Text[];
  readonly shape: readonly number[];
  /** Needed only for 'float16' and 'bfloat16', whose bits are passed as integers. */
  readonly dtype?: NumericDType;
}

export type InputArray = Tensor | ArrayData;

/**
 * The value of one input: numbers, or strings for an input of dtype string. A number or a boolean is for an input of
 * shape (), which all samples share.
 */
export type InputValue = InputArray | TextArray | number | boolean;

/** One input, several inputs in the model's order, or several inputs by name. Axis 0 of each is the sample axis. */
export type Inputs = InputArray | TextArray | readonly InputValue[] | Readonly<Record<string, InputValue>>;

const FORMS = 'a Tensor, { data, shape }, an array of either (one per input) or a record by input name';
const FORM = 'a Tensor or { data, shape }';

export function isArrayData(value: unknown): value is ArrayData {
  if (typeof value !== 'object' || value === null || !('data' in value) || !('shape' in value)) return false;
  if (Tensor.isImitated(value)) return false;
  // A record of inputs called "data" and "shape" is no ArrayData.
  return !isInputArray(value.data);
}

/** Returns whether `value` has the form of one input. */
export function isInputArray(value: unknown): value is InputArray {
  return value instanceof Tensor || isArrayData(value);
}

/** Returns a Tensor over the values of `value`. */
export function toTensor(name: string, value: unknown, expected: string): Tensor {
  if (value instanceof Tensor) return value;
  if (isArrayData(value)) {
    const { data, shape, dtype } = value;
    return tensorOf(name, data, shape, dtype);
  }
  if (Tensor.isImitated(value)) {
    const mend =
      'It is a Proxy of a Tensor, or a Tensor of another copy of this package: pass the Tensor itself.';
    throw wrongType(name, expected, value, mend);
  }
  if (isTypedArray(value)) {
    throw wrongType(
      name,
      expected,
      value,
      'A flat array has no shape: pass { data, shape } or tensor(data, shape).',
    );
  }
  if (Array.isArray(value)) {
    throw wrongType(name, expected, value, 'Make nested arrays a tensor with tensor(values) first.');
  }
  throw wrongType(name, expected, value);
}

/** Returns the name of input `i` of `count` in messages. `place` is its origin, for example ' of step 3'. */
export function inputName(i: number, count: number, place = ''): string {
  return `${count > 1 ? `x[${i}]` : 'x'}${place}`;
}

/**
 * Returns one tensor per input, in the model's order. Strings are packed: uint8 with one axis more. `place` is the
 * origin of `x`, for example ' of step 3'.
 */
export function inputTensors(x: unknown, specs: readonly TensorSpec[], place = ''): readonly Tensor[] {
  const tensors = inOrder(x, specs, place);
  tensors.forEach((each, i) => {
    checkAgainst(inputName(i, tensors.length, place), withoutBytes(each, specs[i]), specs[i] as TensorSpec);
  });
  const first = firstOfSamples(specs);
  if (first < 0) {
    const mend = 'Its outputs are the same for all samples. Choose a signature or outputs that take samples.';
    throw refused('model', 'a model with an input that has an axis of samples', 'scalar inputs only', mend);
  }
  const samples = samplesOf(tensors, specs);
  tensors.forEach((each, i) => {
    if (isSharedInput(specs[i] as TensorSpec) || each.shape[0] === samples) return;
    throw refused(
      `x[${i}]${place}`,
      `${samples} samples, the number in \`x[${first}]\`,`,
      `${each.shape[0]}`,
    );
  });
  return tensors;
}

/** Returns the number of samples of checked inputs. */
export function samplesOf(tensors: readonly Tensor[], specs: readonly TensorSpec[]): number {
  return tensors[firstOfSamples(specs)]?.shape[0] as number;
}

/** Returns the position of the first input that has an axis of samples, or -1. */
function firstOfSamples(specs: readonly TensorSpec[]): number {
  return specs.findIndex((spec) => !isSharedInput(spec));
}

/** Returns dtype and shape of the strings that `tensor` holds. Returns the tensor itself if it holds numbers. */
function withoutBytes(tensor: Tensor, spec: TensorSpec | undefined): InputLike {
  return spec?.dtype === 'string' ? { dtype: 'string', shape: tensor.shape.slice(0, -1) } : tensor;
}

/** Returns the value of one input as a tensor. Throws TypeError, RangeError that name the input. */
function toInput(name: string, value: unknown, spec: TensorSpec, expected: string): Tensor {
  if (spec.dtype === 'string') return packedTexts(name, value, spec);
  const isNumber = typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint';
  if (isNumber && isSharedInput(spec) && isNumeric(spec.dtype)) {
    const nested = { shape: [], values: [value] };
    checkElements(name, nested.values, spec.dtype);
    return new Tensor(spec.dtype, nested.shape, { data: encode(nested.values, spec.dtype) });
  }
  if (isTextArray(value)) {
    throw wrongType(name, expected, value, `The input '${spec.name}' takes ${spec.dtype}, not strings.`);
  }
  return toTensor(name, value, expected);
}

function inOrder(x: unknown, specs: readonly TensorSpec[], place: string): readonly Tensor[] {
  const name = `x${place}`;
  const [only] = specs as [TensorSpec];
  const single = isInputArray(x) || isTypedArray(x) || Tensor.isImitated(x);
  const isNested = Array.isArray(x) && (x.length === 0 || typeof x[0] === 'number' || Array.isArray(x[0]));
  const isText = isTextArray(x) || (only.dtype === 'string' && Array.isArray(x));
  // With several inputs, an array holds one value per input.
  const isOnly = specs.length === 1 && (isNested || isText);
  if (single || isOnly || typeof x !== 'object' || x === null) {
    checkSingle(name, specs);
    return [toInput(name, x, only, FORMS)];
  }
  if (Array.isArray(x)) {
    if (x.length !== specs.length) {
      const names = specs.map((spec) => spec.name).join(', ');
      throw refused(name, `${specs.length} input${specs.length === 1 ? '' : 's'} (${names})`, `${x.length}`);
    }
    return specs.map((spec, i) => toInput(`x[${i}]${place}`, x[i], spec, FORM));
  }
  const record = x as Record<string, unknown>;
  const names = specs.map((spec) => spec.name);
  for (const key of Object.keys(record)) {
    if (names.includes(key)) continue;
    const [near] = nearNames(key, names, 1);
    const mend = near === undefined ? '' : `Did you mean "${near}"?`;
    throw refused(name, `inputs named ${names.join(', ')}`, `one named "${key}"`, mend);
  }
  return specs.map((spec) => {
    const value = record[spec.name];
    if (value === undefined) {
      throw refused(name, `all inputs (${names.join(', ')})`, `none for "${spec.name}"`);
    }
    return toInput(`x.${spec.name}${place}`, value, spec, FORM);
  });
}

function checkSingle(name: string, specs: readonly TensorSpec[]): void {
  if (specs.length === 1) return;
  const names = specs.map((spec) => spec.name).join(', ');
  throw refused(
    name,
    `${specs.length} inputs (${names})`,
    'one',
    'Pass an array, or a record by input name.',
  );
}

/** The dtype and shape of a tensor that does not exist yet. */
export interface InputLike {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** Checks the dtype and shape of the only input, like {@link inputTensors}. */
export function checkOnlyInput(value: InputLike, specs: readonly TensorSpec[]): void {
  checkSingle('x', specs);
  checkAgainst('x', value, specs[0] as TensorSpec);
}

function checkAgainst(name: string, value: InputLike, spec: TensorSpec): void {
  const { dtype, shape } = spec;
  const received = describeShape(value.shape);
  if (isSharedInput(spec)) {
    if (dtype === 'string') {
      const mend = 'Choose a signature or outputs that take strings with an axis of samples.';
      throw refused('model', 'inputs of strings with an axis of samples', `'${spec.name}' of shape ()`, mend);
    }
    if (value.shape.length > 0) {
      const expected = 'a number or a tensor of shape (), because all samples share this input,';
      throw refused(name, expected, received);
    }
    checkDType(name, value, dtype);
    return;
  }
  const expected = `shape ${describeShape(shape)}, samples first,`;
  if (shape !== null && value.shape.length !== shape.length) {
    const mend =
      value.shape.length === shape.length - 1
        ? `Add the axis of samples: [${[1, ...value.shape].join(', ')}].`
        : '';
    throw refused(name, expected, received, mend);
  }
  if (value.shape.length === 0) throw refused(name, 'an axis of samples', 'a scalar');
  if (value.shape[0] === 0) throw refused(name, 'at least one sample', `an empty batch ${received}`);
  const misfit =
    shape?.findIndex((size, axis) => axis > 0 && size !== null && size !== value.shape[axis]) ?? -1;
  if (misfit > 0) {
    const { [misfit]: size } = shape as readonly (number | null)[];
    const mend = dtype === 'string' ? '' : 'Resize the inputs to it.';
    throw refused(name, expected, `${received}: axis ${misfit} must be ${size}`, mend);
  }
  checkDType(name, value, dtype);
}

function checkDType(name: string, value: InputLike, dtype: DType): void {
  if (value.dtype === dtype && (dtype === 'string' || dtype === 'bool')) return;
  if (dtype === 'string') throw wrongType(name, 'strings', typeName(value));
  checkCast(name, value.dtype, dtype);
  if (!isFloating(dtype) && !isInteger(dtype)) {
    throw wrongType(name, 'numbers', typeName(value), `The model's input is ${dtype}, which cannot be fed.`);
  }
}

/** Throws TypeError if `from` does not cast to `to`: booleans never do, and floats do not cast to integers. */
export function checkCast(name: string, from: DType, to: DType): void {
  if (from !== 'bool' && to !== 'bool' && (!isInteger(to) || isInteger(from))) return;
  throw wrongType(name, `values of dtype ${to}, or of one that casts to it without loss,`, from);
}

/**
 * Throws RangeError for NaN and Infinity. NaN makes every map NaN. Infinity makes logits NaN, while the gradients of a
 * ReLU network stay finite and look like those of any other input. Does not block the event loop.
 */
export async function refuseNotFinite(name: string, value: Tensor): Promise<void> {
  if (!isFloating(value.dtype)) return;
  const at = (await findNotFiniteNatively(value)) ?? (await findNotFiniteSlowly(value));
  if (at < 0) return;
  const position = positionOf(at, value.shape);
  const received = `${notFiniteAt(value, at)} at [${position.join(', ')}]`;
  const sample = position.length > 1 ? ` (sample ${position[0]})` : '';
  throw refused(name, 'finite numbers', `${received}${sample}`, 'Check how the inputs were prepared.');
}

/** The number of elements that are scanned between two reads of the clock: some 0.05 ms. */
const SCAN = 1 << 14;

/**
 * Scans on a native thread. Returns null if the memory is not aligned, or if the tensor is so small that a scan on the
 * JavaScript thread is faster.
 */
async function findNotFiniteNatively({ aligned, data }: Tensor): Promise<number | null> {
  if (aligned === null || data.length <= SCAN) return null;
  return nativeAsync(async () => loadedAddon().findNotFinite(aligned));
}

/** Scans in slices on the JavaScript thread. Other work of the event loop runs between two slices. */
async function findNotFiniteSlowly({ data, dtype }: Tensor): Promise<number> {
  const pace = new Pace();
  for (let from = 0; from < data.length; from += SCAN) {
    if (pace.due) await pace.rest();
    const at = findNotFinite(data.subarray(from, from + SCAN), dtype);
    if (at >= 0) return from + at;
  }
  return -1;
}

/**
 * Throws RangeError for NaN and Infinity in any input. `place` is the origin of the inputs, for example ' of step 3'.
 */
export async function refuseAnyNotFinite(inputs: readonly Tensor[], place = ''): Promise<void> {
  for (const [i, input] of inputs.entries()) await refuseNotFinite(inputName(i, inputs.length, place), input);
}

/** The bits of infinity, without the sign. The bits of NaN are larger. */
const HALF_INFINITY: Readonly<Record<string, number>> = { float16: 0x7c00, bfloat16: 0x7f80 };
const HALF_MAGNITUDE = 0x7fff;

function findNotFinite(data: TypedArray, dtype: NumericDType): number {
  const infinity = HALF_INFINITY[dtype];
  if (infinity !== undefined) {
    return (data as Uint16Array).findIndex((bits) => (bits & HALF_MAGNITUDE) >= infinity);
  }
  // `includes` searches in native code. A loop in JavaScript is slower until it has been optimised.
  const floats = data as Float32Array;
  const found = [Number.NaN, Infinity, -Infinity].some((value) => floats.includes(value));
  return found ? floats.findIndex((value) => !Number.isFinite(value)) : -1;
}

function notFiniteAt({ data, dtype }: Tensor, at: number): string {
  const infinity = HALF_INFINITY[dtype];
  const value = data[at] as number;
  if (infinity === undefined) return String(value);
  if ((value & HALF_MAGNITUDE) > infinity) return 'NaN';
  return value > HALF_MAGNITUDE ? '-Infinity' : 'Infinity';
}

function positionOf(index: number, shape: readonly number[]): number[] {
  const position: number[] = [];
  for (let axis = shape.length - 1, rest = index; axis >= 0; axis--) {
    const size = shape[axis] as number;
    position.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return position;
}
