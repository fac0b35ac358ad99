import type { ExplainResult } from '../engine/make_explain_function.js';
import { releaseResults } from '../engine/method_results.js';
import { follow } from '../support/signal.js';
import type { Queued } from './fair_queue.js';
import type { Sample } from './sample.js';
import type { Outcome, StatsRecorder } from './stats.js';

/** What a call may say beside its sample. */
export interface CallOptions {
  /** Gives this call up when it is aborted: it rejects with a CancelledError at once. The others go on. */
  readonly signal?: AbortSignal;
  /** Gives this call up after so many milliseconds: it rejects with a TimeoutError (`DEADLINE_EXCEEDED`). */
  readonly timeout?: number;
  /**
   * Who calls, for fairness: clients take turns, however many calls each has waiting. Any value, compared as a Map's
   * key. Calls without one are one client.
   */
  readonly client?: string | number | symbol | object;
}

/** One accepted call, from then until it is settled, once. */
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

  /** @param onEnd called once, when it is settled: by an answer, a failure, its signal or its timeout. */
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

  /** It is part of a batch now. */
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

  /** It was none that can be answered. */
  refuse(error: unknown): void {
    if (this.#end('rejected')) this.#reject(error);
  }

  #end(outcome: Outcome): boolean {
    if (this.#place === null) return false;
    this.#stats.ended(outcome, this.#place, performance.now() - this.arrived);
    // A batch under way may be reading it: its end gives it back.
    if (this.#place === 'waiting') this.sample.release();
    this.#place = null;
    this.#dispose();
    this.#onEnd(this);
    return true;
  }
}
