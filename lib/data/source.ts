/** What a run can read its batches from beside arrays. */
import type { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { checkInteger, wrongType } from '../support/arguments.js';
import { isTypedArray } from '../tensor/dtype.js';
import { Tensor } from '../tensor/tensor.js';
import type { FeedValues } from './feeds.js';
import type { Indices } from './indices.js';
import { type Inputs, isArrayData } from './inputs.js';

/** A batch by name. */
export interface BatchRecord {
  readonly x: Inputs;
  /** The units to explain of each sample, (n, U). None: every unit. */
  readonly y?: Indices | null | undefined;
  /** What the step takes per sample beside them, by name: n rows each. */
  readonly feeds?: FeedValues | undefined;
  /**
   * Called once when the run needs this batch no more, however it ended: for producers that use their memory again, or
   * lend something.
   */
  readonly release?: (() => void) | undefined;
}

/**
 * One batch of a source: `x`, `[x]`, `[x, y]` or `{ x, y }`. As in Keras an array is (x, y): several inputs as a list
 * are `[[a, b]]` or `[[a, b], y]`; as a record by input name they need no list around them.
 */
export type BatchLike = Inputs | readonly [Inputs] | readonly [Inputs, Indices | null] | BatchRecord;

/** Batches by their position, as `keras.utils.Sequence` has them: they can be read in parallel. */
export interface Sequence {
  /** The number of batches. */
  readonly length: number;
  /**
   * Batch `index`, from 0; any object with this method and an integer `length` is a Sequence.
   *
   * @param signal aborted when the run ends before it has this batch.
   */
  at(index: number, signal?: AbortSignal): BatchLike | Promise<BatchLike>;
  /** All samples, where that is known: then `y` may be given beside the Sequence, and results need no joining. */
  readonly samples?: number | undefined;
  /** Samples per batch but the last, where that is known. */
  readonly batchSize?: number | undefined;
  /** Called when a run that read it has ended, however it ended. Another run may follow. */
  close?(): void | Promise<void>;
}

/**
 * Where batches come from: an iterable or async iterable (a generator that is running, a Node Readable in object mode,
 * a web ReadableStream), or a {@link Sequence}.
 */
export type Source = Iterable<BatchLike> | AsyncIterable<BatchLike> | Sequence;

export function isSequence(value: object): value is Sequence {
  // Whatever its length is: that it is no integer can be said better than that this is no input.
  return 'length' in value && typeof (value as { at?: unknown }).at === 'function';
}

function has(value: object, symbol: symbol): boolean {
  return typeof (value as Record<symbol, unknown>)[symbol] === 'function';
}

/**
 * Is `x` read batch by batch? Everything else is arrays, or nothing that a model takes.
 *
 * @throws TypeError for what is nearly a source: a stream of bytes, a generator function that was not called.
 */
export function isSource(x: unknown): x is Source {
  if (typeof x === 'function') {
    throw wrongType('x', 'inputs, or a source of batches,', x, 'Call it, and pass what it returns.');
  }
  if (typeof x !== 'object' || x === null) return false;
  if (x instanceof Tensor || Array.isArray(x) || isTypedArray(x) || isArrayData(x)) return false;
  if (isSequence(x)) return true;
  if (isWebStream(x)) checkUnlocked(x);
  else if (typeof (x as Partial<Readable>).pipe === 'function') checkObjectMode(x);
  return has(x, Symbol.asyncIterator) || has(x, Symbol.iterator);
}

export function isWebStream(value: object): value is ReadableStream {
  const { getReader, cancel } = value as { getReader?: unknown; cancel?: unknown };
  return typeof getReader === 'function' && typeof cancel === 'function';
}

/** Any Readable, of whatever package: they all have these. */
export function isNodeStream(value: object): value is Readable {
  const { pipe, destroy } = value as { pipe?: unknown; destroy?: unknown };
  return typeof pipe === 'function' && typeof destroy === 'function';
}

function checkUnlocked(stream: ReadableStream): void {
  if (!stream.locked) return;
  throw wrongType('x', 'a ReadableStream that nobody else reads', stream, 'Release the lock of its reader.');
}

function checkObjectMode(stream: object): void {
  if ((stream as Partial<Readable>).readableObjectMode === true) return;
  throw wrongType(
    'x',
    'a Readable in object mode that gives batches',
    stream,
    'Bytes have no shape: pipe them into a Transform with `readableObjectMode: true` that gives { x, y }, ' +
      'or read files with `data.imageFiles` or `data.npyFile`.',
  );
}

/** The number of batches of a Sequence. */
export function checkLength(sequence: Sequence): number {
  return checkInteger('x.length', sequence.length, 1);
}
