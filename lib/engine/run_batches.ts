/** Runs a step over all batches, calls the callbacks and keeps the results. */
import type { BatchProgress } from '../callbacks/callback.js';
import type { CallbackList } from '../callbacks/callback_list.js';
import type { Batch, DataHandler } from '../data/batch.js';
import type { Model } from '../model/model.js';
import { checkSignal, follow, manyListen, untilLongAborted } from '../support/signal.js';
import type { RaggedTensor } from '../tensor/ragged.js';
import type { Tensor } from '../tensor/tensor.js';
import { noteFinished } from './failures/finished_steps.js';
import { type Finished, pipeline } from './pipeline.js';
import type { StepProgress } from './progress.js';
import { type Destinations, destinationsFrom, type Place, Results, type StepOutputs } from './results.js';
import type { RunHooks } from './run_function.js';
import { batchesInFlight } from './shards.js';

/** Computes one batch. */
export type Step<Outputs extends StepOutputs> = (batch: Batch, hooks: RunHooks) => Promise<Outputs>;

export interface LoopOptions {
  readonly callbacks: CallbackList;
  readonly counter: { steps: number };
  readonly signal?: AbortSignal | undefined;
  readonly timeout?: number | undefined;
  readonly onProgress?: ((progress: StepProgress) => unknown) | undefined;
}

/** Stores the results of a run. */
interface Keeper<Outputs extends StepOutputs> {
  /** Returns the tensors that the outputs of `batch` are written into. `row` is the batch's first row in the run. */
  destinations(batch: Batch, row: number): Destinations | undefined;
  /** Returns the place of outputs of `batch` that `destinations` does not name. */
  place?(batch: Batch, row: number): Place;
  /** Stores a step before its callbacks are called. The step is then kept even if a callback throws. */
  accept(finished: Finished<Outputs>): void;
  /** Returns the steps that were computed but not delivered to the caller. */
  rest(): Results;
}

/**
 * Runs `step` over all batches and yields the results in order, each after its callbacks. If a batch fails, the batches
 * before it are yielded first and the others are aborted. `finishedSteps` of the error has the steps that were not
 * yielded.
 */
export async function* runSteps<Outputs extends StepOutputs>(
  model: Model,
  handler: DataHandler,
  step: Step<Outputs>,
  { callbacks, counter, signal, timeout, onProgress }: LoopOptions,
  keeper: Keeper<Outputs>,
): AsyncGenerator<Finished<Outputs>, void> {
  const outer = follow(signal, timeout);
  // The end of the run aborts `own`. Callbacks are aborted only by the caller's signal or the timeout.
  const own = follow(outer.signal);
  const called = (hook: Promise<void>) => untilLongAborted(hook, outer.signal);
  let stopped = false;
  let row = 0;
  let state: 'running' | 'done' | 'failed' = 'running';

  const reporter = (batch: Batch) => {
    if (onProgress === undefined && !callbacks.watchesProgress) return undefined;
    return async (progress: BatchProgress) => {
      await onProgress?.({ step: batch.step, ...progress });
      await callbacks.onPredictBatchProgress(batch.step, progress);
    };
  };
  const stage = {
    announce: (batch: Batch) => called(callbacks.onPredictBatchBegin(batch.step)),
    begin: (batch: Batch, ownSignal: AbortSignal) => {
      const into = keeper.destinations(batch, row);
      const place = keeper.place?.(batch, row);
      const first = row;
      row += batch.samples;
      return step(batch, { signal: ownSignal, report: reporter(batch), into, place, row: first });
    },
    inFlight: (batch: Batch) => batchesInFlight(model, batch),
  };
  const stopPredicting = () => {
    stopped = true;
  };

  const fail = async (thrown: unknown): Promise<never> => {
    state = 'failed';
    const error = outer.interruption() ?? thrown;
    const rest = keeper.rest();
    const { steps, samples } = rest;
    // The error may be a lack of memory. The finished steps are then lost.
    const outputs = steps > 0 ? await rest.finish().catch(() => null) : null;
    noteFinished(error, outputs && { steps, samples, outputs });
    // The first error is reported to the caller, even if a callback throws.
    await called(callbacks.onPredictError(error)).catch(() => undefined);
    throw error;
  };

  try {
    checkSignal(outer.signal);
    await called(callbacks.onPredictBegin());
    for await (const finished of pipeline(handler, stage, own)) {
      const { batch, outputs } = finished;
      counter.steps += batch.steps;
      keeper.accept(finished);
      await called(callbacks.onPredictBatchEnd(batch.step + batch.steps, { outputs, stopPredicting }));
      yield finished;
      if (stopped) break;
    }
    state = 'done';
    await called(callbacks.onPredictEnd());
  } catch (error) {
    await fail(error);
  } finally {
    try {
      // The consumer has ended the loop early.
      if (state === 'running') await called(callbacks.onPredictEnd()).catch(fail);
    } finally {
      own.dispose();
      outer.dispose();
    }
  }
}

/**
 * Runs `step` over all batches and joins the results along the sample axis, in the caller's tensors `into` if given.
 */
export async function runBatches<Outputs extends StepOutputs>(
  model: Model,
  handler: DataHandler,
  step: Step<Outputs>,
  options: LoopOptions,
  into: Readonly<Record<string, Tensor>> = {},
): Promise<Record<string, Tensor | RaggedTensor>> {
  const { callbacks, timeout, onProgress } = options;
  const unwatched = callbacks.callbacks.length === 0 && onProgress === undefined && timeout === undefined;
  if (unwatched) checkSignal(options.signal);
  const only = unwatched ? handler.only?.() : null;
  if (only) return runOnly(await only, step, options, into);
  const results = new Results(handler.samples, into, options.callbacks.observed);
  const steps = runSteps(model, handler, step, options, {
    destinations: (_, row) => results.destinations(row),
    place: (batch, row) => results.place(batch, row),
    accept: ({ batch, outputs }) => results.append(batch, outputs),
    rest: () => results,
  });
  try {
    for await (const _ of steps) {
      // The keeper stores the results.
    }
    return await results.finish();
  } catch (error) {
    if (results.steps === 0) results.release();
    throw error;
  }
}

/**
 * Runs a single batch without callbacks, progress and timeout, such as a request to a service. Without the pipeline of
 * several batches, the run of a small model takes half the time.
 */
async function runOnly<Outputs extends StepOutputs>(
  batch: Batch,
  step: Step<Outputs>,
  { counter, signal }: LoopOptions,
  into: Readonly<Record<string, Tensor>>,
): Promise<Record<string, Tensor>> {
  if (signal !== undefined) manyListen(signal);
  try {
    const outputs = await step(batch, { signal, into: destinationsFrom(into, 0) });
    counter.steps += batch.steps;
    return { ...outputs, ...into };
  } catch (error) {
    noteFinished(error, null);
    throw error;
  } finally {
    batch.release();
  }
}
