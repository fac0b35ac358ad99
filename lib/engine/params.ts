/** A method's own parameters: which of them it read, and whether two sets of them are the same. */
import { listOf, unknownOption } from '../support/arguments.js';

/** What every method is given by the engine, so that no option can be of that name. */
const GIVEN: readonly string[] = ['model', 'inputs', 'allInputs', 'indices'];

/**
 * Shows `params` to a method and notes which it reads, so that a misspelled one is refused although nobody declared
 * the method's parameters.
 */
export class WatchedParams<P extends object> {
  readonly #params: P;
  readonly #read = new Set<string>();

  constructor(params: P) {
    this.#params = params;
  }

  /** `args` as the method sees them: what it reads is noted. */
  watch<A extends object>(args: A): A {
    const read = this.#read;
    return new Proxy(args, {
      get(target, key, receiver) {
        if (typeof key === 'string') read.add(key);
        return Reflect.get(target, key, receiver);
      },
      ownKeys(target) {
        const keys = Reflect.ownKeys(target);
        for (const key of keys) if (typeof key === 'string') read.add(key);
        return keys;
      },
    });
  }

  /** Throws TypeError for a parameter that the method did not read, with the name that it may have meant. */
  checkAllRead(known: readonly string[]): void {
    for (const key of Object.keys(this.#params)) {
      if (this.#read.has(key) && !GIVEN.includes(key)) continue;
      throw unknownOption(key, [...known, ...[...this.#read].filter((name) => !GIVEN.includes(name))]);
    }
  }
}

const identities = new WeakMap<object, number>();
let identitiesGiven = 0;

function identityOf(value: object): number {
  let identity = identities.get(value);
  if (identity === undefined) {
    identity = ++identitiesGiven;
    identities.set(value, identity);
  }
  return identity;
}

/** Of plain data that is compared by content; what contains itself, or is larger, is compared by identity. */
const MOST_DEPTH = 16;
const MOST_ELEMENTS = 2 ** 20;

/**
 * A word for `value` such that equal words mean the same value: plain data is compared by content, functions and
 * class instances by identity.
 */
export function keyOf(value: unknown): string {
  return keyWithin(value, []);
}

function keyWithin(value: unknown, within: readonly object[]): string {
  if (typeof value === 'function') return `function#${identityOf(value)}`;
  if (typeof value === 'object' && value !== null) {
    const inner = [...within, value];
    const isPlain = within.length < MOST_DEPTH && !within.includes(value);
    if (isPlain && Array.isArray(value) && value.length <= MOST_ELEMENTS) {
      const words = listOf(value).map((each) => keyWithin(each, inner));
      return `[${words.join()}]`;
    }
    if (isPlain && Object.getPrototypeOf(value) === Object.prototype) {
      const entries = Object.entries(value).filter(([, each]) => each !== undefined);
      entries.sort(([a], [b]) => (a < b ? -1 : 1));
      return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${keyWithin(each, inner)}`).join()}}`;
    }
    return `object#${identityOf(value)}`;
  }
  if (typeof value === 'string') return JSON.stringify(value);
  if (Object.is(value, -0)) return '-0';
  return `${typeof value === 'bigint' ? 'n' : ''}${String(value)}`;
}
