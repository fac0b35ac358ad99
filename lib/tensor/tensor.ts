/** Tensors with values: typed arrays over the aligned memory that TensorFlow reads and writes without a copy. */

import type { NativeTensor } from '../binding/contract.js';
import { addonInUse, ensureTensorflow, loadedAddon } from '../binding/loader.js';
import { checkInteger, partOf, refused, wrongType } from '../support/arguments.js';
import { KerasExplainableError, native, nativeAsync, ResourceError } from '../support/errors.js';
import { Pace } from '../support/pace.js';
import {
  bytesPerElement,
  checkDType,
  dtypeOf,
  encode,
  isNumeric,
  isTypedArray,
  type NumericDType,
  plainArray,
  shows,
  type TypedArray,
  type TypedArrays,
  viewOf,
} from './dtype.js';
import { checkElements, elementsOf, readNested, readShape } from './nested_arrays.js';

/** Numbers nested as deep as a tensor has axes. */
export type NestedArray = readonly (number | boolean | bigint | NestedArray)[];

/** Bytes copied between two checks of the clock: about 0.03 ms. */
const COPY_BYTES = 1 << 18;

let copiedIn = 0;
let copiedOut = 0;

/**
 * A dense tensor. `data` is a typed array over TensorFlow's memory, or over the array that the tensor was made from.
 * Elements are read when the tensor is first used. Do not change them while a call with this tensor is in flight.
 */
export class Tensor<D extends NumericDType = NumericDType> {
  readonly dtype: D;
  readonly shape: readonly number[];
  #native: NativeTensor | null;
  #data: TypedArrays[D] | null;
  #pending: Promise<NativeTensor> | null = null;
  /** The tensor that owns this one's memory, if only this tensor refers to the owner. Released together. */
  #whole: Tensor | null = null;

  /** @internal Use `tensor()` or `allocate()`. */
  constructor(dtype: D, shape: readonly number[], memory: { native: NativeTensor } | { data: TypedArray }) {
    this.dtype = dtype;
    this.shape = Object.freeze([...shape]);
    this.#native = 'native' in memory ? memory.native : null;
    this.#data = 'data' in memory ? (memory.data as TypedArrays[D]) : null;
    // The memory was checked against dtype and shape, which must not change.
    Object.freeze(this);
  }

  /**
   * Whether `value` is a Tensor of this copy of the package. A Proxy of a tensor (Vue's `reactive`, MobX) is not a
   * Tensor, because a Proxy has no access to the memory.
   */
  static [Symbol.hasInstance](value: unknown): value is Tensor {
    return typeof value === 'object' && value !== null && #native in value;
  }

