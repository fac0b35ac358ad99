/** Reads batches of a source ahead, checks and copies them, and joins the steps of one execution. */
import { ensureTensorflow } from '../binding/loader.js';
import { outOfRange, refused } from '../support/arguments.js';
import { follow } from '../support/signal.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Batch, DataHandler, FedModel } from './batch.js';
import { checkAllFed, type FeedSpecs, type Feeds, feedRows } from './feeds.js';
import type { ModuleSequence } from './module_sequence.js';
import { positionsOf, produce, produceInOrder } from './producer.js';
import { readAhead } from './read_ahead.js';
import { ReadBudget } from './read_budget.js';
import { ParallelReader, type Reader, releaseQuietly, SerialReader } from './reader.js';
import { isSequence, type Source } from './source.js';
import { checkStep, type Step, StepGroup, toBatch } from './step_batch.js';

export interface SourcePlan {
  /** The number of all samples, and of samples per step except for the last, if the source declares them. */
  readonly samples: number | null;
  readonly batchSize: number | null;
  /** Units of all samples, if the caller passed `y`. */
  readonly units: Tensor | null;
  /** Whole feeds, and the caller's feeds per sample with the rows of all samples. */
  readonly feeds: Feeds;
  /** All feeds that the step takes. */
  readonly specs: FeedSpecs;
  /** The axis of the model's first output that units index. */
  readonly axis: number;
  readonly steps: number | undefined;
  readonly stepsPerExecution: number;
  readonly maxQueueSize: number;
  readonly readers: number;
  /** True only for a ModuleSequence. */
  readonly useMultiprocessing: boolean;
}

export class SourceHandler implements DataHandler {
  readonly inferredSteps: number | null;
  readonly samples: number | null;
  readonly batchSize: number | null;
  readonly maxQueueSize: number;
  readonly #model: FedModel;
  readonly #source: Source;
  readonly #plan: SourcePlan;

  constructor(model: FedModel, source: Source, plan: SourcePlan) {
    const { samples, batchSize, steps, maxQueueSize } = plan;
    this.#model = model;
    this.#source = source;
    this.#plan = plan;
    this.maxQueueSize = maxQueueSize;
    const length = isSequence(source) ? source.length : null;
    this.inferredSteps = steps ?? length;
    this.batchSize = batchSize;
    const all = steps === undefined || steps === length;
    this.samples = all ? samples : samples && batchSize && Math.min(samples, batchSize * steps);
  }

  /** Does nothing: each batch is checked when it is read. */
  async validate(): Promise<void> {}

  async *batches(outer?: AbortSignal): AsyncGenerator<Batch, void> {
    const { signal, abort, dispose } = follow(outer);
    const { readers, maxQueueSize, stepsPerExecution } = this.#plan;
    const ahead = readers === 0 ? Number.POSITIVE_INFINITY : Math.max(maxQueueSize, stepsPerExecution);
    const budget = new ReadBudget(ahead);
    const items = this.#prepare(budget, signal);
    const onTaken = ({ steps }: Batch) => budget.give(steps);
    const onDropped = (batch: Batch) => releaseQuietly(batch.release);
    try {
      yield* readers === 0 ? items : readAhead({ items, abort, signal, onTaken, onDropped });
    } finally {
      dispose();
    }
  }

