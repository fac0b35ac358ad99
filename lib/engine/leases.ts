import type { Lease } from '../model/function_cache.js';
import { kindOf, type Signature } from './compile.js';

/** The compiled functions of one run, one per kind of batch. */
export class Leases {
  readonly #byKind = new Map<string, Promise<Lease>>();

  /** The function for batches of `signature`, made by `make` where there is none yet. */
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

  /** Gives all back. Idempotent; functions may be leased again. */
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
