/** The checks of arguments that every public function uses. All misuse is reported in the same words. */
import { distance } from 'fastest-levenshtein';

/** Returns a short, one-line description of `value` for a message. Never throws and never takes long. */
export function describe(value: unknown): string {
  try {
    return describeTrusted(value);
  } catch {
    // A getter or a Proxy of the caller may throw.
    return `${typeof value === 'object' ? 'an object' : 'a function'} that cannot be looked into`;
  }
}

function describeTrusted(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
    case 'bigint': {
      const digits = String(value);
      return `${digits.length > 60 ? `${digits.slice(0, 57)}...` : digits}n`;
    }
    case 'function':
      return typeof value.name === 'string' && value.name !== '' ? `function ${value.name}` : 'a function';
    case 'object': {
      if (value === null) return 'null';
      // Object.keys of a typed array lists every element.
      if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
      if (Array.isArray(value)) {
        const { length } = value;
        const items = Array.from({ length: Math.min(6, length) }, (_, i) => describeItem(value[i]));
        return `[${items.join(', ')}${length > 6 ? ', ...' : ''}]`;
      }
      return `an object {${Object.keys(value).slice(0, 6).join(', ')}}`;
    }
    default:
      return String(value);
  }
}

/** Describes an item of a list. Strings have no quotes here. */
function describeItem(item: unknown): string {
  if (typeof item === 'object') return typeName(item);
  return typeof item === 'string' ? item : describe(item);
}

/** Returns the type of `value` in a programmer's words: `'number'`, `'null'`, `'Float32Array'`. */
export function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value !== 'object') return typeof value;
  try {
    const name: unknown = value.constructor?.name;
    return typeof name === 'string' && name !== '' ? name : 'object';
  } catch {
    return 'object';
  }
}

/** Returns the name of a user's function, or '' if its `name` is not a string. */
export function nameOf({ name }: { readonly name: unknown }): string {
  return typeof name === 'string' ? name : '';
}

/** The maximum length of a list among the arguments. V8 ends the process when an array of some 10^8 elements grows. */
const MOST_ELEMENTS = 2 ** 24;

/**
 * Copies `list` into a plain array. The length and each element are read exactly once, by position.
 *
 * @throws RangeError for more than 2^24 elements: a sparse array may claim 2^32.
 */
export function listOf<T>(list: readonly T[]): T[] {
  const { length } = list;
  if (length > MOST_ELEMENTS) {
    throw new RangeError(`Expected a list of at most ${MOST_ELEMENTS} elements but received ${length}.`);
  }
  const copy: T[] = [];
  for (let i = 0; i < length; i++) copy.push(list[i] as T);
  return copy;
}

/** Splits "x of step 3" into the argument ("x") and the place that the argument came from (" of step 3"). */
function splitName(name: string): string[] {
  return name.split(/(?= of step )/);
}

/** Returns the name of a property of an argument: 'x.shape of step 3'. */
export function partOf(name: string, part: string): string {
  const [argument, place] = splitName(name);
  return `${argument}.${part}${place ?? ''}`;
}

/** Returns an argument's name as messages show the name: in backticks, followed by the place. */
function quoted(name: string): string {
  const [argument, place] = splitName(name);
  return `\`${argument}\`${place ?? ''}`;
}

function sentence(expected: string, name: string, received: unknown, mend: string): string {
  const type = typeName(received);
  const shown =
    received === undefined || received === null ? `${received}` : `${describe(received)} of type ${type}`;
  return `Expected ${expected} for argument ${quoted(name)} but received ${shown}.${mend && ` ${mend}`}`;
}

/**
 * Returns a `TypeError` with code `INVALID_ARGUMENT`: "Expected X for argument \`y\` but received Z of type T. Fix."
 *
 * @param mend the sentence that says how to fix the call.
 */
export function wrongType(name: string, expected: string, received: unknown, mend = ''): TypeError {
  return Object.assign(new TypeError(sentence(expected, name, received, mend)), { code: 'INVALID_ARGUMENT' });
}

/** Returns a `RangeError` with code `OUT_OF_RANGE` in the same words, for a value of the right type. */
export function outOfRange(name: string, expected: string, received: unknown, mend = ''): RangeError {
  return Object.assign(new RangeError(sentence(expected, name, received, mend)), { code: 'OUT_OF_RANGE' });
}

/** Returns the error of {@link outOfRange}. `received` is text that describes the value. */
export function refused(name: string, expected: string, received: string, mend = ''): RangeError {
  const message = `Expected ${expected} for argument ${quoted(name)} but received ${received}.${mend && ` ${mend}`}`;
  return Object.assign(new RangeError(message), { code: 'OUT_OF_RANGE' });
}

