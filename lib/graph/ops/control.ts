/** Loops that run inside the graph. */

import type { StaticShape } from '../../binding/contract.js';
import { checkFunction, checkInteger } from '../../support/arguments.js';
import { constant, integers, type Operand, op } from '../operand.js';
import { Symbolic } from '../symbolic.js';
import { Trace } from '../trace.js';
import { add } from './arithmetic.js';
import { reshape, shape } from './array.js';
import { less } from './comparison.js';
import { gather } from './indexing.js';

/** Options of {@link forRange}. */
export interface LoopOptions {
  /**
   * The shape of each variable in all rounds. `null` stands for a size that changes, or in place of a shape for a rank
   * that changes. A run in which such a rank exceeds 64 is rejected. Default: the shapes of the initial values.
   */
  readonly shapes?: readonly StaticShape[];
}

/** Options of {@link whileLoop}. */
export interface WhileLoopOptions extends LoopOptions {
  /**
   * The number of rounds, an int32 scalar, if it is known. `onProgress` counts the rounds against this number. The loop
   * itself does not use the number. Default: the loop can be cancelled, but is not part of the progress.
   */
  readonly count?: number | Symbolic;
}

/**
 * Runs `body` over loop variables while `condition` holds. Both functions are called once, to record the loop, and may
 * use tensors of the surrounding function. Gradients flow through the loop: its body is then computed twice.
 *
 * @param condition returns a bool scalar for the values of the variables.
 * @param body returns the next values of the variables, each in the dtype and shape of its variable.
 * @param variables the initial values, at least one; any dtype.
 * @returns the last values of the variables, in their order.
 * @throws GraphError (`INVALID_ARGUMENT`) if `condition` does not return one bool scalar, if `body` returns another
 *   number of tensors, another dtype or a shape that does not fit, and if `count` is not an int32 scalar. TypeError for
 *   a `condition` or `body` that is not a function. RangeError for a negative or fractional `count`.
 * @example
 * // The smallest power of 2 that is not below `limit`, an int32 scalar.
 * const [power] = ops.whileLoop((p) => ops.less(p, limit), (p) => [ops.multiply(p, 2)], [ops.constant(1, 'int32')]);
 */
export function whileLoop(
  condition: (...variables: Symbolic[]) => Symbolic,
  body: (...variables: Symbolic[]) => readonly Symbolic[],
  variables: readonly Operand[],
  options: WhileLoopOptions = {},
): Symbolic[] {
  checkFunction('condition', condition);
  checkFunction('body', body);
  const { count } = options;
  if (typeof count === 'number') checkInteger('options.count', count, 0);
  const initial = variables.map((value) => constant(value));
  const shapes = options.shapes ?? initial.map(({ shape }) => shape);
  const turns = count === undefined ? null : integers(count);
  const bounded = (...values: Symbolic[]) => {
    const next = body(...values);
    return Array.isArray(next)
      ? next.map((value, i) => (shapes[i] === null ? withFewAxes(value) : value))
      : next;
  };
  return Trace.current().whileLoop(condition, bounded, initial, shapes, turns);
}

/** The maximum number of axes of a variable whose rank changes. TensorFlow ends the process at a tensor of 255 axes. */
const MOST_AXES = 64;

/** Returns x. A run with more than `MOST_AXES` axes fails, because no element of the list has the index of its rank. */
function withFewAxes(x: Symbolic): Symbolic {
  if (!(x instanceof Symbolic) || (x.shape !== null && x.shape.length <= MOST_AXES)) return x;
  const zero = gather(constant(new Int32Array(MOST_AXES + 1)), op('Rank', [x]));
  return reshape(x, add(shape(x), zero));
}

/**
 * Runs `body(i, ...variables)` for i from 0 to `count` - 1. One round follows the other, so that only the memory of one
 * round is needed. `body` is called once, to record the loop, and may use tensors of the surrounding function.
 * Gradients flow through the loop: its body is then computed twice, and the memory of the variables of all rounds is
 * needed.
 *
 * @param count the number of rounds; an int32 scalar if it is known only at run time. 0 returns the initial values.
 * @param body returns the next values of the variables. `i` is an int32 scalar.
 * @param variables the initial values; any dtype.
 * @returns the last values of the variables, in their order.
 * @throws GraphError (`INVALID_ARGUMENT`) if `body` returns another number of tensors, another dtype or a shape that
 *   does not fit, and if `count` is not an int32 scalar. TypeError for a `body` that is not a function. RangeError for
 *   a negative or fractional `count`.
 * @example
 * // The sum of five noisy copies of `inputs`, other noise in each round.
 * const [sum] = ops.forRange(
 *   5,
 *   (i, total) => [ops.add(total, ops.add(inputs, ops.random.normal(ops.shape(inputs), { seed: i })))],
 *   [ops.zerosLike(inputs)],
 * );
 */
export function forRange(
  count: number | Symbolic,
  body: (i: Symbolic, ...variables: Symbolic[]) => readonly Symbolic[],
  variables: readonly Operand[],
  options: LoopOptions = {},
): Symbolic[] {
  if (typeof count === 'number') checkInteger('count', count, 0);
  checkFunction('body', body);
  const limit = integers(count);
  const initial = variables.map((value) => constant(value));
  const [, ...results] = whileLoop(
    (i) => less(i as Symbolic, limit),
    (i, ...rest) => [add(i as Symbolic, 1), ...body(i as Symbolic, ...rest)],
    [constant(0, 'int32'), ...initial],
    { shapes: [[], ...(options.shapes ?? initial.map(({ shape }) => shape))], count: limit },
  );
  return results;
}

/**
 * Stacks the values of `body(i)` for i from 0 to `count` - 1 along a new first axis. `body` is called once, to record
 * the loop, and may use tensors of the surrounding function. Gradients flow through the stack: `body` is then computed
 * twice. Gradients and Jacobians may be computed inside `body`.
 *
 * Rounds must not depend on each other. A shard that is computed alone runs as many rounds at once as the model has
 * replicas. Otherwise, one round follows the other. Memory is needed for the stack and the rounds that run at once.
 *
 * For a `count` of 0, the stack is empty. If the shape of a value is not fully known while recording (an open batch
 * size), the body still runs once, to find the shape.
 *
 * @param count the number of rounds; an int32 scalar if it is known only at run time.
 * @param body returns a tensor of any dtype, of the same shape in every round. `i` is an int32 scalar. A run with
 *   values of different shapes is rejected.
 * @returns (count, ...value), in the dtype of the values.
 * @throws GraphError (`INVALID_ARGUMENT`) if `body` does not return a symbolic tensor, and if `count` is not an int32
 *   scalar. TypeError for a `body` that is not a function. RangeError for a negative or fractional `count`.
 * @example
 * // The mean logits (N, C) over ten noisy copies of `inputs`.
 * const logits = ops.mapRange(10, (i) => {
 *   const noise = ops.random.normal(ops.shape(inputs), { stddev: 0.1, seed: i });
 *   return model(ops.add(inputs, noise))[0];
 * });
 * const mean = ops.reduceMean(logits, 0);
 */
export function mapRange(count: number | Symbolic, body: (i: Symbolic) => Symbolic): Symbolic {
  if (typeof count === 'number') checkInteger('count', count, 0);
  checkFunction('body', body);
  return Trace.current().mapRange(integers(count), body);
}
