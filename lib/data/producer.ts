/** Every kind of source as one thing to read from. */
import type { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { Producer } from './reader.js';
import { isNodeStream, isSequence, isWebStream, type Source } from './source.js';

/** `steps`: after how many batches a Sequence is read no further. */
export function produce(source: Source, steps: number, signal: AbortSignal): Producer {
  if (isSequence(source)) {
    let index = 0;
    return {
      next: async () =>
        index < steps
          ? { done: false, value: await source.at(index++, signal) }
          : { done: true, value: undefined },
      end: () => source.close?.(),
      lasting: true,
    };
  }
  if (isWebStream(source)) return produceFromWebStream(source);
  if (isNodeStream(source)) return produceFromStream(source);
  const iterator =
    Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  return { next: () => iterator.next(), end: () => iterator.return?.(), lasting: false };
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
      stream.destroy();
      await iterator.return?.();
    },
    lasting: true,
  };
}
