/** When waiting calls are sent, and how many batches are under way at once. */
import { FairQueue, type Group, type Queued } from './fair_queue.js';

export interface DispatcherOptions<Call> {
  readonly maxBatchSize: number;
  readonly maxDelayMs: number;
  /** Parts of batches that are computed at once; a batch is divided among them. */
  readonly replicas: number;
  /** Computes a batch and settles its calls. Never rejects. */
  readonly run: (calls: readonly Call[]) => Promise<void>;
}

/**
 * Sends what waits in a {@link FairQueue}, a batch at a time:
 *
 * - a full batch where a replica is idle, or where no other batch is ready to follow those that are computed: what is
 *   full gains nothing by waiting, and the next batch is copied while the last one is computed;
 * - a smaller one where a replica is idle, once its oldest call has waited for `maxDelayMs`; or at once where nothing
 *   is under way, for then waiting would cost latency and save nothing: calls that come meanwhile make the next batch.
 *
 * While all replicas are busy, calls wait here, where they can still be joined by others, taken out, and put in a fair
 * order, rather than in TensorFlow's threads. Calls of one turn of the event loop are looked at together.
 */
export class Dispatcher<Call extends Queued> {
  readonly #options: DispatcherOptions<Call>;
  readonly #queue = new FairQueue<Call>();
  /** Replicas that the batches under way keep busy, were there enough of them. */
  #busy = 0;
  #batches = 0;
  #draining = false;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;

  constructor(options: DispatcherOptions<Call>) {
    this.#options = options;
  }

  /** Batches under way. */
  get batches(): number {
    return this.#batches;
  }

  /** Calls that wait. */
  get waiting(): number {
    return this.#queue.size;
  }

  add(call: Call): void {
    this.#queue.push(call);
    this.#schedule();
  }

  /** Takes out a call that waits; false where it was sent already. */
  remove(call: Call): boolean {
    const removed = this.#queue.remove(call);
    // Without calls there is nothing to wake up for, and the process may end.
    if (removed && this.#queue.size === 0) this.#disarm();
    return removed;
  }

  /** Nothing more will come: from now on no batch waits for company. */
  drain(): void {
    this.#draining = true;
    this.#schedule();
  }

  #schedule(): void {
    this.#immediate ??= setImmediate(() => {
      this.#immediate = undefined;
      this.#send();
    });
  }

  #send(): void {
    this.#disarm();
    const now = performance.now();
    for (;;) {
      const calls = this.#queue.take(this.#options.maxBatchSize, (group) => this.#ready(group, now));
      if (calls.length === 0) break;
      this.#start(calls);
    }
    this.#arm(now);
  }

  #ready({ size, oldest }: Group, now: number): boolean {
    const { maxBatchSize, maxDelayMs, replicas } = this.#options;
    if (size >= maxBatchSize && this.#busy <= replicas) return true;
    if (this.#busy >= replicas) return false;
    return this.#draining || this.#batches === 0 || now - oldest >= maxDelayMs;
  }

  #start(calls: readonly Call[]): void {
    const parts = Math.min(calls.length, this.#options.replicas);
    this.#busy += parts;
    this.#batches += 1;
    void this.#options.run(calls).finally(() => {
      this.#busy -= parts;
      this.#batches -= 1;
      this.#schedule();
    });
  }

  /** Wakes up when the next batch has waited for long enough; where all replicas are busy, their end will. */
  #arm(now: number): void {
    const { maxDelayMs, replicas } = this.#options;
    if (this.#queue.size === 0 || this.#busy >= replicas) return;
    let oldest = now;
    for (const group of this.#queue.groups()) oldest = Math.min(oldest, group.oldest);
    this.#timer = setTimeout(() => this.#send(), Math.max(1, Math.ceil(oldest + maxDelayMs - now)));
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
