import type { ExplainResult } from '../engine/make_explain_function.js';
import { releaseResults } from '../engine/method_results.js';
import { follow } from '../support/signal.js';
import type { Queued } from './fair_queue.js';
import type { Sample } from './sample.js';
import type { Outcome, StatsRecorder } from './stats.js';

/** The options of a call. */
export interface CallOptions {
  /** Cancels this call: the call rejects with a CancelledError at once. Other calls continue. */
  readonly signal?: AbortSignal;
  /** Milliseconds until this call is cancelled. The call then rejects with a TimeoutError (`DEADLINE_EXCEEDED`). */
  readonly timeout?: number;
  /**
   * The identity of the client, for fairness. Clients take turns, regardless of how many calls each has waiting. Any
   * value, compared like the key of a Map. All calls without a client count as one client.
   */
  readonly client?: string | number | symbol | object;
}

/** An accepted call. It is settled exactly once. */
export class Call implements Queued {
  readonly sample: Sample;
  readonly client: unknown;
  readonly arrived = performance.now();
  readonly promise: Promise<ExplainResult>;
  readonly #stats: StatsRecorder;
  readonly #onEnd: (call: Call) => void;
  #dispose: () => void = () => undefined;
  #resolve!: (result: ExplainResult) => void;
  #reject!: (error: unknown) => void;
  #place: 'waiting' | 'inFlight' | null = 'waiting';

  /** @param onEnd called once, when the call is settled: by an answer, an error, its signal or its timeout. */
  constructor(sample: Sample, options: CallOptions, stats: StatsRecorder, onEnd: (call: Call) => void) {
    this.sample = sample;
    this.client = options.client;
    this.#stats = stats;
    this.#onEnd = onEnd;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (options.signal !== undefined || options.timeout !== undefined) {
      const { signal, interruption, dispose } = follow(options.signal, options.timeout);
      this.#dispose = dispose;
      signal.addEventListener('abort', () => this.cancel(interruption()), { once: true });
    }
    stats.accepted();
  }

  get group(): string {
    return this.sample.group;
  }

  get settled(): boolean {
    return this.#place === null;
  }

  /** Marks the call as part of a batch. */
  sent(): void {
    if (this.#place !== 'waiting') return;
    this.#place = 'inFlight';
    this.#stats.sent();
  }

  complete(result: ExplainResult): void {
    if (this.#end('completed')) this.#resolve(result);
    else releaseResults(result);
  }

  fail(error: unknown): void {
    if (this.#end('failed')) this.#reject(error);
  }

  cancel(error: unknown): void {
    if (this.#end('cancelled')) this.#reject(error);
  }

  /** Rejects an invalid call. */
  refuse(error: unknown): void {
    if (this.#end('rejected')) this.#reject(error);
  }

  #end(outcome: Outcome): boolean {
    if (this.#place === null) return false;
    this.#stats.ended(outcome, this.#place, performance.now() - this.arrived);
    // A batch in flight may be reading the sample. The end of the batch then releases it.
    if (this.#place === 'waiting') this.sample.release();
    this.#place = null;
    this.#dispose();
    this.#onEnd(this);
    return true;
  }
}
