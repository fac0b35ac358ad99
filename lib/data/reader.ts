/** Readers deliver the batches of a producer in order and close the producer. */
import { wrongType } from '../support/arguments.js';
import { checkSignal, untilAborted, withinGrace } from '../support/signal.js';
import type { ReadBudget } from './read_budget.js';

export interface Reader {
  /** Returns the next batch in order. Errors of the producer are thrown unchanged. */
  next(): Promise<IteratorResult<unknown, void>>;
  /** Closes the producer with `return()`, `destroy()`, `cancel()` or `close()`. */
  close(): Promise<void>;
}

function ignore(): void {}

/**
 * Waits until the producer is closed. After `signal` is aborted, the wait ends within the grace period and errors are
 * ignored.
 */
async function untilClosed(closing: Promise<unknown>, signal: AbortSignal): Promise<void> {
  try {
    await untilAborted(closing, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    await withinGrace(closing);
  }
}

/** Calls `release` of a batch that is no longer needed. Errors of `release` are thrown unchanged. */
export function discard(batch: unknown): void {
  if (typeof batch !== 'object' || batch === null || !('release' in batch) || !('x' in batch)) return;
  if (typeof batch.release !== 'function') return;
  const late: unknown = batch.release();
  // The promise is not awaited, and may reject after the run has ended.
  if (late instanceof Promise) late.catch(warnOfRelease);
}

function warnOfRelease(error: unknown): void {
  const why = error instanceof Error ? error.message : String(error);
  process.emitWarning(`\`release\` of a batch failed: ${why}`, {
    type: 'KerasExplainableWarning',
    code: 'RELEASE_FAILED',
  });
}

/** Calls `release`. An error becomes a warning, because the run continues or already has an error. */
export function releaseQuietly(release: () => void): void {
  try {
    release();
  } catch (error) {
    warnOfRelease(error);
  }
}

function discardLate(batch: unknown): void {
  releaseQuietly(() => discard(batch));
}

/** A source that is read one batch after the other. */
export interface Producer {
  next(): unknown;
  /** Closes the source. Undefined if nothing must be closed. */
  end?(): unknown;
  /** Whether `end` is called after the last batch as well. A generator has then ended by itself. */
  readonly lasting: boolean;
}

/** Reads a producer step by step. The next batch is requested after the last batch was processed. */
export class SerialReader implements Reader {
  readonly #producer: Producer;
  readonly #budget: ReadBudget;
  readonly #signal: AbortSignal;
  #ended = false;

  constructor(producer: Producer, budget: ReadBudget, signal: AbortSignal) {
    this.#producer = producer;
    this.#budget = budget;
    this.#signal = signal;
  }

  async next(): Promise<IteratorResult<unknown, void>> {
    await this.#budget.take(this.#signal);
    checkSignal(this.#signal);
    const read = this.#read();
    read.catch(ignore);
    try {
      return await untilAborted(read, this.#signal);
    } catch (error) {
      read.then(({ done, value }) => done !== true && discardLate(value), ignore);
      throw error;
    }
  }

  async #read(): Promise<IteratorResult<unknown, void>> {
    let result: IteratorResult<unknown, void>;
    try {
      result = asResult(await this.#producer.next());
    } catch (error) {
      this.#ended = true;
      throw error;
    }
    // As in `for await`, any truthy `done` ends the iteration.
    this.#ended = Boolean(result.done);
    if (this.#ended) return { done: true, value: undefined };
    // As in `for await`, a synchronous iterable may yield promises.
    return { done: false, value: await result.value };
  }

  async close(): Promise<void> {
    if (this.#ended && !this.#producer.lasting) return;
    const closing = (async () => this.#producer.end?.())();
    closing.catch(ignore);
    await untilClosed(closing, this.#signal);
  }
}

/** Checks the result of an iterator's `next()`. A hand-written iterator may return the batch without its wrapper. */
function asResult(given: unknown): IteratorResult<unknown, void> {
  if (typeof given === 'object' && given !== null) return given as IteratorResult<unknown, void>;
  throw wrongType('x', 'an iterator whose `next()` returns { value, done }', given);
}

/** Batches by position, and the function that closes their source. */
export interface Positions {
  readonly length: number;
  readonly at: (index: number) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

/** Reads several batches at once and returns them in order. */
export class ParallelReader implements Reader {
  readonly #positions: Positions;
  readonly #readers: number;
  readonly #budget: ReadBudget;
  readonly #signal: AbortSignal;
  readonly #read: Promise<unknown>[] = [];
  #begun = 0;
  #underWay = 0;
  #ended = false;

  constructor(positions: Positions, readers: number, budget: ReadBudget, signal: AbortSignal) {
    this.#positions = positions;
    this.#readers = readers;
    this.#budget = budget;
    this.#signal = signal;
    budget.onGiven = () => this.#begin();
  }

  async next(): Promise<IteratorResult<unknown, void>> {
    for (;;) {
      // No read starts after the abort, even if budget is left.
      checkSignal(this.#signal);
      this.#begin();
      const oldest = this.#read[0];
      if (oldest !== undefined) {
        const value = await untilAborted(oldest, this.#signal);
        this.#read.shift();
        return { done: false, value };
      }
      if (this.#begun >= this.#positions.length) return { done: true, value: undefined };
      await this.#budget.freed(this.#signal);
    }
  }

  /** Starts as many reads as `readers` and the budget allow. */
  #begin(): void {
    while (
      !this.#ended &&
      !this.#signal.aborted &&
      this.#begun < this.#positions.length &&
      this.#underWay < this.#readers &&
      this.#budget.tryTake()
    ) {
      const index = this.#begun++;
      this.#underWay += 1;
      const read = this.#positions.at(index);
      this.#read.push(read);
      read.then(
        () => {
          this.#underWay -= 1;
          this.#begin();
        },
        () => {
          // The batches before are already being read. The batches behind the failed batch are never delivered.
          this.#ended = true;
        },
      );
    }
  }

  async close(): Promise<void> {
    this.#ended = true;
    for (const read of this.#read) read.then(discardLate, ignore);
    this.#read.length = 0;
    const closing = this.#positions.close();
    closing.catch(ignore);
    await untilClosed(closing, this.#signal);
  }
}
