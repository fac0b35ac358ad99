/** Adapts every kind of source to one interface. */
import type { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { wrongType } from '../support/arguments.js';
import { follow, withinGrace } from '../support/signal.js';
import type { Positions, Producer } from './reader.js';
import { isNodeStream, isWebStream, type Sequence, type Source } from './source.js';

/** Returns the producer of any source except a Sequence. */
export function produce(source: Exclude<Source, Sequence>): Producer {
  if (isWebStream(source)) return produceFromWebStream(source);
  if (isNodeStream(source)) return produceFromStream(source);
  const iterator = iteratorOf(source);
  return { next: () => iterator.next(), end: () => iterator.return?.(), lasting: false };
}

function iteratorOf(source: Exclude<Source, Sequence>): Iterator<unknown> | AsyncIterator<unknown> {
  const { [Symbol.asyncIterator]: asynchronous } = source as Partial<AsyncIterable<unknown>>;
  const iterator: unknown =
    typeof asynchronous === 'function'
      ? asynchronous.call(source)
      : (source as Iterable<unknown>)[Symbol.iterator]();
  if (typeof (iterator as { readonly next?: unknown } | null | undefined)?.next !== 'function') {
    throw wrongType('x', 'an iterable whose iterator has a method `next`', iterator);
  }
  return iterator as Iterator<unknown> | AsyncIterator<unknown>;
}

/** Returns a producer of the first `length` batches of a Sequence, one after the other. */
export function produceInOrder({ length, at, close }: Positions): Producer {
  let index = 0;
  return {
    next: async () =>
      index < length ? { done: false, value: await at(index++) } : { done: true, value: undefined },
    end: close,
    lasting: true,
  };
}

/**
 * Returns the first `length` batches of a Sequence by position. `close` first aborts the reads in progress and waits
 * for them within a grace period, because these reads may use the resources that the Sequence is about to close.
 */
export function positionsOf(sequence: Sequence, length: number, outer: AbortSignal): Positions {
  const underWay = new Map<Promise<unknown>, (reason: unknown) => void>();
  return {
    length,
    at(index) {
      const { signal, abort, dispose } = follow(outer);
      const read = (async () => sequence.at(index, signal))();
      const done = () => {
        underWay.delete(read);
        dispose();
      };
      underWay.set(read, abort);
      read.then(done, done);
      return read;
    },
    async close() {
      for (const abort of underWay.values()) abort(new Error('The run has ended.'));
      if (underWay.size > 0) await withinGrace(Promise.allSettled(underWay.keys()));
      await sequence.close?.();
    },
  };
}

/** Uses the stream's own reader: `return()` of an iterator would wait for a chunk that may never arrive. */
function produceFromWebStream(stream: ReadableStream): Producer {
  const reader = stream.getReader();
  return {
    next: () => reader.read(),
    end: async () => {
      await reader.cancel();
      reader.releaseLock();
    },
    lasting: true,
  };
}

function produceFromStream(stream: Readable): Producer {
  const iterator = stream[Symbol.asyncIterator]();
  return {
    next: () => iterator.next(),
    end: async () => {
      // A stream that was not read yet has no other listener. An error of `destroy` would then end the process.
      stream.once('error', () => undefined);
      stream.destroy();
      await iterator.return?.();
    },
    lasting: true,
  };
}
