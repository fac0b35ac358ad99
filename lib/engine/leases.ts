import type { Lease } from '../model/function_cache.js';
import { kindOf, type Signature } from './compile.js';

/** The compiled functions of one run, one per kind of batch. */
export class Leases {
  readonly #byKind = new Map<string, Promise<Lease>>();

  /** Returns the function for batches of `signature`. Calls `make` if there is none yet. */
  for(signature: Signature, make: (kind: string) => Promise<Lease>): Promise<Lease> {
    const kind = kindOf(signature);
    let lease = this.#byKind.get(kind);
    if (lease === undefined) {
      lease = make(kind);
      this.#byKind.set(kind, lease);
      lease.catch(() => this.#byKind.delete(kind));
    }
    return lease;
  }

  /** Returns all leases to the cache. Idempotent. Functions can be leased again. */
  release(): void {
    for (const lease of this.#byKind.values()) {
      lease.then(
        (lent) => lent.release(),
        () => undefined,
      );
    }
    this.#byKind.clear();
  }
}
