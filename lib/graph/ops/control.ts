/** Loops that run inside the graph. */
import { checkFunction, checkInteger } from '../../arguments.js';
import type { StaticShape } from '../../binding/contract.js';
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

/**
 * Runs `body` over `variables` while `condition` holds. Both are called once, to record the loop; they may use
 * tensors from around them. Returns the last values of the variables. No gradient flows through a loop.
 */
export function whileLoop(
  condition: (...variables: Symbolic[]) => Symbolic,
  body: (...variables: Symbolic[]) => readonly Symbolic[],
  variables: readonly Operand[],
  options: LoopOptions = {},
): Symbolic[] {
  checkFunction('condition', condition);
  checkFunction('body', body);
  const initial = variables.map((value) => constant(value));
  const shapes = options.shapes ?? initial.map(({ shape }) => shape);
  return Trace.current().whileLoop(condition, body, initial, shapes);
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
    { shapes: [[], ...(options.shapes ?? initial.map(({ shape }) => shape))] },
  );
  return results;
}
