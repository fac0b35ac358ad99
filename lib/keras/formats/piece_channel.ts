/**
 * Memory that a reader's thread shares with the thread of the caller. Pieces of arrays pass through a few slots: the
 * reader waits until a slot is free. The counter of the reader's progress tells a slow disk from a loop without an end.
 */
import type { ReadObserver } from './file_range.js';

/** A slot's size. Copying a piece takes the caller's thread less than a millisecond. */
const SLOT = 2 ** 20;
const SLOTS = 2;

/** The numbers before the slots: progress, whether the reader waits for something else, and each slot's state. */
const PROGRESS = 0;
const WAITING = 1;
const STATES = 2;
const HEADER = 64;

/** A message about a slot that the reader has filled. */
export interface Piece {
  readonly array: number;
  readonly offset: number;
  readonly length: number;
  readonly slot: number;
}

export const makeSharedMemory = (): SharedArrayBuffer => new SharedArrayBuffer(HEADER + SLOTS * SLOT);

/** The reader's end. */
export class PieceWriter implements ReadObserver {
  readonly #memory: SharedArrayBuffer;
  readonly #numbers: Int32Array;
  readonly #post: (piece: Piece) => void;
  #next = 0;

  constructor(memory: SharedArrayBuffer, post: (piece: Piece) => void) {
    this.#memory = memory;
    this.#numbers = new Int32Array(memory, 0, STATES + SLOTS);
    this.#post = post;
  }

  begin(): void {
    Atomics.store(this.#numbers, WAITING, 1);
  }

  end(): void {
    Atomics.store(this.#numbers, WAITING, 0);
    Atomics.add(this.#numbers, PROGRESS, 1);
  }

  /** Sends bytes of an array. Blocks while all slots are full. */
  send(array: number, offset: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += SLOT) {
      const part = bytes.subarray(at, at + SLOT);
      const slot = this.#next;
      this.#next = (slot + 1) % SLOTS;
      this.begin();
      while (Atomics.load(this.#numbers, STATES + slot) === 1) Atomics.wait(this.#numbers, STATES + slot, 1);
      this.end();
      new Uint8Array(this.#memory, HEADER + slot * SLOT, part.length).set(part);
      Atomics.store(this.#numbers, STATES + slot, 1);
      this.#post({ array, offset: offset + at, length: part.length, slot });
    }
  }
}

/** The caller's end. */
export class PieceReader {
  readonly #memory: SharedArrayBuffer;
  readonly #numbers: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#memory = memory;
    this.#numbers = new Int32Array(memory, 0, STATES + SLOTS);
  }

  /** A number that changes while the reader makes progress. */
  get progress(): number {
    return Atomics.load(this.#numbers, PROGRESS);
  }

  /** Whether the reader waits for the disk or for a free slot. */
  get isWaiting(): boolean {
    return Atomics.load(this.#numbers, WAITING) === 1;
  }

  /** Passes the bytes of a piece to `take` and frees the slot. */
  receive({ length, slot }: Piece, take: (bytes: Uint8Array) => void): void {
    take(new Uint8Array(this.#memory, HEADER + slot * SLOT, length));
    Atomics.store(this.#numbers, STATES + slot, 0);
    Atomics.notify(this.#numbers, STATES + slot);
  }
}
