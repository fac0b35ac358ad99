import type { Batch } from '../data/batch.js';
import type { Indices } from '../data/indices.js';
import type { Inputs } from '../data/inputs.js';
import type { StepOptions } from '../engine/explain_step.js';
import {
  type ExplainFunction,
  type ExplainResult,
  makeExplainFunction,
} from '../engine/make_explain_function.js';
import { releaseResults } from '../engine/method_results.js';
import type { OptionalOptions } from '../engine/prepare.js';
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
  /** What is not answered after so many milliseconds is cancelled; 0: at once. Default: everything is answered. */
  readonly timeout?: number;
}

/** The calls of a batch under way, and how to end its run while there is one. */
interface Flight {
  readonly calls: readonly Call[];
  readonly controller: AbortController;
  running: boolean;
}

/** Explains single samples of many callers, several at once in a batch. Made by {@link createExplainer}. */
export class Explainer {
  readonly #model: Model;
  readonly #axis: number;
  readonly #queue: Required<QueueOptions>;
  readonly #explain: ExplainFunction;
  readonly #dispatcher: Dispatcher<Call>;
  readonly #stats = new StatsRecorder();
  /** Accepted and not settled. */
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
      // Of workers it is known only when they have answered.
      get replicas() {
        return model.core.strategy.replicas;
      },
      run: (calls) => this.#run(calls),
    });
  }

  /** Has `close` been called? */
  get closed(): boolean {
    return this.#drained !== null;
  }

  /**
   * Explains one sample, together with those of other calls. What is wrong with it is found before it waits, and an
   * error of its run is its own: where a batch fails, its calls are tried one by one.
   *
   * @param x one sample, (1, ...), in the forms that `explain` takes. It is read when its batch is sent: do not change
   *   or release it before the promise is settled.
   * @param y the units to explain, (1, U), as `[[3, 5]]`. Default: every unit.
   * @returns `logits` (1, U), `maps` (1, H, W, U) and `extras`, in memory of their own.
   * @throws TypeError, RangeError for misuse, NaN among it.
   * @throws QueueFullError where `maxQueueSize` calls wait.
   * @throws CancelledError, TimeoutError where it was given up.
   * @throws KerasExplainableError (`CLOSED`) where the explainer is closed, or (ModelError) its model.
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
   * Compiles, and computes a sample alone and in a full batch, so that no caller waits for what is done at first use.
   * Not counted in `stats()`.
   *
   * @param x a sample as it will come; may be left out where the model says its size.
   * @param y units as they will come: none, one or several are compiled apart.
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

  /** Counts and latencies since it was made. */
  stats(): ExplainerStats {
    return this.#stats.snapshot();
  }

  /**
   * Takes no more calls, and answers those that were accepted; resolves when that is done and nothing runs any more.
   * Idempotent: a later call may add a timeout or shorten it. The model stays open: it is its owner's.
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

  /** A settled call needs no place in the queue; a batch that nobody waits for any more is ended. */
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

  /** One of the calls has spoilt the batch: so that it fails alone, each is computed alone. */
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
 * Might one sample of a batch be to blame? Not for what every batch meets: a method that cannot be compiled, a closed
 * model.
 */
function mayBeOfOne(error: unknown): boolean {
  const always = [GraphError, UnsupportedOpError, ModelError, LoadError, CancelledError, WorkerError];
  return error instanceof KerasExplainableError && !always.some((kind) => error instanceof kind);
}

/**
 * An explainer for services: many callers ask for one sample each, and those that ask at the same time share a batch.
 *
 * ```ts
 * const explainer = ke.createExplainer(ke.methods.cams.gradcam, exposed, { postprocessing: ke.filters.positiveNormalize
 * }); const { logits, maps } = await explainer.explain(x, [[3]], { signal, timeout: 2000, client: userId });
 * ```
 *
 * @param method the explaining method, recorded once for this explainer.
 * @param model the model, exposed where the method needs activations. Who opened it closes it, after the explainer.
 * @param options how calls are put together, what every one of them gets (`postprocessing`, `resizing`, ...), and the
 *   method's own parameters; a misspelled one is found when the method is recorded: at `warmUp()`, or the first call.
 * @throws TypeError, RangeError for misuse.
 */
export function createExplainer<M extends AnyMethod>(
  method: M,
  model: Model,
  ...[options]: OptionalOptions<ExplainerOptionsFor<M>>
): Explainer {
  if (!(model instanceof Model)) throw wrongType('model', 'a model from `loadModel`', model);
  model.checkOpen();
  checkFunction('method', method, 'Pass a method, as `methods.cams.gradcam`.');
  const [queue, params] = divideOptions(options ?? {});
  const fixed = model.inputs[0]?.shape?.[0];
  if (typeof fixed === 'number' && fixed !== 1) {
    throw outOfRange('model', 'a model for batches of any size, or of one', `batches of ${fixed}`);
  }
  const chosen = params as StepOptions & MethodParameters<M>;
  const explain = makeExplainFunction(model, method, chosen, true, EXPLAINER_OPTIONS);
  return new Explainer(model, chosen.indicesAxis ?? KERNEL_AXIS, queue, explain);
}
