/** Determines when waiting calls are sent, and how many batches are in flight. */
import { FairQueue, type Group, type Queued } from './fair_queue.js';

export interface DispatcherOptions<Call> {
  readonly maxBatchSize: number;
  readonly maxDelayMs: number;
  /** The number of parts of batches that are computed at once. A batch is divided among the replicas. */
  readonly replicas: number;
  /** Computes a batch and settles its calls. Never rejects. */
  readonly run: (calls: readonly Call[]) => Promise<void>;
}

/**
 * Sends the calls of a {@link FairQueue} in batches:
 *
 * - A full batch is sent if a replica is idle, or if no other batch is ready to follow the batches in progress. A full
 *   batch gains nothing by waiting. Its samples are copied while the batch before is computed.
 * - A smaller batch is sent if a replica is idle and its oldest call has waited for `maxDelayMs`. If no batch is in
 *   flight, the batch is sent at once, because a delay would cost latency and save nothing. Calls that arrive meanwhile
 *   form the next batch.
 *
 * While all replicas are busy, calls wait here rather than in TensorFlow's threads. Waiting calls can be joined,
 * removed and ordered fairly. Calls of one turn of the event loop are handled together.
 */
export class Dispatcher<Call extends Queued> {
  readonly #options: DispatcherOptions<Call>;
  readonly #queue = new FairQueue<Call>();
  /** The number of replicas that the batches in flight would use. May exceed the number that exist. */
  #busy = 0;
  #batches = 0;
  #draining = false;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;

  constructor(options: DispatcherOptions<Call>) {
    this.#options = options;
  }

  /** The number of batches in flight. */
  get batches(): number {
    return this.#batches;
  }

  /** The number of waiting calls. */
  get waiting(): number {
    return this.#queue.size;
  }

  add(call: Call): void {
    this.#queue.push(call);
    this.#schedule();
  }

  /** Removes a waiting call. Returns false if the call was already sent. */
  remove(call: Call): boolean {
    const removed = this.#queue.remove(call);
    // Without calls no timer is needed, and the process may end.
    if (removed && this.#queue.size === 0) this.#disarm();
    return removed;
  }

  /** Announces that no more calls will arrive. From now on no batch waits for further calls. */
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

  /** Sets a timer for the end of the next batch's delay. If all replicas are busy, the end of a batch calls `#send`. */
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
