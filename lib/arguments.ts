/** What every public function checks its arguments with, so that all misuse is reported in the same words. */
import { distance } from 'fastest-levenshtein';

/** Names `value` in a message: short, on one line. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
    case 'bigint':
      return `${value}n`;
    case 'function':
      return value.name ? `function ${value.name}` : 'a function';
    case 'object': {
      if (value === null) return 'null';
      if (Array.isArray(value)) {
        const items = value
          .slice(0, 6)
          .map((item) => (typeof item === 'object' ? typeName(item) : describeItem(item)));
        return `[${items.join(', ')}${value.length > 6 ? ', ...' : ''}]`;
      }
      return `an object {${Object.keys(value).slice(0, 6).join(', ')}}`;
    }
    default:
      return String(value);
  }
}

/** Strings without quotes: what is wrong with a list is seldom in them. */
function describeItem(item: unknown): string {
  return typeof item === 'string' ? item : describe(item);
}

/** The type of `value`, as its author would call it: `'number'`, `'null'`, `'Float32Array'`. */
export function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value !== 'object') return typeof value;
  return value.constructor?.name ?? 'object';
}

/** An argument's name as it is shown. What stands behind it tells where it came from: "x of step 3". */
function quoted(name: string): string {
  const [argument, place] = name.split(/(?= of step )/);
  return `\`${argument}\`${place ?? ''}`;
}

function sentence(expected: string, name: string, received: unknown, mend: string): string {
  const type = typeName(received);
  const shown =
    received === undefined || received === null ? `${received}` : `${describe(received)} of type ${type}`;
  return `Expected ${expected} for argument ${quoted(name)} but received ${shown}.${mend && ` ${mend}`}`;
}

/** A `TypeError`: "Expected X for argument \`y\` but received Z of type T. Mend." Its `code` is `INVALID_ARGUMENT`. */
export function wrongType(name: string, expected: string, received: unknown, mend = ''): TypeError {
  return Object.assign(new TypeError(sentence(expected, name, received, mend)), { code: 'INVALID_ARGUMENT' });
}

/** A `RangeError` in the same words, for a value of the right type. Its `code` is `OUT_OF_RANGE`. */
export function outOfRange(name: string, expected: string, received: unknown, mend = ''): RangeError {
  return Object.assign(new RangeError(sentence(expected, name, received, mend)), { code: 'OUT_OF_RANGE' });
}

/** As {@link outOfRange}, with `received` in the caller's own words. */
export function refused(name: string, expected: string, received: string, mend = ''): RangeError {
  const message = `Expected ${expected} for argument ${quoted(name)} but received ${received}.${mend && ` ${mend}`}`;
  return Object.assign(new RangeError(message), { code: 'OUT_OF_RANGE' });
}

/** Refuses anything but an integer within `least` and `most`. */
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

/** Refuses anything but a number from `least` to `most`. `expected`: what such a number is, in words. */
function checkNumber(name: string, value: unknown, expected: string, least: number, most: number): number {
  if (typeof value !== 'number') throw wrongType(name, expected, value);
  if (!(value >= least && value <= most)) throw outOfRange(name, expected, value);
  return value;
}

/** Refuses anything but a number from 0 to 1. */
export function checkShare(name: string, value: unknown): number {
  return checkNumber(name, value, 'a number from 0 to 1', 0, 1);
}

/** Refuses anything but milliseconds from `least` to `most`. */
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

export function checkFunction(name: string, value: unknown, mend = ''): void {
  if (typeof value !== 'function') throw wrongType(name, 'a function', value, mend);
}

/** Refuses all but an array of integers (axes, sizes), and returns it. */
export function checkIntegers(
  name: string,
  value: unknown,
  expected = 'an array of integers',
): readonly number[] {
  if (!Array.isArray(value) || !value.every(Number.isInteger)) throw wrongType(name, expected, value);
  return value as number[];
}

/**
 * Those of `names` that `wanted` may be a misspelling of, nearest first: case, underscores and about one letter
 * in three (two where there are few) may differ.
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

/** The error for an option that nobody reads: "Misspelled option "batch_size" should be "batchSize"." */
export function unknownOption(option: string, known: Iterable<string>): TypeError {
  const names = [...new Set(known)];
  const [near] = nearNames(option, names, 1);
  const message =
    near === undefined
      ? `Unknown option "${option}". Expected one of: ${names.sort().join(', ')}.`
      : `Misspelled option "${option}" should be "${near}".`;
  return Object.assign(new TypeError(message), { code: 'INVALID_ARGUMENT' });
}

/** Refuses an options bag that is no object. */
export function checkIsObject(name: string, options: unknown): asserts options is object {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw wrongType(name, 'an object of options', options);
  }
}

/** Refuses an options bag that is no object, or has a key that is not among `known`. */
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
