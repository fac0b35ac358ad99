/**
 * Turns a producer's batches into memory that TensorFlow reads. Each step is checked. Memory that is not aligned is
 * copied once.
 */
import { checkOptions, refused, wrongType } from '../support/arguments.js';
import { isTypedArray } from '../tensor/dtype.js';
import { alignedRows, allocate, joinRows, Tensor } from '../tensor/tensor.js';
import { type Batch, checkWholeBatches, type FedModel, kindOf, unitsOf } from './batch.js';
import { type FeedSpecs, type Feeds, feedTensors, tensorsPerSample, withTensorsPerSample } from './feeds.js';
import { indicesTensor } from './indices.js';
import { inputTensors, isInputArray, refuseAnyNotFinite, samplesOf } from './inputs.js';
import { discard, releaseQuietly } from './reader.js';
import type { BatchRecord } from './source.js';

/** A checked step of a source. */
export interface Step {
  readonly step: number;
  readonly samples: number;
  readonly inputs: readonly Tensor[];
  readonly indices: Tensor | null;
  readonly feeds: Feeds;
  /** Whether `indices` is the producer's own memory. */
  readonly lentIndices: boolean;
  /** Releases the producer's batch, whose memory is no longer needed. */
  letGo(): void;
  /** Releases the producer's batch and the memory that the step allocated. Idempotent. */
  release(): void;
}

const FORMS = 'a batch: x, [x], [x, y] or { x, y },';

function isBatchRecord(value: object, names: readonly string[]): value is BatchRecord {
  if (!('x' in value) || isInputArray(value)) return false;
  // A model may have inputs called "x" and "y". The record then holds inputs if every key is the name of an input.
  const isInputs =
    names.includes('x') && Object.keys(value).every((key) => names.includes(key)) && isInputArray(value.x);
  return !isInputs;
}

function unpack(
  batch: unknown,
  { inputs }: FedModel,
  specs: FeedSpecs,
  place: string,
): { x: unknown; y?: unknown; feeds?: unknown } {
  if (typeof batch !== 'object' || batch === null) throw wrongType(`x${place}`, FORMS, batch);
  if (isTypedArray(batch)) {
    const mend = 'Bytes have no shape: make a Tensor or { data, shape } of them first.';
    throw wrongType(`x${place}`, FORMS, batch, mend);
  }
  if (Array.isArray(batch)) {
    const flat = inputs.length > 1 && isInputArray(batch[0]);
    if (batch.length < 1 || batch.length > 2 || flat) {
      const mend = 'An array is [x, y]; several inputs are a list in it: [[a, b], y].';
      throw refused(`x${place}`, FORMS, `an array of ${batch.length}`, mend);
    }
    return { x: batch[0], y: batch[1] };
  }
  const names = inputs.map(({ name }) => name);
  if (!isBatchRecord(batch, names)) return { x: batch };
  const feeds = Object.keys(specs).length > 0 ? ['feeds'] : [];
  checkOptions(`x${place}`, batch, ['x', 'y', ...feeds, 'release']);
  return batch;
}

/** Checks the producer's batch number `step`. Throws TypeError and RangeError that name the step. */
export async function checkStep(
  batch: unknown,
  step: number,
  { model, axis, specs }: { readonly model: FedModel; readonly axis: number; readonly specs: FeedSpecs },
): Promise<Step> {
  const place = ` of step ${step}`;
  let made: Tensor | null = null;
  let lent = batch;
  const letGo = () => {
    const given = lent;
    lent = null;
    discard(given);
  };
  const release = () => {
    made?.release();
    letGo();
  };
  try {
    const { x, y, feeds: given } = unpack(batch, model, specs, place);
    const inputs = inputTensors(x, model.inputs, place);
    const samples = samplesOf(inputs, model.inputs);
    checkWholeBatches(model, samples, `x${place}`);
    const units = unitsOf(model, axis);
    const indices = y === undefined || y === null ? null : indicesTensor(y, samples, units, place);
    if (indices !== y) made = indices;
    const feeds = feedTensors(given, specs, samples, place);
    await refuseAnyNotFinite(inputs, place);
    const lentIndices = indices !== null && indices === y;
    return { step, samples, inputs, indices, feeds, lentIndices, letGo, release };
  } catch (error) {
    releaseQuietly(release);
    // Some checks do not know the step, for example the check that the data fits its shape.
    if ((error instanceof TypeError || error instanceof RangeError) && !error.message.includes(place)) {
      error.message = `Step ${step}: ${error.message}`;
    }
    throw error;
  }
}

