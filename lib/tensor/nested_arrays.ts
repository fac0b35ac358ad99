/**
 * Reads the data and shapes that callers pass, exactly once, into plain values. Classes, proxies and getters of a
 * caller cannot return other values later than those that were checked.
 */
import { listOf, outOfRange, refused, wrongType } from '../support/arguments.js';
import { isTypedArray, type NumericDType, plainArray } from './dtype.js';

/** The maximum number of axes. TensorFlow ends the process for a tensor of more axes. */
export const MOST_AXES = 254;

export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Refuses every value except an array of sizes that a tensor can have. Returns a plain copy. */
export function readShape(name: string, shape: unknown): readonly number[] {
  if (!Array.isArray(shape)) throw wrongType(name, 'an array of sizes', shape);
  checkAxes(name, shape.length);
  const sizes = listOf(shape);
  if (!sizes.every(Number.isInteger)) throw wrongType(name, 'an array of sizes', sizes);
  if (sizes.some((size) => size < 0)) throw outOfRange(name, 'sizes of at least 0', sizes);
  // TensorFlow also multiplies the sizes before a 0.
  const product = elementsOf(sizes.filter((size) => size !== 0));
  if (!Number.isSafeInteger(product)) {
    throw outOfRange(name, 'sizes whose product is below 2^53', sizes);
  }
  return sizes;
}

function checkAxes(name: string, axes: number): void {
  if (axes <= MOST_AXES) return;
  throw refused(name, `at most ${MOST_AXES} axes, which is all that TensorFlow has,`, `${axes}`);
}

/** A scalar of a nested array. */
export type Element = number | bigint | boolean;

/** Nested arrays, flattened. */
export interface Nested<E = Element> {
  readonly shape: readonly number[];
  readonly values: readonly E[];
}

/** The elements of nested arrays. */
export interface ElementKind<E> {
  /** The name of the elements in messages. */
  readonly expected: string;
  readonly includes: (value: unknown) => value is E;
}

const NUMBERS: ElementKind<Element> = {
  expected: 'numbers',
  includes: (value): value is Element =>
    typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint',
};

export function readNested(name: string, value: unknown): Nested;
export function readNested<E>(name: string, value: unknown, elements: ElementKind<E>): Nested<E>;
/**
 * Reads nested arrays, each length and each element once. Typed arrays that are no elements count as arrays of numbers.
 *
 * @param elements default: numbers, booleans and bigints.
 * @throws TypeError for an element of another kind. RangeError for ragged arrays.
 */
export function readNested(
  name: string,
  value: unknown,
  elements: ElementKind<unknown> = NUMBERS,
): Nested<unknown> {
  const shape: number[] = [];
  const values: unknown[] = [];
  const read = (level: unknown, axis: number, first: boolean): void => {
    const list = typeof level === 'object' && !elements.includes(level) ? asList(name, level) : null;
    if (list === null) {
      if (axis < shape.length) throw wrongType(name, `arrays nested ${shape.length} deep`, level);
      if (!elements.includes(level)) throw wrongType(name, elements.expected, level);
      values.push(level);
      return;
    }
    // The first element of each level determines the length and the depth of the others.
    if (first && axis === shape.length) {
      if (axis === MOST_AXES) {
        const mend = 'Does it contain itself?';
        throw refused(name, `arrays nested at most ${MOST_AXES} deep`, 'deeper ones', mend);
      }
      shape.push(list.length);
    } else if (axis === shape.length) {
      throw wrongType(name, elements.expected, level);
    }
    if (list.length !== shape[axis]) {
      throw refused(
        name,
        `arrays of equal length (${shape[axis]}) on axis ${axis}`,
        `one of ${list.length}`,
        'Ragged data is no tensor: pad it, or pass the parts one by one.',
      );
    }
    // A hole in an array is read as undefined and is refused like any other value that is not an element.
    const { length } = list;
    for (let i = 0; i < length; i++) read(list[i], axis + 1, first && i === 0);
  };
  read(value, 0, true);
  return { shape, values };
}

function asList(name: string, value: unknown): ArrayLike<unknown> | null {
  if (Array.isArray(value)) return value;
  return isTypedArray(value) ? plainArray(name, value) : null;
}

const BITS = {
  int8: 8,
  int16: 16,
  int32: 32,
  int64: 64,
  uint8: 8,
  uint16: 16,
  uint32: 32,
  uint64: 64,
} as const;

/** Refuses a value that an integer or bool `dtype` cannot hold exactly. */
export function checkElements(name: string, values: Iterable<Element>, dtype: NumericDType): void {
  if (dtype !== 'bool' && !(dtype in BITS)) return;
  const [least, most] = dtype === 'bool' ? [0n, 1n] : boundsOf(dtype as keyof typeof BITS);
  const mend = dtype === 'bool' ? 'Pass true and false.' : 'Pass another dtype, or round the values first.';
  const [low, high] = [Number(least), Number(most)];
  for (const value of values) {
    if (Number.isSafeInteger(value) && (value as number) >= low && (value as number) <= high) continue;
    // Compared as bigints, because a double does not distinguish 2^63 from the largest int64.
    const isInteger = typeof value !== 'number' || Number.isInteger(value);
    if (!isInteger || BigInt(value) < least || BigInt(value) > most) {
      throw outOfRange(name, `${dtype} values`, value, mend);
    }
  }
}

function boundsOf(dtype: keyof typeof BITS): [least: bigint, most: bigint] {
  const bits = BigInt(BITS[dtype]);
  return dtype.startsWith('int') ? [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n] : [0n, 2n ** bits - 1n];
}
