import type { NumericDType } from './dtype.js';
import { elementsOf } from './nested_arrays.js';
import { Tensor } from './tensor.js';

/** Samples that differ in size: what a run gives whose batches did. Each sample is a dense tensor. */
export class RaggedTensor<D extends NumericDType = NumericDType> {
  readonly dtype: D;
  /** Samples first; null for axes on which samples differ. */
  readonly shape: readonly (number | null)[];
  readonly #parts: readonly Tensor<D>[];
  /** Samples before each part. */
  readonly #begins: readonly number[];

  /** @internal `parts`: at least one, of one dtype and rank, (n, ...) each. */
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
   * Sample `i`, without the axis of samples, as a view; negative ones count from the end.
   *
   * @returns undefined where there is no such sample, as for arrays.
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

  /** Gives TensorFlow's memory back now. Idempotent. */
  release(): void {
    for (const part of this.#parts) part.release();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
