import { checkSignal, untilAborted } from '../support/signal.js';

/** Items that are read ahead of their consumer. */
export interface Ahead<T> {
  readonly items: AsyncGenerator<T, void>;
  /** Ends all waits of `items`. */
  readonly abort: (reason: unknown) => void;
  readonly signal: AbortSignal;
  /** Called for each item that the consumer takes. */
  readonly onTaken: (item: T) => void;
  /** Called for each item that was read but not taken. Must not throw. */
  readonly onDropped: (item: T) => void;
}

/**
 * Reads `items` while their consumer works. `items` limits how far ahead it is read. An error is thrown after all items
 * before the error were taken. No read is in progress after the generator has ended.
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