  /** @internal Whether `value` only looks like a Tensor: a Proxy, or a tensor of another copy of the package. */
  static isImitated(value: unknown): boolean {
    return typeof value === 'object' && value !== null && !(#native in value) && value.constructor === Tensor;
  }

  /** @internal */
  static fromNative(memory: NativeTensor): Tensor {
    if (!isNumeric(memory.dtype)) {
      throw new KerasExplainableError(
        'UNIMPLEMENTED',
        `Tensors of dtype ${memory.dtype} have no typed array.`,
      );
    }
    return new Tensor(memory.dtype, memory.shape, { native: memory });
  }

  /** The number of elements. */
  get size(): number {
    return elementsOf(this.shape);
  }

  get byteLength(): number {
    return this.size * bytesPerElement(this.dtype);
  }

  /** The elements in row-major order; float16 and bfloat16 as bits. @throws KerasExplainableError once released. */
  get data(): TypedArrays[D] {
    if (this.#data === null) {
      if (this.#native === null) {
        throw new KerasExplainableError(
          'CLOSED',
          'This tensor is released. Read `data` before `release()`, or keep a copy: `tensor.data.slice()`.',
        );
      }
      const { buffer, byteOffset } = this.#native;
      this.#data = viewOf(this.dtype, buffer, byteOffset, this.size) as TypedArrays[D];
    }
    // A view of released or transferred memory has no elements.
    if (this.#data.length !== this.size) {
      throw new KerasExplainableError(
        'CLOSED',
        'The memory of this tensor is gone: the tensor that it is a view of was released, or its buffer transferred.',
      );
    }
    return this.#data;
  }

  get released(): boolean {
    return this.#data === null && this.#native === null;
  }

  /**
   * Returns rows `begin` to `end` (excluded) along axis 0 as a view. Nothing is copied. The memory lives as long as
   * any view of the memory, or until this tensor is released.
   *
   * @throws RangeError if the tensor has no such rows.
   */
  rows(begin: number, end: number): Tensor<D> {
    const rows = this.shape[0];
    if (rows === undefined) throw refused('begin', 'a tensor with an axis 0', 'a scalar');
    checkInteger('begin', begin, 0, rows);
    checkInteger('end', end, begin, rows);
    const row = elementsOf(this.shape.slice(1));
    return new Tensor(this.dtype, [end - begin, ...this.shape.slice(1)], {
      data: this.data.subarray(begin * row, end * row),
    });
  }

  /** @internal The first `count` rows of a tensor that has no other user. Their release releases the whole tensor. */
  intoFirstRows(count: number): Tensor<D> {
    if (count === this.shape[0]) return this;
    const first = this.rows(0, count);
    first.#whole = this;
    return first;
  }

  /** Releases TensorFlow's memory now instead of at garbage collection. Idempotent. */
  release(): void {
    this.#native?.release();
    this.#native = null;
    this.#data = null;
    this.#whole?.release();
    this.#whole = null;
  }

  [Symbol.dispose](): void {
    this.release();
  }

  /** @internal The aligned memory, or null before the first use of a tensor over a JavaScript array. */
  get aligned(): NativeTensor | null {
    return this.#native;
  }

  /** @internal The aligned memory. A tensor over a JavaScript array is copied once, in slices of the event loop. */
  toAligned(): Promise<NativeTensor> {
    if (this.#native !== null) return Promise.resolve(this.#native);
    this.#pending ??= alignedRows(this, 0, this.shape[0] ?? 1)
      .then((aligned) => {
        // The tensor was released meanwhile. The waiting caller still owns the copy; the collector frees it later.
        if (this.#data === null) return aligned;
        this.#native = aligned;
        this.#data = null;
        return aligned;
      })
      .finally(() => {
        this.#pending = null;
      });
    return this.#pending;
  }
}

/**
 * Copies `source` to `target` from element `at` on, in slices of the event loop.
 *
 * @throws KerasExplainableError (`CLOSED`) if the memory of either is released or transferred meanwhile.
 */
export async function copySlowly(source: TypedArray, target: TypedArray, at: number): Promise<void> {
  const step = COPY_BYTES / source.BYTES_PER_ELEMENT;
  const { length } = source;
  const capacity = target.length;
  const pace = new Pace();
  for (let from = 0; from < length; from += step) {
    if (pace.due) await pace.rest();
    if (source.length !== length || target.length !== capacity) {
      throw new KerasExplainableError(
        'CLOSED',
        'A tensor was released, or its buffer was transferred, while the tensor was copied. Keep each tensor until ' +
          'every call that takes the tensor is done.',
      );
    }
    // Both views have the same dtype, so `set` is a memcpy.
    (target as Float32Array).set(source.subarray(from, from + step) as Float32Array, at + from);
  }
}

/** Copies rows `begin` to `end` (excluded) along axis 0 into aligned memory. Copies a scalar, which has no rows. */
export async function alignedRows(tensor: Tensor, begin: number, end: number): Promise<NativeTensor> {
  const addon = await ensureTensorflow();
  if (tensor.shape.length === 0) [begin, end] = [0, 1];
  const row = elementsOf(tensor.shape.slice(1));
  const shape = tensor.shape.length === 0 ? [] : [end - begin, ...tensor.shape.slice(1)];
  const memory = native(() => addon.allocate(tensor.dtype, shape), ResourceError);
  try {
    const target = viewOf(tensor.dtype, memory.buffer, memory.byteOffset, row * (end - begin));
    await copySlowly(tensor.data.subarray(begin * row, end * row), target, 0);
    copiedIn += target.byteLength;
    return memory;
  } catch (error) {
    memory.release();
    throw error;
  }
}

/**
 * Copies the rows of `part` into `whole` from row `row` on. `whole` is native memory.
 *
 * @param direction which counter of {@link memory} counts the bytes: into a run or out of a run.
 */
export async function joinRows(
  whole: Tensor,
  row: number,
  part: Tensor,
  direction: 'in' | 'out' = 'out',
): Promise<void> {
  const { aligned: target } = whole;
  const { aligned: source } = part;
  // Copying a few bytes is faster than waking a thread.
  if (target !== null && source !== null && part.byteLength > COPY_BYTES) {
    const rows = part.shape[0] as number;
    await nativeAsync(() => loadedAddon().copyRows(target, row, source, 0, rows, direction));
    return;
  }
  await copySlowly(part.data, whole.data, row * elementsOf(whole.shape.slice(1)));
  if (direction === 'in') copiedIn += part.byteLength;
  else copiedOut += part.byteLength;
}

/** The data of `tensor()`: a typed array, or nested arrays of numbers. */
export type TensorData = TypedArray | Uint8ClampedArray | NestedArray;

/**
 * Makes a tensor.
 *
 * @param data a typed array, or nested arrays of numbers. A typed array is kept and is read at first use.
 * @param shape default: the nesting of `data`, or the length of a typed array.
 * @param dtype default: the dtype of the typed array, else float32. A `Uint16Array` may hold the bits of `'float16'` or
 *   `'bfloat16'`.
 * @throws TypeError, RangeError if data, shape and dtype contradict each other.
 */
export function tensor(data: TensorData, shape?: readonly number[], dtype?: undefined): Tensor;
export function tensor<D extends NumericDType>(
  data: TensorData,
  shape: readonly number[] | undefined,
  dtype: D,
): Tensor<D>;
export function tensor(data: TensorData, shape?: readonly number[], dtype?: NumericDType): Tensor {
  return tensorOf(null, data, shape, dtype);
}

/** @internal As `tensor`, for parts of `argument`. Messages name the parts `x.data` and `x.shape`. */
export function tensorOf(
  argument: string | null,
  data: unknown,
  shape: unknown,
  dtype?: NumericDType,
): Tensor {
  const named = (part: string) => (argument === null ? part : partOf(argument, part));
  if (dtype !== undefined) checkDType(named('dtype'), dtype);
  const sizes = shape === undefined ? null : readShape(named('shape'), shape);
  const name = named('data');
  let elements: TypedArray;
  let inferred: readonly number[];
  if (isTypedArray(data)) {
    elements = plainArray(name, data);
    const own = dtypeOf(elements);
    if (dtype !== undefined && !shows(elements, dtype)) {
      throw wrongType(name, `the typed array of ${dtype}`, data, `Its own dtype is ${own}.`);
    }
    dtype ??= own;
    inferred = [elements.length];
  } else if (Array.isArray(data)) {
    const nested = readNested(name, data);
    dtype ??= 'float32';
    checkElements(name, nested.values, dtype);
    elements = encode(nested.values, dtype);
    inferred = nested.shape;
  } else {
    throw wrongType(name, 'a typed array or nested arrays of numbers', data);
  }
  if (sizes !== null && elementsOf(sizes) !== elements.length) {
    throw refused(
      named('shape'),
      `a shape of ${elements.length} elements, as \`data\` has,`,
      `[${sizes}], which has ${elementsOf(sizes)}`,
    );
  }
  return new Tensor(dtype, sizes ?? inferred, { data: elements });
}

/**
 * Returns an uninitialised tensor that TensorFlow reads without a copy. Write to `data`, then pass the tensor as `x`.
 *
 * @param dtype default: float32.
 * @throws LoadError (`FAILED_PRECONDITION`) before TensorFlow is loaded. Await `loadModel()` or `ready()` first.
 * @throws ResourceError if the memory is exhausted.
 */
export function allocate<D extends NumericDType = 'float32'>(shape: readonly number[], dtype?: D): Tensor<D> {
  const sizes = readShape('shape', shape);
  const kind = checkDType('dtype', dtype ?? 'float32') as D;
  return new Tensor(kind, sizes, {
    native: native(() => loadedAddon().allocate(kind, sizes), ResourceError),
  });
}

/** Loads the addon and libtensorflow on a background thread. The first `loadModel` does the same. Idempotent. */
export async function ready(): Promise<void> {
  await nativeAsync(ensureTensorflow);
}

export interface MemoryInfo {
  /** The number of native tensors that JavaScript holds, and their bytes. */
  readonly liveTensors: number;
  readonly liveBytes: number;
  /** Bytes copied into runs and out of runs since the process began. */
  readonly copiedInBytes: number;
  readonly copiedOutBytes: number;
}

/** Returns the native memory that tensors hold and the bytes that were copied. Tests of "zero-copy" read these. */
export function memory(): MemoryInfo {
  const info = addonInUse()?.memory();
  return {
    liveTensors: info?.liveTensors ?? 0,
    liveBytes: info?.liveBytes ?? 0,
    copiedInBytes: (info?.copiedInBytes ?? 0) + copiedIn,
    copiedOutBytes: (info?.copiedOutBytes ?? 0) + copiedOut,
  };
}
