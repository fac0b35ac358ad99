/** Measuring calls side by side. */

/** A call that is measured. */
export interface Measured {
  /** Runs the call once, to its end. */
  run(): Promise<void>;
}

/** Rounds that are made however long they take: a median of fewer says nothing. */
const LEAST_ROUNDS = 3;

export interface RoundsOptions {
  /** Milliseconds that each call is given, all its rounds together. */
  readonly milliseconds: number;
  readonly signal: AbortSignal;
  /** Told after every call, with the share of the work that is done. */
  readonly onCall?: (share: number) => void;
  /** Milliseconds that only grow. Default `performance.now`. */
  readonly now?: () => number;
}

/**
 * The times of `calls`, in milliseconds, an array for each: they take turns, so that what slows the machine for a while
 * slows all of them. What is aborted on the way is left out; rounds that were whole are kept.
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

/** The middle of `values`, of an even number of them the mean of both in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const above = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? above : ((sorted[middle - 1] ?? Number.NaN) + above) / 2;
}
