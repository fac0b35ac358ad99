/** Checks the parameters of a method, and compares two sets of parameters. */
import type { AnyMethod } from '../graph/method.js';
import { descriptorOf } from '../methods/descriptor.js';
import { readParameters } from '../methods/parameters.js';
import { listOf, nameOf, unknownOption } from '../support/arguments.js';

/** The arguments that the engine passes to every method. A method cannot have a parameter of such a name. */
const GIVEN: readonly string[] = ['model', 'inputs', 'allInputs', 'indices'];

/**
 * Refuses unknown parameters and invalid values of a method with a descriptor. Does nothing for a method without a
 * descriptor: {@link NotedParameters} checks these parameters after the method has run.
 *
 * @param known the names of the caller's other options. They are suggested for a misspelled name.
 */
export function checkOwnParameters(method: AnyMethod, params: object, known: readonly string[]): void {
  const parameters = descriptorOf(method)?.parameters;
  if (parameters === undefined) return;
  for (const name of Object.keys(params)) {
    if (!Object.hasOwn(parameters, name)) throw unknownOption(name, [...known, ...Object.keys(parameters)]);
  }
  readParameters(parameters, params);
}

/**
 * Records which parameters a method without a descriptor reads. A parameter that the method does not read is refused,
 * because its name may be misspelled. Each parameter is a getter, so names that were not passed are not recorded. A
 * descriptor (`methods.describeMethod`) declares all names.
 */
export class NotedParameters {
  readonly #params: Readonly<Record<string, unknown>>;
  readonly #read = new Set<string>();

  constructor(params: object) {
    this.#params = params as Readonly<Record<string, unknown>>;
  }

  /** Returns `args` with a getter in place of each parameter. */
  note<A extends object>(args: A): A {
    const noted = { ...args };
    for (const [name, value] of Object.entries(this.#params)) {
      if (GIVEN.includes(name)) continue;
      const get = () => {
        this.#read.add(name);
        return value;
      };
      Object.defineProperty(noted, name, { get, enumerable: true, configurable: true });
    }
    return noted;
  }

  /** Throws TypeError for a parameter that `method` did not read. */
  checkAllRead(method: AnyMethod, known: readonly string[]): void {
    const unread = Object.keys(this.#params).find((name) => !this.#read.has(name));
    if (unread === undefined) return;
    const { message, ...rest } = unknownOption(unread, [...known, ...this.#read]);
    const name = nameOf(method);
    const who = name === '' ? 'The method' : `The method ${name}`;
    throw Object.assign(new TypeError(`${message} ${who} does not read "${unread}".`), rest);
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

/** The limits on data that is compared by content. Larger or circular data is compared by identity. */
const MOST_DEPTH = 16;
const MOST_ELEMENTS = 2 ** 20;

/**
 * Returns a key of `value`. Equal keys mean equal values: plain data is compared by content, functions and class
 * instances by identity.
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
