import { LRUCache } from 'lru-cache';
import type { NativeFunction } from '../binding/contract.js';

/** A hold on a compiled function. The function stays open until the lease is released, even if the cache evicts it. */
export interface Lease {
  readonly function: NativeFunction;
  /** The names of the function's results, in order. */
  readonly names: readonly string[];
  /** Idempotent. */
  release(): void;
}

/**
 * A compiled function (or its pending compilation) with a reference count. The function closes when the cache has
 * evicted the entry and no lease is left.
 */
class Entry {
  readonly compiled: Promise<NativeFunction>;
  readonly #names: readonly string[];
  readonly #onClose: (entry: Entry) => void;
  #users = 0;
  #dropped = false;

  constructor(compiled: Promise<NativeFunction>, names: readonly string[], onClose: (entry: Entry) => void) {
    this.compiled = compiled;
    this.#names = names;
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
      return { function: await this.compiled, names: this.#names, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  drop(): void {
    this.#dropped = true;
    this.#closeIfDone();
  }

  /** Closes the function even if leases are left. */
  close(): void {
    this.#onClose(this);
    // A failed compilation leaves nothing to close. Its caller receives the error.
    this.compiled.then(
      (compiled) => compiled.close(),
      () => undefined,
    );
  }

  #closeIfDone(): void {
    if (this.#dropped && this.#users === 0) this.close();
  }
}

/** The maximum number of compiled functions of a model. Each holds a graph and a session. */
const MOST_FUNCTIONS = 8;
/** The maximum number of keys. An inline filter (`(x) => ...`) makes a new key in every call. */
const MOST_KEYS = 64;

/**
 * The compiled functions of one model. The least recently used function is evicted first. The fingerprint of the trace
 * identifies a function. `recall` finds the fingerprint by the key of the call that recorded the trace.
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
  /** The entries that are not closed yet: in the cache, or evicted with leases left. */
  readonly #alive = new Set<Entry>();

  get size(): number {
    return this.#entries.size;
  }

  /**
   * Returns a lease of the function with this fingerprint. Compiles the function if the cache has none.
   *
   * @param names names of the function's results, in order. Equal fingerprints have equal names.
   */
  lend(
    fingerprint: string,
    compile: () => Promise<NativeFunction>,
    names: readonly string[] = [],
  ): Promise<Lease> {
    let entry = this.#entries.get(fingerprint);
    if (entry === undefined) {
      const made = new Entry(compile(), names, (closed) => this.#alive.delete(closed));
      entry = made;
      this.#entries.set(fingerprint, made);
      this.#alive.add(made);
      made.compiled.catch(() => {
        if (this.#entries.peek(fingerprint) === made) this.#entries.delete(fingerprint);
      });
    }
    return entry.lend();
  }

  /** Returns a lease of the function that was last recorded for `key`, or null. */
  recall(key: string): Promise<Lease> | null {
    const fingerprint = this.#fingerprints.get(key);
    const entry = fingerprint === undefined ? undefined : this.#entries.get(fingerprint);
    return entry === undefined ? null : entry.lend();
  }

  remember(key: string, fingerprint: string): void {
    if (this.#entries.has(fingerprint)) this.#fingerprints.set(key, fingerprint);
  }

  /** Closes all functions, including those with leases. Runs in flight end first. */
  close(): void {
    for (const entry of this.#alive) entry.close();
    this.#entries.clear();
    this.#fingerprints.clear();
  }
}
