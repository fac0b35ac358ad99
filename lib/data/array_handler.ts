/** Batches of what is in memory as a whole. */
import { checkSignal } from '../support/signal.js';
import { alignedRows, Tensor } from '../tensor/tensor.js';
import type { Batch, DataHandler } from './batch.js';
import { refuseNaNs } from './inputs.js';

export interface ArrayPlan {
  readonly batchSize: number;
  readonly steps: number;
  readonly stepsPerExecution: number;
  readonly maxQueueSize: number;
}

/**
 * Cuts tensors along the samples. Where all inputs lie in aligned memory (`allocate`, a former call), batches are rows
 * of it; else the rows of each are copied when their batch is asked for, in slices that leave the event loop free.
 */
export class ArrayHandler implements DataHandler {
  readonly samples: number;
  readonly batchSize: number;
  readonly inferredSteps: number;
  readonly maxQueueSize: number;
  readonly #stepsPerExecution: number;
  readonly #inputs: readonly Tensor[];
  readonly #indices: Tensor | null;
  readonly #lasting: ReadonlySet<unknown>;

  /** `lasting`: those of the tensors that the caller owns. */
  constructor(
    inputs: readonly Tensor[],
    indices: Tensor | null,
    lasting: ReadonlySet<unknown>,
    { batchSize, steps, stepsPerExecution, maxQueueSize }: ArrayPlan,
  ) {
    this.#inputs = inputs;
    this.#indices = indices;
    this.#lasting = lasting;
    this.#stepsPerExecution = stepsPerExecution;
    this.samples = Math.min((inputs[0] as Tensor).shape[0] as number, batchSize * steps);
    this.batchSize = batchSize;
    this.inferredSteps = steps;
    this.maxQueueSize = maxQueueSize;
  }

  async validate(): Promise<void> {
    await refuseNaNs(this.#inputs);
  }

  async *batches(signal?: AbortSignal): AsyncGenerator<Batch, void> {
    const rows = this.#rows;
    const units = this.#units();
    const done = units.lend();
    try {
      for (let begin = 0; begin < this.samples; begin += rows) {
        checkSignal(signal);
        yield await this.#batch(begin, Math.min(begin + rows, this.samples), units);
      }
    } finally {
      done();
    }
  }

  only(): Promise<Batch> | null {
    if (this.samples > this.#rows) return null;
    const units = this.#units();
    return this.#batch(0, this.samples, units).finally(units.lend());
  }

  /** Samples that are run in one go. */
  get #rows(): number {
    return this.batchSize * this.#stepsPerExecution;
  }

  #units(): SharedUnits {
    return new SharedUnits(this.#lasting.has(this.#indices) ? null : this.#indices);
  }

  async #batch(begin: number, end: number, units: SharedUnits): Promise<Batch> {
    const { batchSize } = this;
    const samples = end - begin;
    const step = begin / batchSize;
    const about = { step, steps: Math.ceil(samples / batchSize), samples, batchSize };
    const tensors = this.#indices === null ? this.#inputs : [...this.#inputs, this.#indices];
    // A tensor of the caller's is copied once for all calls that it is given to.
    if (begin === 0) {
      for (const whole of tensors) {
        if (end === whole.shape[0] && this.#lasting.has(whole)) await whole.toAligned();
      }
    }
    if (this.#inputs.every(({ aligned }) => aligned !== null)) {
      // The units are few: as a whole, their rows are those of the inputs.
      await this.#indices?.toAligned();
      return { ...about, begin, inputs: this.#inputs, indices: this.#indices, release: units.lend() };
    }
    const own: Tensor[] = [];
    const release = () => {
      for (const part of own) part.release();
    };
    try {
      for (const whole of tensors) own.push(Tensor.fromNative(await alignedRows(whole, begin, end)));
    } catch (error) {
      release();
      throw error;
    }
    const inputs = own.slice(0, this.#inputs.length);
    return { ...about, begin: 0, inputs, indices: own[inputs.length] ?? null, release };
  }
}

/** Units that several batches read, released when the last of them is. */
class SharedUnits {
  readonly #tensor: Tensor | null;
  #users = 0;

  constructor(tensor: Tensor | null) {
    this.#tensor = tensor;
  }

  /** Counts one user; what it returns ends that, once. */
  lend(): () => void {
    let using = true;
    this.#users += 1;
    return () => {
      if (using && --this.#users === 0) this.#tensor?.release();
      using = false;
    };
  }
}
