/** Measures several calls in turn. */

/** A call that is measured. */
export interface Measured {
  /** Runs the call once, to its end. */
  run(): Promise<void>;
}

/** The minimum number of rounds, regardless of their duration. A median of fewer rounds is not reliable. */
const LEAST_ROUNDS = 3;

export interface RoundsOptions {
  /** The time in milliseconds for all rounds of each call. */
  readonly milliseconds: number;
  readonly signal: AbortSignal;
  /** Called after every call with the finished fraction of the work. */
  readonly onCall?: (share: number) => void;
  /** A monotonic clock in milliseconds. Default `performance.now`. */
  readonly now?: () => number;
}

/**
 * Returns the times of `calls` in milliseconds, one array per call. The calls take turns, so that a temporary slowdown
 * of the machine affects all of them. An aborted round is left out. Complete rounds are kept.
 */
export async function timeInRounds(
  calls: readonly Measured[],
  { milliseconds, signal, onCall = () => undefined, now = () => performance.now() }: RoundsOptions,
): Promise<number[][]> {
  const times: number[][] = calls.map(() => []);
  const spent = calls.map(() => 0);
  const goes = (i: number) =>
    (times[i] as number[]).length < LEAST_ROUNDS || (spent[i] as number) < milliseconds;
  while (calls.some((_, i) => goes(i))) {
    for (const [i, call] of calls.entries()) {
      if (!goes(i)) continue;
      const begun = now();
      try {
        await call.run();
      } catch (error) {
        if (signal.aborted) return times;
        throw error;
      }
      if (signal.aborted) return times;
      const took = now() - begun;
      (times[i] as number[]).push(took);
      spent[i] = (spent[i] as number) + took;
      const shares = spent.map((each) => Math.min(each / milliseconds, 1));
      onCall(shares.reduce((total, each) => total + each, 0) / calls.length);
    }
  }
  return times;
}

/** Returns the median of `values`. For an even number, this is the mean of the two middle values. NaN if empty. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const above = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? above : ((sorted[middle - 1] ?? Number.NaN) + above) / 2;
}
