import type { NumericDType } from './dtype.js';
import { elementsOf } from './nested_arrays.js';
import { Tensor } from './tensor.js';

/** Samples of different sizes: the result of a run whose batches differ in size. Each sample is a dense tensor. */
export class RaggedTensor<D extends NumericDType = NumericDType> {
  readonly dtype: D;
  /** The number of samples, then the sizes of a sample. Null stands for an axis on which samples differ. */
  readonly shape: readonly (number | null)[];
  readonly #parts: readonly Tensor<D>[];
  /** The number of samples before each part. */
  readonly #begins: readonly number[];

  /** @internal @param parts at least one tensor (n, ...); all have the same dtype and rank. */
  constructor(parts: readonly Tensor<D>[]) {
    const [first] = parts as readonly [Tensor<D>];
    const begins: number[] = [];
    let samples = 0;
    for (const { shape } of parts) {
      begins.push(samples);
      samples += shape[0] as number;
    }
    const sizes = first.shape.slice(1).map((size, axis) => {
      const same = parts.every(({ shape }) => shape[axis + 1] === size);
      return same ? size : null;
    });
    this.dtype = first.dtype;
    this.shape = Object.freeze([samples, ...sizes]);
    this.#parts = parts;
    this.#begins = begins;
  }

  /** The number of samples. */
  get length(): number {
    return this.shape[0] as number;
  }

  /**
   * Returns sample `i` as a view, without the axis of samples. A negative `i` counts from the end.
   *
   * @returns undefined if no such sample exists, like `Array.at`.
   */
  at(i: number): Tensor<D> | undefined {
    const sample = i < 0 ? i + this.length : i;
    const part = this.#begins.findLastIndex((begin) => begin <= sample);
    const tensor = this.#parts[part];
    if (!Number.isInteger(sample) || tensor === undefined || sample >= this.length) return undefined;
    const shape = tensor.shape.slice(1);
    const row = (sample - (this.#begins[part] as number)) * elementsOf(shape);
    return new Tensor(this.dtype, shape, { data: tensor.data.subarray(row, row + elementsOf(shape)) });
  }

  *[Symbol.iterator](): Generator<Tensor<D>, void> {
    for (let i = 0; i < this.length; i++) yield this.at(i) as Tensor<D>;
  }

  /** Releases TensorFlow's memory now. Idempotent. */
  release(): void {
    for (const part of this.#parts) part.release();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
