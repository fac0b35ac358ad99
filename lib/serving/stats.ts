/** The statistics of an explainer. */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

/** The outcomes of calls. */
export type Outcome = 'completed' | 'failed' | 'cancelled' | 'rejected';

/**
 * Counts since the explainer was created. Every call is counted in exactly one state:
 * `calls = waiting + inFlight + completed + failed + cancelled + rejected`.
 */
export interface ExplainerStats {
  /** Accepted calls that wait for their batch. */
  readonly waiting: number;
  /** Calls whose batch is in flight. */
  readonly inFlight: number;
  /** All calls. */
  readonly calls: number;
  /** Calls that were answered. */
  readonly completed: number;
  /** Calls whose run failed. */
  readonly failed: number;
  /** Calls that were cancelled by their signal, their timeout or `close({ timeout })`. */
  readonly cancelled: number;
  /** Calls that were not accepted: misuse, a full queue, a closed explainer or model. */
  readonly rejected: number;
  /** Batches that were computed, including `retries`. */
  readonly batches: number;
  /** Batches of a single call that was retried because its batch had failed. */
  readonly retries: number;
  /** Calls per batch: mean, maximum, and the number of batches of each size. */
  readonly batchSizes: {
    readonly mean: number;
    readonly max: number;
    readonly counts: Readonly<Record<number, number>>;
  };
  /** The time from a call to its answer, of completed calls, in milliseconds. 0 if no call was completed. */
  readonly latencyMs: {
    readonly p50: number;
    readonly p90: number;
    readonly p99: number;
    readonly max: number;
  };
}

/** An hour in microseconds. Longer latencies are recorded as an hour. */
const LONGEST = 3_600_000_000;

/** The weight of the latest batch in the smoothed pace. */
const LATEST = 0.2;

export class StatsRecorder {
  readonly #ended: Record<Outcome, number> = { completed: 0, failed: 0, cancelled: 0, rejected: 0 };
  readonly #sizes = new Map<number, number>();
  readonly #latency: RecordableHistogram = createHistogram({ lowest: 1, highest: LONGEST, figures: 3 });
  #calls = 0;
  #waiting = 0;
  #inFlight = 0;
  #retries = 0;
  /** The smoothed time per call in milliseconds while replicas are busy. null before the first batch. */
  #pace: number | null = null;
  #lastEnd = 0;

  get waiting(): number {
    return this.#waiting;
  }

  called(): void {
    this.#calls += 1;
  }

  accepted(): void {
    this.#waiting += 1;
  }

  sent(): void {
    this.#waiting -= 1;
    this.#inFlight += 1;
  }

  /** Counts a settled call. `from` is the state of the call before. */
  ended(outcome: Outcome, from: 'waiting' | 'inFlight' | null, latencyMs: number): void {
    this.#ended[outcome] += 1;
    if (from === 'waiting') this.#waiting -= 1;
    if (from === 'inFlight') this.#inFlight -= 1;
    if (outcome === 'completed') {
      this.#latency.record(Math.min(LONGEST, Math.max(1, Math.round(latencyMs * 1000))));
    }
  }

  ran(size: number, { begun, retry }: { begun: number; retry: boolean }): void {
    this.#sizes.set(size, (this.#sizes.get(size) ?? 0) + 1);
    if (retry) this.#retries += 1;
    const now = performance.now();
    const pace = (now - Math.max(begun, this.#lastEnd)) / size;
    this.#lastEnd = now;
    this.#pace = this.#pace === null ? pace : this.#pace + LATEST * (pace - this.#pace);
  }

  /** The estimated time until half of the waiting calls are answered. */
  get retryAfterMs(): number {
    return Math.max(1, Math.ceil(((this.#pace ?? 1000) * this.#waiting) / 2));
  }

  snapshot(): ExplainerStats {
    const counts = Object.fromEntries([...this.#sizes].sort(([a], [b]) => a - b));
    const batches = sum(this.#sizes.values());
    const calls = sum([...this.#sizes].map(([size, count]) => size * count));
    const at = (percentile: number) => this.#latency.percentile(percentile) / 1000;
    const none = this.#latency.count === 0;
    return {
      waiting: this.#waiting,
      inFlight: this.#inFlight,
      calls: this.#calls,
      ...this.#ended,
      batches,
      retries: this.#retries,
      batchSizes: {
        mean: batches === 0 ? 0 : calls / batches,
        max: Math.max(0, ...this.#sizes.keys()),
        counts,
      },
      latencyMs: none
        ? { p50: 0, p90: 0, p99: 0, max: 0 }
        : { p50: at(50), p90: at(90), p99: at(99), max: this.#latency.max / 1000 },
    };
  }
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