/** Refuses every value except an integer from `least` to `most`. */
export function checkInteger(
  name: string,
  value: unknown,
  least = 1,
  most = Number.MAX_SAFE_INTEGER,
): number {
  const bounds =
    most === Number.MAX_SAFE_INTEGER
      ? `an integer of at least ${least}`
      : `an integer from ${least} to ${most}`;
  if (typeof value !== 'number') throw wrongType(name, bounds, value);
  if (!Number.isInteger(value) || value < least || value > most) throw outOfRange(name, bounds, value);
  return value;
}

/** Refuses every value except a number from `least` to `most`. `expected` describes the number in words. */
function checkNumber(name: string, value: unknown, expected: string, least: number, most: number): number {
  if (typeof value !== 'number') throw wrongType(name, expected, value);
  if (!(value >= least && value <= most)) throw outOfRange(name, expected, value);
  return value;
}

/** Refuses every value except a number from 0 to 1. */
export function checkShare(name: string, value: unknown): number {
  return checkNumber(name, value, 'a number from 0 to 1', 0, 1);
}

/** Refuses every value except a number above 0. Infinity is accepted. */
export function checkPositive(name: string, value: unknown): number {
  return checkNumber(name, value, 'a positive number', Number.MIN_VALUE, Number.POSITIVE_INFINITY);
}

/** Refuses every value except a number of milliseconds from `least` to `most`. */
export function checkMilliseconds(name: string, value: unknown, least: number, most: number): number {
  return checkNumber(name, value, `milliseconds, from ${least} to ${most},`, least, most);
}

export function checkBoolean(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw wrongType(name, 'true or false', value);
  return value;
}

export function checkString(name: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw wrongType(name, 'a non-empty string', value);
  return value;
}

/** Refuses a path with a NUL character. The operating system would end the path at the NUL. */
export function checkNoNul(name: string, path: string): void {
  if (path.includes('\0')) throw outOfRange(name, 'a path, which has no NUL in it,', path);
}

export function checkFunction(name: string, value: unknown, mend = ''): void {
  if (typeof value !== 'function') throw wrongType(name, 'a function', value, mend);
}

/** Refuses every value except an array of integers (axes, sizes). Returns a plain copy of the array. */
export function checkIntegers(
  name: string,
  value: unknown,
  expected = 'an array of integers',
): readonly number[] {
  // No tensor has 256 axes. A longer list is refused without being read.
  const list = Array.isArray(value) && value.length < 256 ? listOf<unknown>(value) : null;
  if (list === null || !list.every(Number.isInteger)) throw wrongType(name, expected, value);
  return list as number[];
}

/**
 * Returns the `names` that `wanted` may be a misspelling of, nearest first, at most `most` names. Case, hyphens,
 * underscores and spaces are ignored. About one letter in three may differ; two letters of a short name.
 */
export function nearNames(wanted: string, names: Iterable<string>, most = 3): string[] {
  const plain = (name: string) => name.toLowerCase().replace(/[_\-\s]/g, '');
  const target = plain(wanted);
  const mostApart = target.length < 4 ? 1 : Math.max(2, Math.floor(target.length / 3));
  const ranked: [number, string][] = [];
  for (const name of new Set(names)) {
    const candidate = plain(name);
    const apart = distance(target, candidate);
    const contained = target.length > 2 && (candidate.includes(target) || target.includes(candidate));
    if (apart <= mostApart || contained) ranked.push([apart, name]);
  }
  return ranked
    .sort(([a], [b]) => a - b)
    .slice(0, most)
    .map(([, name]) => name);
}

/** Returns the error for an unknown option: "Misspelled option "batch_size" should be "batchSize"." */
export function unknownOption(option: string, known: Iterable<string>): TypeError {
  const names = [...new Set(known)];
  const [near] = nearNames(option, names, 1);
  const message =
    near === undefined
      ? `Unknown option "${option}". Expected one of: ${names.sort().join(', ')}.`
      : `Misspelled option "${option}" should be "${near}".`;
  return Object.assign(new TypeError(message), { code: 'INVALID_ARGUMENT' });
}

/** Refuses options that are not an object. */
export function checkIsObject(name: string, options: unknown): asserts options is object {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw wrongType(name, 'an object of options', options);
  }
}

/** Refuses options that are not an object, or that have a key outside `known`. */
export function checkOptions(
  name: string,
  options: unknown,
  known: readonly string[],
): asserts options is object {
  checkIsObject(name, options);
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw unknownOption(key, known);
  }
}
