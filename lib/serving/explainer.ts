import type { Batch } from '../data/batch.js';
import type { Indices } from '../data/indices.js';
import type { Inputs } from '../data/inputs.js';
import type { StepOptions } from '../engine/explain_step.js';
import { warnOfSaturation } from '../engine/findings.js';
import {
  type ExplainFunction,
  type ExplainResult,
  makeExplainFunction,
} from '../engine/make_explain_function.js';
import { releaseResults } from '../engine/method_results.js';
import type { OptionalOptions } from '../engine/prepare.js';
import { fixedBatchSize } from '../graph/layer.js';
import type { AnyMethod, MethodParameters } from '../graph/method.js';
import { KERNEL_AXIS } from '../inspection/axes.js';
import { Model } from '../model/model.js';
import { checkFunction, checkOptions, outOfRange, wrongType } from '../support/arguments.js';
import {
  CancelledError,
  GraphError,
  KerasExplainableError,
  LoadError,
  ModelError,
  UnsupportedOpError,
  WorkerError,
} from '../support/errors.js';
import { mapConcurrently } from '../support/map_concurrently.js';
import { checkIsSignal, checkSignal, checkTimeout } from '../support/signal.js';
import { Call, type CallOptions } from './call.js';
import { Dispatcher } from './dispatcher.js';
import {
  divideOptions,
  EXPLAINER_OPTIONS,
  type ExplainerOptionsFor,
  type QueueOptions,
} from './explainer_options.js';
import { joinSamples, ownResult, singleOf } from './join_samples.js';
import { QueueFullError } from './queue_full_error.js';
import { checkValues, sampleOf, zeroSample } from './sample.js';
import { type ExplainerStats, StatsRecorder } from './stats.js';

export interface CloseOptions {
  /**
   * Milliseconds until unanswered calls are cancelled. 0 cancels them at once. Default: `close` waits until every call
   * is answered.
   */
  readonly timeout?: number;
}

/** The calls of a batch in flight. `controller` aborts the batch while it runs. */
interface Flight {
  readonly calls: readonly Call[];
  readonly controller: AbortController;
  running: boolean;
}

/** Explains single samples of many callers and joins the samples into batches. Returned by {@link createExplainer}. */
export class Explainer {
  readonly #model: Model;
  readonly #axis: number;
  readonly #queue: Required<QueueOptions>;
  readonly #explain: ExplainFunction;
  readonly #dispatcher: Dispatcher<Call>;
  readonly #stats = new StatsRecorder();
  /** The calls that are accepted and not settled. */
  readonly #active = new Set<Call>();
  readonly #flights = new Set<Flight>();
  #drained: { readonly promise: Promise<void>; readonly resolve: () => void } | null = null;
  #deadline: { readonly at: number; readonly timer: NodeJS.Timeout } | null = null;

