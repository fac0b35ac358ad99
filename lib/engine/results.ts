/** The results of steps, joined along the samples without passing through the JavaScript thread. */
import type { NativeRows } from '../binding/contract.js';
import { loadedAddon } from '../binding/loader.js';
import { type Batch, kindOf } from '../data/batch.js';
import { KerasExplainableError, native } from '../support/errors.js';
import { RaggedTensor } from '../tensor/ragged.js';
import { allocate, joinRows, Tensor } from '../tensor/tensor.js';

/** The outputs of one step, by name. */
export type StepOutputs = Readonly<Record<string, Tensor>>;

/** Where the rows of one output go: `tensor`, from `row` on. */
export interface Destination {
  readonly tensor: Tensor;
  readonly row: number;
}

export type Destinations = Readonly<Record<string, Destination>>;

/** Rows of an output of which nobody knows the size before the first step is done: `rows`, from `row` on. */
export interface Joint {
  readonly rows: NativeRows;
  readonly row: number;
}

/** Where the rows of an output of one step go; undefined: into a tensor of their own. */
export type Place = (name: string) => Joint | undefined;

/** The rows from `row` on of each of `tensors`. */
export function destinationsFrom(tensors: Readonly<Record<string, Tensor>>, row: number): Destinations {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, { tensor, row }]));
}

/**
 * Collects what steps give. Where the number of samples is known, steps write into the final tensors, which are made
 * when the first result shows what a row is; else the parts are joined at the end, or stay apart where they differ.
 */
export class Results {
  readonly #samples: number | null;
  readonly #given: Readonly<Record<string, Tensor>>;
  /** Do others hold a step's tensors, too? Then they are not released when they have been copied. */
  readonly #shared: boolean;
  /** The final tensors, by output, and the kind of batch whose rows fit: outputs are of one size where inputs are. */
  #whole: { readonly kind: string; readonly rows: Map<string, NativeRows> } | null = null;
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

  /** Where the outputs of a batch are to be written whose first sample is the run's `row`th: the caller's tensors. */
  destinations(row: number): Destinations {
    return destinationsFrom(this.#given, row);
  }

  /** Where its other outputs are to be written, if it is not the only batch. */
  place(batch: Batch, row: number): Place {
    const samples = this.#samples;
    if (samples === null || samples <= batch.samples) return () => undefined;
    this.#whole ??= { kind: kindOf(batch), rows: new Map() };
    const { kind, rows } = this.#whole;
    if (kind !== kindOf(batch)) return () => undefined;
    return (name) => {
      const joint = rows.get(name) ?? native(() => loadedAddon().createRows(samples));
      rows.set(name, joint);
      return { rows: joint, row };
    };
  }

  /** Takes the outputs of the next batch, in the order of the samples. */
  append(batch: Batch, outputs: StepOutputs): void {
    const row = this.#rows;
    this.#steps += batch.steps;
    this.#rows += batch.samples;
    this.#parts.push({ row, samples: batch.samples, outputs });
  }

  /** Gives back what was made for results that nobody gets: the run failed before its first step was done. */
  release(): void {
    for (const { tensor } of this.#whole?.rows.values() ?? []) tensor?.release();
  }

  /** All rows so far. To be called once, at the end. */
  async finish(): Promise<Record<string, Tensor | RaggedTensor>> {
    const names = Object.keys(this.#parts[0]?.outputs ?? {});
    for (const { outputs } of this.#parts) checkSameNames(names, Object.keys(outputs));
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
    const joint = this.#whole?.rows.get(name)?.tensor ?? null;
    if (parts.length === 1 && joint === null) return first;
    const tensors = parts.map(({ tensor }) => tensor);
    const size = (tensor: Tensor) => tensor.shape.slice(1).join();
    if (tensors.some((tensor) => tensor.shape.length !== first.shape.length)) {
      throw new KerasExplainableError(
        'INVALID_ARGUMENT',
        `Batches gave \`${name}\` of different ranks: ${[...new Set(tensors.map(({ shape }) => `(${shape.join(', ')})`))].join(' and ')}.`,
      );
    }
    if (tensors.some((tensor) => size(tensor) !== size(first))) return new RaggedTensor(tensors);
    const whole =
      joint === null
        ? allocate([this.#rows, ...first.shape.slice(1)], first.dtype)
        : Tensor.fromNative(joint);
    for (const { row, tensor } of parts) {
      // The parts that were written in place are views of it.
      if (tensor.data.buffer === whole.data.buffer) continue;
      await joinRows(whole, row, tensor);
      if (!this.#shared) tensor.release();
    }
    return whole.intoFirstRows(this.#rows);
  }
}

function checkSameNames(first: readonly string[], names: readonly string[]): void {
  if (names.length === first.length && names.every((name) => first.includes(name))) return;
  throw new KerasExplainableError(
    'INVALID_ARGUMENT',
    `Batches gave different results: ${first.join(', ')} and ${names.join(', ')}.`,
  );
}
