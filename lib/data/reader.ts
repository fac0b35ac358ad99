/** The batches of a source as its producer gives them, one after the other, and the end of it. */
import { wrongType } from '../support/arguments.js';
import { checkSignal, untilAborted, withinGrace } from '../support/signal.js';
import type { ReadBudget } from './read_budget.js';

export interface Reader {
  /** The next batch in order. What the producer throws is thrown, as it is. */
  next(): Promise<IteratorResult<unknown, void>>;
  /** Ends the producer: `return()`, `destroy()`, `cancel()` or `close()`, whatever it has. */
  close(): Promise<void>;
}

function ignore(): void {}

/** Waits for a producer's end: all of it, but not for long once `signal` is aborted. Only before that may it fail. */
async function untilClosed(closing: Promise<unknown>, signal: AbortSignal): Promise<void> {
  try {
    await untilAborted(closing, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    await withinGrace(closing);
  }
}

/** Tells the producer of a batch that it is not needed any more. Throws what that throws. */
export function discard(batch: unknown): void {
  if (typeof batch !== 'object' || batch === null || !('release' in batch) || !('x' in batch)) return;
  if (typeof batch.release !== 'function') return;
  const late: unknown = batch.release();
  // Nobody waits for it, and the run may be over when it fails.
  if (late instanceof Promise) late.catch(warnOfRelease);
}

function warnOfRelease(error: unknown): void {
  const why = error instanceof Error ? error.message : String(error);
  process.emitWarning(`\`release\` of a batch failed: ${why}`, {
    type: 'KerasExplainableWarning',
    code: 'RELEASE_FAILED',
  });
}

/** Gives back what nobody hears of any more: a failure is none of the run's, which goes on or has its own. */
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

/** What is read one after the other. */
export interface Producer {
  next(): unknown;
  /** Ends it; undefined where there is nothing to end. */
  end?(): unknown;
  /** Is `end` to be called even after the last batch? A generator has ended itself then. */
  readonly lasting: boolean;
}

/** Reads a producer step by step: it is asked for the next batch when the last one has been dealt with. */
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
    // As in `for await`, whatever is true ends it.
    this.#ended = Boolean(result.done);
    if (this.#ended) return { done: true, value: undefined };
    // A synchronous iterable may give promises, as in `for await`.
    return { done: false, value: await result.value };
  }

  async close(): Promise<void> {
    if (this.#ended && !this.#producer.lasting) return;
    const closing = (async () => this.#producer.end?.())();
    closing.catch(ignore);
    await untilClosed(closing, this.#signal);
  }
}

/** What `next()` of an iterator gave: its author's, who may have forgotten the object around a batch. */
function asResult(given: unknown): IteratorResult<unknown, void> {
  if (typeof given === 'object' && given !== null) return given as IteratorResult<unknown, void>;
  throw wrongType('x', 'an iterator whose `next()` gives { value, done }', given);
}

/** Batches by their position, and the end of what they are read from. */
export interface Positions {
  readonly length: number;
  readonly at: (index: number) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

/** Reads several batches at once, and gives them in their order. */
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
      // Nothing is begun any more once it is aborted, whatever budget is left.
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

  /** Begins as many batches as `readers` and the budget allow. */
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
          // Those before it have begun already, those behind it nobody will see.
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
