/** Joins the results of steps along the sample axis without copies on the JavaScript thread. */
import type { NativeRows } from '../binding/contract.js';
import { loadedAddon } from '../binding/loader.js';
import { type Batch, kindOf } from '../data/batch.js';
import { KerasExplainableError, native } from '../support/errors.js';
import { RaggedTensor } from '../tensor/ragged.js';
import { allocate, joinRows, Tensor } from '../tensor/tensor.js';

/** The outputs of one step, by name. */
export type StepOutputs = Readonly<Record<string, Tensor>>;

/** The destination of an output's rows: `tensor`, from `row` on. */
export interface Destination {
  readonly tensor: Tensor;
  readonly row: number;
}

export type Destinations = Readonly<Record<string, Destination>>;

/** The destination of an output whose row size is unknown before the first step is done: `rows`, from `row` on. */
export interface Joint {
  readonly rows: NativeRows;
  readonly row: number;
}

/** Returns the destination of an output of one step. undefined means a new tensor. */
export type Place = (name: string) => Joint | undefined;

/** Returns the rows from `row` on of each tensor as destinations. */
export function destinationsFrom(tensors: Readonly<Record<string, Tensor>>, row: number): Destinations {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, { tensor, row }]));
}

/**
 * Collects the results of steps. If the number of samples is known, steps write into the final tensors, which are
 * allocated when the first result determines the size of a row. Otherwise the parts are joined at the end. Parts of
 * different sizes are not joined.
 */
export class Results {
  readonly #samples: number | null;
  readonly #given: Readonly<Record<string, Tensor>>;
  /** Whether callbacks hold the tensors of a step too. The tensors are then not released after they were copied. */
  readonly #shared: boolean;
  /** The final tensors by output, and the kind of batch that fits. Inputs of equal size have outputs of equal size. */
  #whole: { readonly kind: string; readonly rows: Map<string, NativeRows> } | null = null;
  readonly #parts: { readonly row: number; readonly samples: number; readonly outputs: StepOutputs }[] = [];
  #steps = 0;
  #rows = 0;

  /** `given` holds the caller's tensors for all rows of some outputs. */
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

  /** Returns the caller's tensors as destinations of a batch. `row` is the batch's first row in the run. */
  destinations(row: number): Destinations {
    return destinationsFrom(this.#given, row);
  }

  /** Returns the destinations of a batch's other outputs, unless it is the only batch. */
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

  /** Appends the outputs of the next batch. Batches must be appended in the order of the samples. */
  append(batch: Batch, outputs: StepOutputs): void {
    const row = this.#rows;
    this.#steps += batch.steps;
    this.#rows += batch.samples;
    this.#parts.push({ row, samples: batch.samples, outputs });
  }

  /** Releases the final tensors. Called if the run failed before its first step was done. */
  release(): void {
    for (const { tensor } of this.#whole?.rows.values() ?? []) tensor?.release();
  }

  /** Returns all rows. Must be called at most once, at the end. */
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
        `The \`${name}\` of the batches have different ranks: ${[...new Set(tensors.map(({ shape }) => `(${shape.join(', ')})`))].join(' and ')}.`,
      );
    }
    if (tensors.some((tensor) => size(tensor) !== size(first))) return new RaggedTensor(tensors);
    const whole =
      joint === null
        ? allocate([this.#rows, ...first.shape.slice(1)], first.dtype)
        : Tensor.fromNative(joint);
    for (const { row, tensor } of parts) {
      // Parts that were written in place are views of the whole.
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
    `The batches have different results: ${first.join(', ')} and ${names.join(', ')}.`,
  );
}
