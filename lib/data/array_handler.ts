/** Batches of arrays that are in memory. */
import { checkSignal } from '../support/signal.js';
import { alignedRows, Tensor } from '../tensor/tensor.js';
import type { Batch, DataHandler } from './batch.js';
import { type Feeds, tensorsPerSample, withTensorsPerSample } from './feeds.js';
import { refuseAnyNotFinite } from './inputs.js';

/** The checked arrays of a run. */
export interface ArraysOfRun {
  readonly inputs: readonly Tensor[];
  readonly samples: number;
  readonly indices: Tensor | null;
  readonly feeds: Feeds;
  /** The tensors that the caller owns. */
  readonly lasting: ReadonlySet<unknown>;
}

export interface ArrayPlan {
  readonly batchSize: number;
  readonly steps: number;
  readonly stepsPerExecution: number;
  readonly maxQueueSize: number;
}

/**
 * Divides tensors along the sample axis. If all inputs are in aligned memory (from `allocate` or an earlier call),
 * batches are rows of that memory. Otherwise the rows of a batch are copied when the batch is requested, in slices that
 * do not block the event loop.
 */
export class ArrayHandler implements DataHandler {
  readonly samples: number;
  readonly batchSize: number;
  readonly inferredSteps: number;
  readonly maxQueueSize: number;
  readonly #stepsPerExecution: number;
  readonly #inputs: readonly Tensor[];
  readonly #indices: Tensor | null;
  readonly #feeds: Feeds;
  readonly #lasting: ReadonlySet<unknown>;

  constructor(
    { inputs, samples, indices, feeds, lasting }: ArraysOfRun,
    { batchSize, steps, stepsPerExecution, maxQueueSize }: ArrayPlan,
  ) {
    this.#inputs = inputs;
    this.#indices = indices;
    this.#feeds = feeds;
    this.#lasting = lasting;
    this.#stepsPerExecution = stepsPerExecution;
    this.samples = Math.min(samples, batchSize * steps);
    this.batchSize = batchSize;
    this.inferredSteps = steps;
    this.maxQueueSize = maxQueueSize;
  }

  async validate(): Promise<void> {
    await refuseAnyNotFinite(this.#inputs);
  }

  async *batches(signal?: AbortSignal): AsyncGenerator<Batch, void> {
    const rows = this.#rows;
    const shared = this.#shared();
    const done = shared.lend();
    try {
      for (let begin = 0; begin < this.samples; begin += rows) {
        checkSignal(signal);
        yield await this.#batch(begin, Math.min(begin + rows, this.samples), shared);
      }
    } finally {
      done();
    }
  }

  only(): Promise<Batch> | null {
    if (this.samples > this.#rows) return null;
    const shared = this.#shared();
    return this.#batch(0, this.samples, shared).finally(shared.lend());
  }

  /** The number of samples per execution. */
  get #rows(): number {
    return this.batchSize * this.#stepsPerExecution;
  }

  /** Returns the tensors that batches read as a whole and that the caller does not own. */
  #shared(): SharedTensors {
    const whole = Object.values(this.#feeds).filter((feed) => feed.whole);
    const tensors = [this.#indices, ...whole.map(({ tensor }) => tensor)];
    return new SharedTensors(
      tensors.filter((each): each is Tensor => each !== null && !this.#lasting.has(each)),
    );
  }

  async #batch(begin: number, end: number, shared: SharedTensors): Promise<Batch> {
    const { batchSize } = this;
    const samples = end - begin;
    const step = begin / batchSize;
    const about = { step, steps: Math.ceil(samples / batchSize), samples, batchSize };
    const fed = [...this.#inputs, ...tensorsPerSample(this.#feeds)];
    const tensors = this.#indices === null ? fed : [...fed, this.#indices];
    // A tensor of the caller is copied once for all calls that receive it.
    if (begin === 0) {
      for (const whole of tensors) {
        if (end === whole.shape[0] && this.#lasting.has(whole)) await whole.toAligned();
      }
    }
    // A number beside large aligned tensors must not cause copies of their rows.
    for (const scalar of fed.filter(({ shape }) => shape.length === 0)) await scalar.toAligned();
    if (fed.every(({ aligned }) => aligned !== null)) {
      // Units are few, so all of them are aligned. Their rows are then the rows of the inputs.
      await this.#indices?.toAligned();
      const { inputs, indices, feeds } = { inputs: this.#inputs, indices: this.#indices, feeds: this.#feeds };
      return { ...about, begin, inputs, indices, feeds, release: shared.lend() };
    }
    const own: Tensor[] = [];
    const giveBack = shared.lend();
    const release = () => {
      for (const part of own) part.release();
      giveBack();
    };
    try {
      for (const whole of tensors) own.push(Tensor.fromNative(await alignedRows(whole, begin, end)));
    } catch (error) {
      release();
      throw error;
    }
    const inputs = own.slice(0, this.#inputs.length);
    const feeds = withTensorsPerSample(this.#feeds, own.slice(inputs.length, fed.length));
    return { ...about, begin: 0, inputs, indices: own[fed.length] ?? null, feeds, release };
  }
}

/** Tensors that several batches read. They are released with the last batch. */
class SharedTensors {
  readonly #tensors: readonly Tensor[];
  #users = 0;

  constructor(tensors: readonly Tensor[]) {
    this.#tensors = tensors;
  }

  /** Adds one user. Returns a function that removes this user. Further calls of the function do nothing. */
  lend(): () => void {
    let using = true;
    this.#users += 1;
    return () => {
      if (using && --this.#users === 0) for (const tensor of this.#tensors) tensor.release();
      using = false;
    };
  }
}
