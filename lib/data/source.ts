/** The sources, besides arrays, that a run can read its batches from. */
import type { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { checkInteger, wrongType } from '../support/arguments.js';
import { isTypedArray } from '../tensor/dtype.js';
import { Tensor } from '../tensor/tensor.js';
import type { FeedValues } from './feeds.js';
import type { Indices } from './indices.js';
import { type Inputs, isArrayData } from './inputs.js';

/** A batch as a record. */
export interface BatchRecord {
  readonly x: Inputs;
  /** The units to explain of each sample, shape (n, U). Default: every unit. */
  readonly y?: Indices | null | undefined;
  /** Further tensors that the step takes per sample, by name, with n rows each. */
  readonly feeds?: FeedValues | undefined;
  /**
   * Called once when the run no longer needs this batch, even if the run fails. Producers can then reuse the memory.
   */
  readonly release?: (() => void) | undefined;
}

/**
 * One batch of a source: `x`, `[x]`, `[x, y]` or `{ x, y }`. As in Keras, an array means (x, y). Several inputs in a
 * list are therefore `[[a, b]]` or `[[a, b], y]`. A record by input name needs no list around it.
 */
export type BatchLike = Inputs | readonly [Inputs] | readonly [Inputs, Indices | null] | BatchRecord;

/** Batches by position, like `keras.utils.Sequence`. Batches can be read in parallel. */
export interface Sequence {
  /** The number of batches. */
  readonly length: number;
  /**
   * Returns batch `index`, counted from 0. Any object with this method and an integer `length` is a Sequence.
   *
   * @param signal aborted when the run ends before the batch is delivered.
   */
  at(index: number, signal?: AbortSignal): BatchLike | Promise<BatchLike>;
  /** The number of all samples, if known. The caller may then pass `y`, and results are allocated once. */
  readonly samples?: number | undefined;
  /** Samples per batch, except for the last batch, if known. */
  readonly batchSize?: number | undefined;
  /** Called when a run ends, even if the run fails. Another run may follow. */
  close?(): void | Promise<void>;
}

/**
 * A source of batches: an iterable, an async iterable (for example the object that a generator function returns, a Node
 * Readable in object mode or a web ReadableStream) or a {@link Sequence}.
 */
export type Source = Iterable<BatchLike> | AsyncIterable<BatchLike> | Sequence;

export function isSequence(value: object): value is Sequence {
  // The type of `length` is checked later: an error about `length` is clearer than an error about `x`.
  return 'length' in value && typeof (value as { at?: unknown }).at === 'function';
}

function has(value: object, symbol: symbol): boolean {
  return typeof (value as Record<symbol, unknown>)[symbol] === 'function';
}

/**
 * Returns whether `x` is read batch by batch. Any other value is treated as arrays.
 *
 * @throws TypeError for a value that is almost a source: a stream of bytes, or a generator function.
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

/** Returns whether `value` is a Readable of Node or of a package like readable-stream. */
export function isNodeStream(value: object): value is Readable {
  const { pipe, destroy } = value as { pipe?: unknown; destroy?: unknown };
  return typeof pipe === 'function' && typeof destroy === 'function';
}

function checkUnlocked(stream: ReadableStream): void {
  if (!stream.locked) return;
  throw wrongType(
    'x',
    'a ReadableStream without another reader',
    stream,
    'Release the lock of the other reader.',
  );
}

function checkObjectMode(stream: object): void {
  if ((stream as Partial<Readable>).readableObjectMode === true) return;
  throw wrongType(
    'x',
    'a Readable in object mode that yields batches',
    stream,
    'Bytes have no shape: pipe them into a Transform with `readableObjectMode: true` that yields { x, y }, ' +
      'or read files with `data.imageFiles` or `data.npyFile`.',
  );
}

/**
 * Returns the number of batches of a Sequence. Throws TypeError or RangeError if `length` is not a positive integer.
 */
export function checkLength(sequence: Sequence): number {
  return checkInteger('x.length', sequence.length, 1);
}
