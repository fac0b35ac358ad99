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

/** Bytes copied between two looks at the clock: some 0.03 ms. */
const COPY_BYTES = 1 << 18;

let copiedIn = 0;
let copiedOut = 0;

/**
 * A dense tensor. `data` is a typed array over TensorFlow's memory or over the array it was made from: it is
 * read when the tensor is first used, so do not change it while a call that was given the tensor is under way.
 */
export class Tensor<D extends NumericDType = NumericDType> {
  readonly dtype: D;
  readonly shape: readonly number[];
  #native: NativeTensor | null;
  #data: TypedArrays[D] | null;
  #pending: Promise<NativeTensor> | null = null;
  /** The tensor of which this is a part, where nobody else has it: it is released with this one. */
  #whole: Tensor | null = null;

  /** @internal Use `tensor()` or `allocate()`. */
  constructor(dtype: D, shape: readonly number[], memory: { native: NativeTensor } | { data: TypedArray }) {
    this.dtype = dtype;
    this.shape = Object.freeze([...shape]);
    this.#native = 'native' in memory ? memory.native : null;
    this.#data = 'data' in memory ? (memory.data as TypedArrays[D]) : null;
    // Its memory was checked against these.
    Object.freeze(this);
  }

  /**
   * Is it a Tensor itself? A Proxy of one (Vue's `reactive`, MobX) is none: it has not its memory. Nor is one of
   * another copy of this package.
   */
  static [Symbol.hasInstance](value: unknown): value is Tensor {
    return typeof value === 'object' && value !== null && #native in value;
  }

  /** @internal Whether `value` has all that a Tensor shows, and is none. */
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

  /** The elements in row-major order; float16 and bfloat16 as their bits. Throws once the tensor is released. */
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
    // A view of memory that was given back or transferred has no elements left.
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
   * Rows `begin` to `end` (not included) along axis 0, as a view: nothing is copied, and the memory lives for as long
   * as a view of it does, or until this tensor is released.
   *
   * @throws RangeError where there are no such rows.
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

  /** @internal The first `count` rows of a tensor that nobody else will use: their release is that of the whole. */
  intoFirstRows(count: number): Tensor<D> {
    if (count === this.shape[0]) return this;
    const first = this.rows(0, count);
    first.#whole = this;
    return first;
  }

  /** Gives TensorFlow's memory back now rather than when the tensor is collected. Idempotent. */
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

  /** @internal The aligned memory, where it is there already. */
  get aligned(): NativeTensor | null {
    return this.#native;
  }

  /** @internal The aligned memory; made by one copy, off and on in slices, where it is not there yet. */
  toAligned(): Promise<NativeTensor> {
    if (this.#native !== null) return Promise.resolve(this.#native);
    this.#pending ??= alignedRows(this, 0, this.shape[0] ?? 1)
      .then((aligned) => {
        // Released meanwhile: who waits for it has it still, and the collector frees it.
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
 * Copies `source` to `target` from element `at` on, in slices that leave the event loop free.
 *
 * @throws KerasExplainableError (`CLOSED`) where the memory of either goes meanwhile: views of it have no elements
 * then.
 */
export async function copySlowly(source: TypedArray, target: TypedArray, at: number): Promise<void> {
  const step = COPY_BYTES / source.BYTES_PER_ELEMENT;
  const { length } = source;
  const room = target.length;
  const pace = new Pace();
  for (let from = 0; from < length; from += step) {
    if (pace.due) await pace.rest();
    if (source.length !== length || target.length !== room) {
      throw new KerasExplainableError(
        'CLOSED',
        'The memory of a tensor went while it was copied: it was released, or its buffer transferred. Keep tensors ' +
          'until the calls that were given them are done.',
      );
    }
    // Both views are of one dtype: `set` is a memcpy.
    (target as Float32Array).set(source.subarray(from, from + step) as Float32Array, at + from);
  }
}

/** A copy of rows `begin` to `end` along axis 0 in aligned memory. */
export async function alignedRows(tensor: Tensor, begin: number, end: number): Promise<NativeTensor> {
  const addon = await ensureTensorflow();
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

/** Copies the rows of `part` into `whole`, which lies in native memory, from row `row` on: into a run or out of one. */
export async function joinRows(
  whole: Tensor,
  row: number,
  part: Tensor,
  direction: 'in' | 'out' = 'out',
): Promise<void> {
  const { aligned: target } = whole;
  const { aligned: source } = part;
  // A little is copied sooner than a thread is woken.
  if (target !== null && source !== null && part.byteLength > COPY_BYTES) {
    const rows = part.shape[0] as number;
    await nativeAsync(() => loadedAddon().copyRows(target, row, source, 0, rows, direction));
    return;
  }
  await copySlowly(part.data, whole.data, row * elementsOf(whole.shape.slice(1)));
  if (direction === 'in') copiedIn += part.byteLength;
  else copiedOut += part.byteLength;
}

/** What `tensor()` takes as data: a typed array, or (nested) arrays of numbers. */
export type TensorData = TypedArray | Uint8ClampedArray | NestedArray;

/**
 * Makes a tensor.
 *
 * @param data a typed array (kept and read at first use, without a copy now) or nested arrays of numbers.
 * @param shape by default the nesting of `data`; for a typed array its length.
 * @param dtype by default that of the typed array, else float32. A `Uint16Array` may be `'float16'` or
 *   `'bfloat16'` bits.
 * @throws TypeError, RangeError where data, shape and dtype do not fit each other.
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

/** @internal `tensor` of what are parts of an argument, which messages call so: `x.data` and `x.shape`. */
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
 * Uninitialised memory that TensorFlow reads without a copy: write to its `data`, then pass it as `x`.
 *
 * @throws LoadError (`FAILED_PRECONDITION`) before TensorFlow is loaded: await `loadModel()` or `ready()` first.
 * @throws ResourceError where there is not enough memory.
 */
export function allocate<D extends NumericDType = 'float32'>(shape: readonly number[], dtype?: D): Tensor<D> {
  const sizes = readShape('shape', shape);
  const kind = checkDType('dtype', dtype ?? 'float32') as D;
  return new Tensor(kind, sizes, {
    native: native(() => loadedAddon().allocate(kind, sizes), ResourceError),
  });
}

/** Loads the addon and libtensorflow on a background thread, as `loadModel` does at first use. Idempotent. */
export async function ready(): Promise<void> {
  await nativeAsync(ensureTensorflow);
}

export interface MemoryInfo {
  /** Tensors in native memory that JavaScript holds. */
  readonly liveTensors: number;
  readonly liveBytes: number;
  /** Bytes copied on the way into runs, and out of them, since the process began. */
  readonly copiedInBytes: number;
  readonly copiedOutBytes: number;
}

/** Native memory that tensors hold, and the bytes that were copied: what "zero-copy" can be checked by. */
export function memory(): MemoryInfo {
  const info = addonInUse()?.memory();
  return {
    liveTensors: info?.liveTensors ?? 0,
    liveBytes: info?.liveBytes ?? 0,
    copiedInBytes: (info?.copiedInBytes ?? 0) + copiedIn,
    copiedOutBytes: (info?.copiedOutBytes ?? 0) + copiedOut,
  };
}