/** Returns one step as a batch. Aligned memory is used in place. Other memory is copied before the promise settles. */
export async function toBatch(checked: Step): Promise<Batch> {
  const { step, samples, inputs, indices, feeds: named, lentIndices, letGo, release } = checked;
  const own: Tensor[] = [];
  const aligned = async (tensor: Tensor): Promise<Tensor> => {
    if (tensor.aligned !== null) return tensor;
    // Every step makes a copy, because the producer may write the next batch into the same array.
    const copy = Tensor.fromNative(await alignedRows(tensor, 0, samples));
    own.push(copy);
    return copy;
  };
  const releaseAll = () => {
    for (const copy of own) copy.release();
    release();
  };
  try {
    const fed: Tensor[] = [];
    for (const input of inputs) fed.push(await aligned(input));
    const units = indices === null ? null : await aligned(indices);
    const rows: Tensor[] = [];
    for (const tensor of tensorsPerSample(named)) rows.push(await aligned(tensor));
    const feeds = withTensorsPerSample(named, rows);
    // If no memory of the producer is read in place, the producer's batch is released as soon as the copy exists.
    const inPlace = [...inputs, ...tensorsPerSample(named)].some((tensor) =>
      [...fed, ...rows].includes(tensor),
    );
    if (!inPlace && !lentIndices) letGo();
    const about = { step, steps: 1, begin: 0, samples, batchSize: samples };
    return { ...about, inputs: fed, indices: units, feeds, release: releaseAll };
  } catch (error) {
    releaseQuietly(releaseAll);
    throw error;
  }
}

/** Returns the tensors of a step: inputs, feeds per sample, then units. */
function tensorsOf({ inputs, feeds, indices }: Step): readonly Tensor[] {
  return [...inputs, ...tensorsPerSample(feeds), ...(indices === null ? [] : [indices])];
}

/**
 * Joins successive steps into one batch. The rows of each step are copied behind the rows of the step before. Scalars
 * have no rows: they are equal in all steps.
 */
export class StepGroup {
  readonly #step: number;
  readonly #inputs: number;
  readonly #kind: string;
  readonly #rows: number;
  readonly #tensors: readonly Tensor[];
  readonly #feeds: Feeds;
  #steps = 0;
  #samples = 0;
  #batchSize = 0;

  /** Allocates memory for `steps` steps of the size of `first`. Does not append `first`. */
  constructor(first: Step, steps: number) {
    this.#step = first.step;
    this.#inputs = first.inputs.length;
    this.#kind = kindOf(first);
    this.#rows = first.samples * steps;
    this.#feeds = first.feeds;
    this.#tensors = tensorsOf(first).map(({ shape, dtype }) =>
      allocate(shape.length === 0 ? [] : [this.#rows, ...shape.slice(1)], dtype),
    );
  }

  get steps(): number {
    return this.#steps;
  }

  fits(step: Step): boolean {
    return this.#samples + step.samples <= this.#rows && kindOf(step) === this.#kind;
  }

  async append(step: Step): Promise<void> {
    try {
      for (const [i, tensor] of tensorsOf(step).entries()) {
        const row = tensor.shape.length === 0 ? 0 : this.#samples;
        await joinRows(this.#tensors[i] as Tensor, row, tensor, 'in');
      }
    } finally {
      step.release();
    }
    this.#steps += 1;
    this.#samples += step.samples;
    this.#batchSize = Math.max(this.#batchSize, step.samples);
  }

  release(): void {
    for (const tensor of this.#tensors) tensor.release();
  }

  /** Returns the batch, which then owns the memory. Must be called at most once. */
  finish(): Batch {
    const named = this.#inputs + tensorsPerSample(this.#feeds).length;
    return {
      step: this.#step,
      steps: this.#steps,
      begin: 0,
      samples: this.#samples,
      batchSize: this.#batchSize,
      inputs: this.#tensors.slice(0, this.#inputs),
      indices: this.#tensors[named] ?? null,
      feeds: withTensorsPerSample(this.#feeds, this.#tensors.slice(this.#inputs, named)),
      release: () => this.release(),
    };
  }
}
