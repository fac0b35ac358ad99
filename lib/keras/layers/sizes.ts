/** Sizes of tensors that may be known only at run time. */
import { add, floordiv, multiply, subtract } from '../../graph/ops/arithmetic.js';
import { reshape, shape } from '../../graph/ops/array.js';
import { gather } from '../../graph/ops/indexing.js';
import type { Symbolic } from '../../graph/symbolic.js';

/** A size: a number, or an int32 scalar that is known at run time. */
export type Size = number | Symbolic;

/** Returns the size of each axis of x. */
export function sizesOf(x: Symbolic): Size[] {
  const known = Array.from({ length: x.rank }, (_, axis) => x.shape?.[axis] ?? null);
  if (!known.includes(null)) return known as number[];
  const atRunTime = shape(x);
  return known.map((size, axis) => size ?? gather(atRunTime, axis));
}

/**
 * Returns x in the shape `to`. If only one size is unknown while recording, TensorFlow infers this size, so that the
 * shape of the result is static as far as possible. At most one size may be -1.
 */
export function reshapeTo(x: Symbolic, to: readonly Size[]): Symbolic {
  const open = to.filter((size) => typeof size !== 'number' || size === -1).length;
  return reshape(x, open === 1 ? to.map((size) => (typeof size === 'number' ? size : -1)) : to);
}

const both = (
  a: Size,
  b: Size,
  numbers: (a: number, b: number) => number,
  symbols: (a: Size, b: Size) => Symbolic,
): Size => (typeof a === 'number' && typeof b === 'number' ? numbers(a, b) : symbols(a, b));

export const plus = (a: Size, b: Size): Size => both(a, b, (x, y) => x + y, add);
export const minus = (a: Size, b: Size): Size => both(a, b, (x, y) => x - y, subtract);
export const times = (a: Size, b: Size): Size => both(a, b, (x, y) => x * y, multiply);
/** Returns a / b, rounded down. */
export const quotient = (a: Size, b: Size): Size => both(a, b, (x, y) => Math.floor(x / y), floordiv);
/** Returns the product of all sizes. */
export const product = (sizes: readonly Size[]): Size => sizes.reduce(times, 1);
