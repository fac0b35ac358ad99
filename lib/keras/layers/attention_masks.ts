/** The masks of attention layers. A mask is bool and true at the positions that take part. */
import { constant, op } from '../../graph/operand.js';
import { abs, add, multiply, subtract } from '../../graph/ops/arithmetic.js';
import { cast, expandDims, range, shape } from '../../graph/ops/array.js';
import { greaterEqual, less, logicalAnd, where } from '../../graph/ops/comparison.js';
import { gather } from '../../graph/ops/indexing.js';
import type { Symbolic } from '../../graph/symbolic.js';

const sizeAlong = (x: Symbolic, axis: number) => gather(shape(x), constant(axis, 'int32'));

/** Returns the distance of each step of the query (T) from each step of the value (S), int32 (1, T, S). */
function distances(query: Symbolic, value: Symbolic): Symbolic {
  const rows = expandDims(range(constant(0, 'int32'), sizeAlong(query, 1)), -1);
  const columns = expandDims(range(constant(0, 'int32'), sizeAlong(value, 1)), 0);
  return expandDims(subtract(rows, columns), 0);
}

/** Returns bool (1, T, S): whether step s is not after step t, for tensors (N, T, ...) and (N, S, ...). */
export const causalMask = (query: Symbolic, value: Symbolic): Symbolic =>
  greaterEqual(distances(query, value), 0);

/** Returns bool (1, T, S): whether the distance of step s and step t is less than `size`. */
export const slidingWindow = (query: Symbolic, value: Symbolic, size: number): Symbolic =>
  less(abs(distances(query, value)), size);

/** Returns the masks joined by "and", or null if all are null. Shapes broadcast. */
export function allOf(masks: readonly (Symbolic | null)[]): Symbolic | null {
  const given = masks.filter((mask) => mask !== null).map((mask) => cast(mask, 'bool'));
  const [first, ...rest] = given;
  return first === undefined ? null : rest.reduce(logicalAnd, first);
}

/** Returns the logits with a large negative number added where the mask is false. */
export function addedMask(logits: Symbolic, mask: Symbolic | null): Symbolic {
  if (mask === null) return logits;
  const least = logits.dtype === 'float16' ? -65504 : -1e9;
  return add(logits, multiply(subtract(1, cast(mask, logits.dtype)), least));
}

/** Returns the logits, and a large negative number where the mask is false. */
export const replacedByMask = (logits: Symbolic, mask: Symbolic | null, least: number): Symbolic =>
  mask === null ? logits : where(mask, logits, constant(least, logits.dtype));

/** Returns the mask with further axes before its last `count` axes, in the rank of `like`. */
export function raised(mask: Symbolic, like: Symbolic, count: number): Symbolic {
  let result = mask;
  while (result.rank < like.rank) result = expandDims(result, -count - 1);
  return result;
}

/** Returns 0 where the mask (N, T) of a tensor (N, T, F) is false. */
export const masked = (x: Symbolic, mask: Symbolic | null): Symbolic =>
  mask === null ? x : where(expandDims(cast(mask, 'bool'), -1), x, op('ZerosLike', [x]));
