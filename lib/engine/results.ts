/** The results of steps, joined along the samples without passing through the JavaScript thread. */
import type { NativeTensorSpec } from '../binding/contract.js';
import type { Batch } from '../data/batch.js';
import { isNumeric } from '../dtype.js';
import { KerasExplainableError } from '../errors.js';
import { RaggedTensor } from '../ragged.js';
import { allocate, joinRows, type Tensor } from '../tensor.js';

/** The outputs of one step, by name. */
export type StepOutputs = Readonly<Record<string, Tensor>>;

/** Where the rows of one output go: `tensor`, from `row` on. */
export interface Destination {
  readonly tensor: Tensor;
  readonly row: number;
}

export type Destinations = Readonly<Record<string, Destination>>;

/** Where an output goes of which the dtype and, as far as it is known before a run, the shape is `spec`. */
export type Place = (name: string, spec: NativeTensorSpec) => Destination | undefined;

/** Outputs have rows of one size where the inputs have. */
function kindOf({ inputs, indices }: Batch): string {
  return [...inputs, indices].map((fed) => `${fed?.dtype}[${fed?.shape.slice(1)}]`).join();
}

/**
 * Collects what steps give. Where the number of samples is known, steps write into the final tensors, which are made
 * when the compiled function, or else the first step, shows their size; else the parts are joined at the end, or stay apart where they differ.
 */
export class Results {
  readonly #samples: number | null;
  readonly #given: Readonly<Record<string, Tensor>>;
  /** Do others hold a step's tensors, too? Then they are not released when they have been copied. */
  readonly #shared: boolean;
  /** The final tensors, by output, and the kind of batch whose rows fit them. */
  #whole: { readonly kind: string; readonly tensors: Record<string, Tensor> } | null = null;
  readonly #parts: { readonly row: number; readonly samples: number; readonly outputs: StepOutputs }[] = [];
  #steps = 0;
  #rows = 0;

  /** `given`: the caller's own tensors for the whole of some outputs. */
  constructor(samples: number | null, given: Readonly<Record<string, Tensor>> = {}, shared = false) {
    this.#samples = samples;
    this.#given = given;
    this.#shared = shared;
  }

  get steps(): number {
    return this.#steps;
  }

  get samples(): number {
    return this.#rows;
  }

  /** Where the outputs of `batch` are to be written, its first sample being the run's `row`th. */
  destinations(batch: Batch, row: number): Destinations {
    const fits = this.#whole !== null && this.#whole.kind === kindOf(batch);
    const tensors = { ...(fits ? this.#whole?.tensors : undefined), ...this.#given };
    return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, { tensor, row }]));
  }

  /** Where the outputs of `batch` can be written whose rows have a size that is known before it runs. */
  place(batch: Batch, row: number): Place {
    return (name, { dtype, shape }) => {
      const samples = this.#samples;
      if (samples === null || samples <= batch.samples || !isNumeric(dtype)) return undefined;
      if (shape === null || shape.length === 0) return undefined;
      const size = shape.slice(1);
      if (!size.every((each) => each !== null)) return undefined;
      this.#whole ??= { kind: kindOf(batch), tensors: {} };
      if (this.#whole.kind !== kindOf(batch)) return undefined;
      const { tensors } = this.#whole;
      tensors[name] ??= allocate([samples, ...size], dtype);
      return { tensor: tensors[name], row };
    };
  }

  /** Takes the outputs of the next batch, in the order of the samples. */
  append(batch: Batch, outputs: StepOutputs): void {
    const row = this.#rows;
    this.#steps += batch.steps;
    this.#rows += batch.samples;
    this.#parts.push({ row, samples: batch.samples, outputs });
    const more = this.#samples !== null && this.#samples > this.#rows;
    if (row !== 0 || !more) return;
    this.#whole ??= { kind: kindOf(batch), tensors: {} };
    const { tensors } = this.#whole;
    for (const [name, { shape, dtype }] of Object.entries(outputs)) {
      if (this.#given[name] !== undefined) continue;
      tensors[name] ??= allocate([this.#samples as number, ...shape.slice(1)], dtype);
    }
  }

  /** All rows so far. To be called once, at the end. */
  async finish(): Promise<Record<string, Tensor | RaggedTensor>> {
    const names = Object.keys(this.#parts[0]?.outputs ?? {});
    const joined: Record<string, Tensor | RaggedTensor> = {};
    for (const name of names) {
      joined[name] = await this.#join(name);
    }
    return joined;
  }

  async #join(name: string): Promise<Tensor | RaggedTensor> {
    const parts = this.#parts.map(({ row, outputs }) => ({ row, tensor: outputs[name] as Tensor }));
    const first = parts[0]?.tensor as Tensor;
    const given = this.#given[name];
    if (given !== undefined) return this.#rows === given.shape[0] ? given : given.rows(0, this.#rows);
    if (parts.length === 1) return first;
    const tensors = parts.map(({ tensor }) => tensor);
    const size = (tensor: Tensor) => tensor.shape.slice(1).join();
    if (tensors.some((tensor) => tensor.shape.length !== first.shape.length)) {
      throw new KerasExplainableError(
        'INVALID_ARGUMENT',
        `Batches gave \`${name}\` of different ranks: ${[...new Set(tensors.map(({ shape }) => `(${shape.join(', ')})`))].join(' and ')}.`,
      );
    }
    if (tensors.some((tensor) => size(tensor) !== size(first))) return new RaggedTensor(tensors);
    const whole = this.#whole?.tensors[name] ?? allocate([this.#rows, ...first.shape.slice(1)], first.dtype);
    for (const { row, tensor } of parts) {
      // The parts that were written in place are views of it.
      if (tensor.data.buffer === whole.data.buffer) continue;
      await joinRows(whole, row, tensor);
      if (!this.#shared) tensor.release();
    }
    return this.#rows === whole.shape[0] ? whole : whole.rows(0, this.#rows);
  }
}
