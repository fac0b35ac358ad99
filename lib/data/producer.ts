/** Every kind of source as one thing to read from. */
import type { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { wrongType } from '../support/arguments.js';
import { follow, withinGrace } from '../support/signal.js';
import type { Positions, Producer } from './reader.js';
import { isNodeStream, isWebStream, type Sequence, type Source } from './source.js';

/** Every source but a Sequence. */
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
    throw wrongType('x', 'an iterable, whose iterator has a method `next`,', iterator);
  }
  return iterator as Iterator<unknown> | AsyncIterator<unknown>;
}

/** The first `length` batches of a Sequence, one after the other. */
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
 * The first `length` batches of a Sequence. It is closed when those that are being read have heard that nobody waits
 * for them, and had a moment to end: they may read what it is about to close.
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

/** By a reader of its own: an iterator's `return()` would wait for a chunk that may never come. */
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
      // What fails when it is destroyed has no other listener where it was not read yet, and would end the process.
      stream.once('error', () => undefined);
      stream.destroy();
      await iterator.return?.();
    },
    lasting: true,
  };
}
