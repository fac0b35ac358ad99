import { checkSignal, untilAborted } from '../support/signal.js';

/** What is read ahead of its consumer. */
export interface Ahead<T> {
  readonly items: AsyncGenerator<T, void>;
  /** Ends what `items` waits for. */
  readonly abort: (reason: unknown) => void;
  readonly signal: AbortSignal;
  /** Hears of each item that the consumer takes. */
  readonly onTaken: (item: T) => void;
  /** Hears of each item that was read in vain. Must not throw. */
  readonly onDropped: (item: T) => void;
}

/**
 * Reads `items` on while their consumer works. How far ahead is up to `items`. An error is thrown when all items before
 * it were taken; nothing is under way any more when this has ended.
 */
export async function* readAhead<T>({
  items,
  abort,
  signal,
  onTaken,
  onDropped,
}: Ahead<T>): AsyncGenerator<T, void> {
  const ready: T[] = [];
  let end: { readonly error?: unknown } | null = null;
  let wake: () => void = () => undefined;
  const reading = (async () => {
    try {
      for await (const item of items) {
        ready.push(item);
        wake();
      }
      end = {};
    } catch (error) {
      end = { error };
    }
    wake();
  })();
  const ended = () => end;
  try {
    for (;;) {
      checkSignal(signal);
      const item = ready.shift();
      if (item !== undefined) {
        onTaken(item);
        yield item;
        continue;
      }
      const over = ended();
      if (over === null) await untilAborted(new Promise<void>((resolve) => (wake = resolve)), signal);
      else if ('error' in over) throw over.error;
      else return;
    }
  } finally {
    if (end === null) abort(new Error('Its consumer has left.'));
    await reading;
    for (const item of ready) onDropped(item);
  }
}
