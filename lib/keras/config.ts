/** The config of a Keras object, read entry by entry. Every refusal names the object and the entry. */
import { describe } from '../support/arguments.js';
import { ModelError } from '../support/errors.js';

/** A value of a JSON text. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** Returns whether the value is an object, not an array. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns whether the value is an array. */
export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/**
 * Reads the entries of a config. A config comes from a file and may hold anything. Without a fallback, an entry must be
 * present. With a fallback, the fallback stands for an absent entry and for `null`.
 *
 * @throws ModelError (`DATA_LOSS`) for an entry of another type than the method's.
 */
export class Config {
  readonly entries: JsonObject;
  /** The object as messages name it, for example "layer 'conv1' (Conv2D)". */
  readonly owner: string;

  constructor(entries: JsonObject, owner: string) {
    this.entries = entries;
    this.owner = owner;
  }

  /** Returns the entry, or undefined if it is absent or `null`. */
  get(name: string): Json | undefined {
    const value = Object.hasOwn(this.entries, name) ? this.entries[name] : undefined;
    return value === null ? undefined : value;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  boolean(name: string, fallback?: boolean): boolean {
    const value = this.get(name) ?? fallback;
    return typeof value === 'boolean' ? value : this.fail(name, 'true or false');
  }

  number(name: string, fallback?: number): number {
    const value = this.get(name) ?? fallback;
    return typeof value === 'number' && Number.isFinite(value) ? value : this.fail(name, 'a number');
  }

  integer(name: string, fallback?: number): number {
    const value = this.get(name) ?? fallback;
    return Number.isSafeInteger(value) ? (value as number) : this.fail(name, 'an integer');
  }

  string(name: string, fallback?: string): string {
    const value = this.get(name) ?? fallback;
    return typeof value === 'string' ? value : this.fail(name, 'a string');
  }

  /** Returns an entry that is one of `values`. */
  oneOf<T extends string>(name: string, values: readonly T[], fallback?: T): T {
    const value = this.get(name) ?? fallback;
    return values.includes(value as T) ? (value as T) : this.fail(name, `one of ${values.join(', ')}`);
  }

  /** Returns `count` integers. The entry is a list of `count` integers, or one integer that stands for all. */
  integers(name: string, count: number, fallback?: number): number[] {
    const value = this.get(name) ?? fallback;
    const list = isList(value) ? value : new Array<Json>(count).fill(value ?? null);
    return list.length === count && list.every(Number.isSafeInteger)
      ? (list as number[])
      : this.fail(name, `an integer or ${count} integers`);
  }

  list(name: string, fallback?: readonly Json[]): readonly Json[] {
    const value = this.get(name) ?? fallback;
    return isList(value) ? value : this.fail(name, 'a list');
  }

  object(name: string, fallback?: JsonObject): JsonObject {
    const value = this.get(name) ?? fallback;
    return isObject(value) ? value : this.fail(name, 'an object');
  }

  /** Refuses the entry. */
  fail(name: string, expected: string): never {
    throw new ModelError(
      'DATA_LOSS',
      `The file's config of ${this.owner} is damaged or of an unknown version: expected ${expected} for ` +
        `\`${name}\` but the file has ${describe(this.get(name))}.`,
    );
  }

  /** Refuses the object, which is valid but not supported. `mend` is a sentence. */
  refuse(reason: string, mend = ''): never {
    throw new ModelError('UNIMPLEMENTED', `${this.owner} cannot be computed: ${reason}. ${mend}`.trimEnd());
  }
}
