/** Loops that run inside the graph. */

import type { StaticShape } from '../../binding/contract.js';
import { checkFunction, checkInteger } from '../../support/arguments.js';
import { constant, integers, type Operand } from '../operand.js';
import type { Symbolic } from '../symbolic.js';
import { Trace } from '../trace.js';
import { add } from './arithmetic.js';
import { less } from './comparison.js';

export interface LoopOptions {
  /**
   * The shape that each variable keeps through all rounds, `null` for sizes that change; by default the shapes of
   * the initial values.
   */
  readonly shapes?: readonly StaticShape[];
}

export interface WhileLoopOptions extends LoopOptions {
  /**
   * How many rounds there will be (an int32 scalar), where that is known: what `onProgress` counts against. The loop
   * itself does not depend on it. Default: not known; the loop can be cancelled but is not part of the progress.
   */
  readonly count?: number | Symbolic;
}

/**
 * Runs `body` over `variables` while `condition` holds. Both are called once, to record the loop; they may use
 * tensors from around them. Returns the last values of the variables. No gradient flows through a loop.
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
  return Trace.current().whileLoop(condition, body, initial, shapes, turns);
}

/**
 * Runs `body(i, ...variables)` for i (an int32 scalar) from 0 to `count` - 1, one after the other, so that memory
 * is that of one round. Returns the last values of the variables.
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
 * Stacks the values of `body(i)` for i (an int32 scalar) from 0 to `count` - 1 along a new first axis:
 * (count, ...value). Beside the stack, memory is that of one turn, or of several: a part of a batch that is computed
 * alone has as many turns under way at once as the model has replicas. So turns must not need each other.
 * `body` is called once, to record it, and may use tensors from around it; its value must have the same shape in
 * every turn. No gradient flows through the stack, but gradients and Jacobians may be taken inside `body`.
 *
 * A `count` of 0 gives an empty stack. Where the shape of a value is not fully known while recording (an open batch
 * size), the body still runs once then, for that shape.
 *
 * @param count turns; an int32 scalar where it is known only when the graph runs.
 */
export function mapRange(count: number | Symbolic, body: (i: Symbolic) => Symbolic): Symbolic {
  if (typeof count === 'number') checkInteger('count', count, 0);
  checkFunction('body', body);
  return Trace.current().mapRange(integers(count), body);
}