  #open(budget: ReadBudget, signal: AbortSignal): Reader {
    const { readers, useMultiprocessing } = this.#plan;
    const source = this.#source;
    if (!isSequence(source)) return new SerialReader(produce(source), budget, signal);
    const steps = this.inferredSteps as number;
    if (useMultiprocessing) {
      return new ParallelReader((source as ModuleSequence).open(steps, signal), readers, budget, signal);
    }
    const positions = positionsOf(source, steps, signal);
    return readers > 1
      ? new ParallelReader(positions, readers, budget, signal)
      : new SerialReader(produceInOrder(positions), budget, signal);
  }

  async *#prepare(budget: ReadBudget, signal: AbortSignal): AsyncGenerator<Batch, void> {
    const reader = this.#open(budget, signal);
    let failed = false;
    try {
      const steps = this.#steps(reader);
      yield* this.#plan.stepsPerExecution > 1 ? this.#grouped(steps) : separate(steps);
    } catch (error) {
      failed = true;
      throw error;
    } finally {
      // The first error is reported to the caller.
      await reader.close().catch((error: unknown) => {
        if (!failed && !signal.aborted) throw error;
      });
    }
  }

  /** Yields checked steps. A step is read after the step before was copied. */
  async *#steps(reader: Reader): AsyncGenerator<Step, void> {
    const { units, feeds, specs, axis, steps = Number.POSITIVE_INFINITY } = this.#plan;
    const brought = Object.fromEntries(Object.entries(specs).filter(([name]) => !Object.hasOwn(feeds, name)));
    let rows = 0;
    let named: boolean | null = null;
    for (let index = 0; index < steps; index++) {
      const { done, value } = await reader.next();
      if (done === true) {
        this.#checkEnd(index, rows);
        return;
      }
      const step = await checkStep(value, index, { model: this.#model, axis, specs: brought });
      const first = rows;
      rows += step.samples;
      try {
        this.#checkRows(step, rows);
        named ??= step.indices !== null;
        if (named !== (step.indices !== null)) {
          const expected = named
            ? 'units, because the steps before have units,'
            : 'no units, because the steps before have none,';
          throw refused(`y of step ${index}`, expected, named ? 'none' : 'some');
        }
        checkAllFed(step.feeds, brought, ` of step ${index}`);
      } catch (error) {
        releaseQuietly(step.release);
        throw error;
      }
      // Rows of a tensor are not aligned. They are copied with their step.
      yield {
        ...step,
        indices: units === null ? step.indices : units.rows(first, rows),
        feeds: { ...step.feeds, ...feedRows(feeds, first, rows) },
      };
    }
    this.#checkEnd(steps, rows);
  }

  #checkRows({ step, indices }: Step, rows: number): void {
    const { samples } = this;
    if (samples !== null && rows > samples) {
      throw refused(
        `x of step ${step}`,
        `no more than the ${samples} samples that \`x.samples\` declares`,
        `${rows}`,
      );
    }
    if (this.#plan.units !== null && indices !== null) {
      throw refused(`y of step ${step}`, 'no units, because the caller passed `y`,', 'some');
    }
  }

  #checkEnd(index: number, rows: number): void {
    const { steps } = this.#plan;
    if (index === 0) throw refused('x', 'a source of at least one batch', 'one that ended before the first');
    if (steps !== undefined && index < steps) {
      process.emitWarning(
        `The source ran out of data: \`steps\` is ${steps}, but it ended after ${index}. The run ends here.`,
        { type: 'KerasExplainableWarning', code: 'OUT_OF_DATA' },
      );
    }
    if (this.samples !== null && rows !== this.samples) {
      throw outOfRange('x.samples', `${rows}, the number of samples in its batches,`, this.samples);
    }
  }

  async *#grouped(steps: AsyncGenerator<Step, void>): AsyncGenerator<Batch, void> {
    const most = this.#plan.stepsPerExecution;
    const last = this.inferredSteps ?? Number.POSITIVE_INFINITY;
    await ensureTensorflow();
    let group: StepGroup | null = null;
    try {
      for await (const step of steps) {
        let waiting: Step | null = step;
        try {
          if (group !== null && !group.fits(step)) {
            yield group.finish();
            group = null;
          }
          group ??= new StepGroup(step, Math.min(most, last - step.step));
          waiting = null;
          await group.append(step);
        } finally {
          // The consumer ended the generator at the batch before, or no memory was left for the step.
          waiting?.release();
        }
        if (group.steps === most) {
          yield group.finish();
          group = null;
        }
      }
    } catch (error) {
      // The steps before the failure are complete.
      if (group !== null && group.steps > 0) yield group.finish();
      else group?.release();
      throw error;
    }
    if (group !== null) yield group.finish();
  }
}

async function* separate(steps: AsyncGenerator<Step, void>): AsyncGenerator<Batch, void> {
  for await (const step of steps) yield await toBatch(step);
}
