import { LRUCache } from 'lru-cache';
import type { NativeFunction } from '../binding/contract.js';

/** A compiled function that is lent out: it stays open until the lease is released, whatever the cache does. */
export interface Lease {
  readonly function: NativeFunction;
  /** Idempotent. */
  release(): void;
}

/**
 * A compiled function, or one in the making, and how many use it. It closes when the cache has dropped it and no one
 * does.
 */
class Entry {
  readonly compiled: Promise<NativeFunction>;
  readonly #onClose: (entry: Entry) => void;
  #users = 0;
  #dropped = false;

  constructor(compiled: Promise<NativeFunction>, onClose: (entry: Entry) => void) {
    this.compiled = compiled;
    this.#onClose = onClose;
  }

  async lend(): Promise<Lease> {
    this.#users += 1;
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      this.#users -= 1;
      this.#closeIfDone();
    };
    try {
      return { function: await this.compiled, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  drop(): void {
    this.#dropped = true;
    this.#closeIfDone();
  }

  /** Closes whether or not it is lent out. */
  close(): void {
    this.#onClose(this);
    // A failed compilation has nothing to close, and its caller knows.
    this.compiled.then(
      (compiled) => compiled.close(),
      () => undefined,
    );
  }

  #closeIfDone(): void {
    if (this.#dropped && this.#users === 0) this.close();
  }
}

/** How many compiled functions a model keeps: each holds a graph and a session. */
const MOST_FUNCTIONS = 8;
/** How many keys it knows functions by: a filter that is written where it is passed is another key in every call. */
const MOST_KEYS = 64;

/**
 * The compiled functions of one model, least recently used ones dropped. A function is found by the fingerprint of
 * what was recorded; `recall` finds the fingerprint by what it was recorded for.
 */
export class FunctionCache {
  readonly #entries = new LRUCache<string, Entry>({
    max: MOST_FUNCTIONS,
    dispose: (entry, fingerprint) => {
      entry.drop();
      for (const [key, known] of [...this.#fingerprints]) {
        if (known === fingerprint) this.#fingerprints.delete(key);
      }
    },
  });
  readonly #fingerprints = new LRUCache<string, string>({ max: MOST_KEYS });
  /** Entries that are not closed yet, in the cache or lent out. */
  readonly #alive = new Set<Entry>();

  get size(): number {
    return this.#entries.size;
  }

  /** Lends the function of that fingerprint, compiling it where there is none. */
  lend(fingerprint: string, compile: () => Promise<NativeFunction>): Promise<Lease> {
    let entry = this.#entries.get(fingerprint);
    if (entry === undefined) {
      const made = new Entry(compile(), (closed) => this.#alive.delete(closed));
      entry = made;
      this.#entries.set(fingerprint, made);
      this.#alive.add(made);
      made.compiled.catch(() => {
        if (this.#entries.peek(fingerprint) === made) this.#entries.delete(fingerprint);
      });
    }
    return entry.lend();
  }

  /** Lends the function that was last recorded for `key`, or null. */
  recall(key: string): Promise<Lease> | null {
    const fingerprint = this.#fingerprints.get(key);
    const entry = fingerprint === undefined ? undefined : this.#entries.get(fingerprint);
    return entry === undefined ? null : entry.lend();
  }

  remember(key: string, fingerprint: string): void {
    if (this.#entries.has(fingerprint)) this.#fingerprints.set(key, fingerprint);
  }

  /** Closes all functions, also those lent out: their runs under way end first. */
  close(): void {
    for (const entry of this.#alive) entry.close();
    this.#entries.clear();
    this.#fingerprints.clear();
  }
}