  /** @internal Use {@link createExplainer}. */
  constructor(model: Model, axis: number, queue: Required<QueueOptions>, explain: ExplainFunction) {
    this.#model = model;
    this.#axis = axis;
    this.#queue = queue;
    this.#explain = explain;
    this.#dispatcher = new Dispatcher({
      ...queue,
      // A getter, because the number of replicas on workers is unknown until the workers have answered.
      get replicas() {
        return model.core.strategy.replicas;
      },
      run: (calls) => this.#run(calls),
    });
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#drained !== null;
  }

  /**
   * Explains one sample in a batch with the samples of other calls. The sample is checked before it waits. If a batch
   * fails, its calls are retried one by one, so that only the call that caused the error fails.
   *
   * @param x one sample, (1, ...), in the forms that `explain` takes. The sample is read when its batch is sent: do not
   *   change or release it before the promise is settled.
   * @param y the units to explain, (1, U), for example `[[3, 5]]`. Default: every unit.
   * @returns `logits` (1, U), `maps` (1, H, W, U) and `extras`, in memory that no other call shares.
   * @throws TypeError, RangeError for misuse, including NaN and Infinity in `x`.
   * @throws QueueFullError if `maxQueueSize` calls wait.
   * @throws CancelledError after `signal` is aborted. TimeoutError after `timeout`.
   * @throws KerasExplainableError (`CLOSED`) if the explainer is closed. ModelError (`CLOSED`) if the model is closed.
   */
  async explain(x: Inputs, y?: Indices | null, options: CallOptions = {}): Promise<ExplainResult> {
    this.#stats.called();
    let call: Call;
    try {
      call = this.#accept(x, y, options);
    } catch (error) {
      this.#stats.ended(error instanceof CancelledError ? 'cancelled' : 'rejected', null, 0);
      throw error;
    }
    void this.#enqueue(call);
    return call.promise;
  }

  /**
   * Compiles the method, and computes one sample alone and in a full batch. No caller then waits for the work of the
   * first use. `stats()` does not count these runs.
   *
   * @param x a sample of the size of later calls. Optional if the model declares the size.
   * @param y units like those of later calls. No units, one unit and several units are compiled separately.
   */
  async warmUp(x?: Inputs, y?: Indices | null): Promise<void> {
    this.#checkOpen();
    const sample = sampleOf(this.#model, x ?? zeroSample(this.#model), y, this.#axis);
    const controller = new AbortController();
    const flight: Flight = { calls: [], controller, running: true };
    this.#flights.add(flight);
    try {
      await checkValues(sample);
      for (const count of new Set([1, this.#queue.maxBatchSize])) {
        const batch = await joinSamples(Array(count).fill(sample), (_, error) => {
          throw error;
        });
        try {
          releaseResults(await this.#explain(batch, { signal: controller.signal }));
        } finally {
          batch.release();
        }
      }
    } finally {
      sample.release();
      this.#flights.delete(flight);
      this.#checkDrained();
    }
  }

  /** Returns counts and latencies since the explainer was created. */
  stats(): ExplainerStats {
    return this.#stats.snapshot();
  }

  /**
   * Refuses new calls and answers all accepted calls. Resolves when every call is settled and no batch runs.
   * Idempotent: a later call may set a timeout or shorten it. The model stays open, because the caller owns the model.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    checkOptions('options', options, ['timeout']);
    const { timeout } = options;
    if (timeout !== 0) checkTimeout(timeout);
    if (this.#drained === null) {
      let resolve: () => void = () => undefined;
      const promise = new Promise<void>((fulfil) => {
        resolve = fulfil;
      });
      this.#drained = { promise, resolve };
      this.#dispatcher.drain();
    }
    if (timeout !== undefined) this.#cancelAfter(timeout);
    this.#checkDrained();
    await this.#drained.promise;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #checkOpen(): void {
    if (this.closed) throw new KerasExplainableError('CLOSED', 'This explainer is closed.');
    this.#model.checkOpen();
  }

  #accept(x: Inputs, y: Indices | null | undefined, options: CallOptions): Call {
    this.#checkOpen();
    checkOptions('options', options, ['signal', 'timeout', 'client']);
    checkIsSignal(options.signal);
    checkTimeout(options.timeout);
    const sample = sampleOf(this.#model, x, y, this.#axis);
    try {
      checkSignal(options.signal);
      const { waiting, retryAfterMs } = this.#stats;
      const { maxQueueSize } = this.#queue;
      if (waiting >= maxQueueSize) throw new QueueFullError(waiting, maxQueueSize, retryAfterMs);
    } catch (error) {
      sample.release();
      throw error;
    }
    const call = new Call(sample, options, this.#stats, (ended) => this.#forget(ended));
    this.#active.add(call);
    return call;
  }

  async #enqueue(call: Call): Promise<void> {
    try {
      await checkValues(call.sample);
    } catch (error) {
      call.refuse(error);
    }
    if (!call.settled) this.#dispatcher.add(call);
  }

  /** Removes a settled call from the queue. Aborts a batch if all its calls are settled. */
  #forget(call: Call): void {
    this.#active.delete(call);
    this.#dispatcher.remove(call);
    for (const { calls, controller, running } of this.#flights) {
      if (running && calls.includes(call) && calls.every(({ settled }) => settled)) controller.abort();
    }
    this.#checkDrained();
  }

  #checkDrained(): void {
    if (this.#drained === null || this.#active.size > 0 || this.#flights.size > 0) return;
    clearTimeout(this.#deadline?.timer);
    this.#explain.release();
    this.#drained.resolve();
  }

  #cancelAfter(timeout: number): void {
    const at = performance.now() + timeout;
    if (this.#deadline !== null && this.#deadline.at <= at) return;
    clearTimeout(this.#deadline?.timer);
    const cancel = () => {
      for (const call of this.#active) {
        call.cancel(new CancelledError('The explainer was closed before this call was answered.'));
      }
      for (const { controller } of this.#flights) controller.abort();
    };
    this.#deadline = { at, timer: setTimeout(cancel, timeout) };
  }

  /** Computes a batch and settles its calls. Never rejects. */
  async #run(calls: readonly Call[]): Promise<void> {
    const flight: Flight = { calls, controller: new AbortController(), running: true };
    this.#flights.add(flight);
    for (const call of calls) call.sent();
    try {
      const samples = calls.map(({ sample }) => sample);
      const batch = await joinSamples(samples, (i, error) => calls[i]?.fail(error));
      try {
        await this.#answer(flight, batch);
      } finally {
        batch.release();
      }
    } catch (error) {
      for (const call of calls) call.fail(error);
    } finally {
      for (const { sample } of calls) sample.release();
      this.#flights.delete(flight);
      this.#checkDrained();
    }
  }

  async #answer(flight: Flight, batch: Batch): Promise<void> {
    const { calls, controller } = flight;
    let result: ExplainResult;
    try {
      result = await this.#compute(batch, controller.signal);
    } catch (error) {
      if (calls.length === 1 || !mayBeOfOne(error)) throw error;
      await this.#answerSingly(calls, batch, controller.signal);
      return;
    }
    flight.running = false;
    const [first, ...others] = calls as [Call];
    if (others.length === 0) {
      first.complete(result);
      return;
    }
    for (const [i, call] of calls.entries()) {
      try {
        if (!call.settled) call.complete(await ownResult(result, i));
      } catch (error) {
        call.fail(error);
      }
    }
    releaseResults(result);
  }

  /** Computes each call of a failed batch alone, so that only the call that caused the error fails. */
  async #answerSingly(calls: readonly Call[], batch: Batch, signal: AbortSignal): Promise<void> {
    const replicas = this.#model.core.strategy.replicas;
    await mapConcurrently(calls, replicas, async (call, i) => {
      if (call.settled) return;
      try {
        call.complete(await this.#compute(singleOf(batch, i), signal, true));
      } catch (error) {
        call.fail(error);
      }
    });
  }

  async #compute(batch: Batch, signal: AbortSignal, retry = false): Promise<ExplainResult> {
    const begun = performance.now();
    try {
      return await this.#explain(batch, { signal });
    } finally {
      this.#stats.ran(batch.samples, { begun, retry });
    }
  }
}

/**
 * Returns whether one sample of a batch may have caused `error`. Other errors occur in every batch: a method that
 * cannot be compiled, or a closed model.
 */
function mayBeOfOne(error: unknown): boolean {
  const always = [GraphError, UnsupportedOpError, ModelError, LoadError, CancelledError, WorkerError];
  return error instanceof KerasExplainableError && !always.some((kind) => error instanceof kind);
}

/**
 * Returns an explainer for services. Many callers explain one sample each. Calls that arrive at the same time share a
 * batch.
 *
 * ```ts
 * const { gradcam } = ke.methods.cams;
 * const explainer = ke.createExplainer(gradcam, exposed, { postprocessing: ke.filters.positiveNormalize });
 * const { logits, maps } = await explainer.explain(x, [[3]], { signal, timeout: 2000, client: userId });
 * ```
 *
 * @param method the explaining method, recorded once for this explainer.
 * @param model the model. If the method needs activations, the model must be exposed. The caller closes the model after
 *   the explainer.
 * @param options the options of the queue, the options of all calls (`postprocessing`, `resizing`, ...) and the
 *   method's own parameters. A misspelled parameter is refused when the method is recorded, at `warmUp()` or the
 *   first call.
 * @throws TypeError, RangeError for misuse.
 */
export function createExplainer<M extends AnyMethod>(
  method: M,
  model: Model,
  ...[options]: OptionalOptions<ExplainerOptionsFor<M>>
): Explainer {
  if (!(model instanceof Model)) throw wrongType('model', 'a model from `loadModel`', model);
  model.checkOpen();
  checkFunction('method', method, 'Pass a method, for example `methods.cams.gradcam`.');
  const [queue, params] = divideOptions(options ?? {});
  const fixed = fixedBatchSize(model.inputs);
  if (fixed !== null && fixed !== 1) {
    throw outOfRange('model', 'a model for batches of any size, or of one sample', `batches of ${fixed}`);
  }
  // A joined call would have other results than the call alone.
  const calls = model.mixesSamples ? { ...queue, maxBatchSize: 1 } : queue;
  const chosen = params as StepOptions & MethodParameters<M>;
  const compute = makeExplainFunction(model, method, chosen, true, EXPLAINER_OPTIONS);
  const explainBatch = async (...args: Parameters<ExplainFunction>) => {
    const result = await compute(...args);
    warnOfSaturation(method, model, result.logits);
    return result;
  };
  const explain = Object.assign(explainBatch, { release: compute.release });
  return new Explainer(model, chosen.indicesAxis ?? KERNEL_AXIS, calls, explain);
}
