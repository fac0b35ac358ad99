/** Differentiation of what a method records, by the native gradient tape. */
import { checkFunction, checkOptions, wrongType } from '../support/arguments.js';
import { constant, type Operand } from './operand.js';
import { Symbolic } from './symbolic.js';
import { type Overrides, Trace } from './trace.js';

export type { Overrides };

export interface GradientOptions {
  /** Rules that replace the gradient of an op type on the way, by name: `{ Relu: 'guided' }`. */
  readonly override?: Overrides;
}

export interface JacobianOptions extends GradientOptions {
  /**
   * Reduces one unit's gradient, shaped like `xs`, to what is kept of it (its first axis must stay the samples).
   * It runs inside the loop over the units, so that the whole Jacobian is never held in memory. Default: all of it.
   */
  readonly each?: (gradient: Symbolic) => Symbolic;
}

export interface JacobianListOptions extends GradientOptions {
  /** As {@link JacobianOptions.each}, of one unit's gradients with respect to each of the `xs`, in their order. */
  readonly each: (gradients: Symbolic[]) => Symbolic;
}

function checkSymbolic(name: string, value: Symbolic): Symbolic {
  if (!(value instanceof Symbolic)) throw wrongType(name, 'a symbolic tensor', value);
  return value;
}

/**
 * The gradient Σ gradYs · ∂ys/∂xs: for each x a tensor shaped like it, zeros where no y depends on it.
 *
 * @param ys one tensor or several; of several, the gradients are summed.
 * @param xs what to differentiate by: one tensor, or several for a list of results.
 * @param gradYs the gradient that comes into each y; ones by default (also where an entry is `null`).
 * @throws UnsupportedOpError, from `explain`, where an op on the way has no confirmed gradient rule.
 */
export function gradient(
  ys: Symbolic | readonly Symbolic[],
  xs: Symbolic,
  gradYs?: Operand | readonly (Operand | null)[],
  options?: GradientOptions,
): Symbolic;
export function gradient(
  ys: Symbolic | readonly Symbolic[],
  xs: readonly Symbolic[],
  gradYs?: Operand | readonly (Operand | null)[],
  options?: GradientOptions,
): Symbolic[];
export function gradient(
  ys: Symbolic | readonly Symbolic[],
  xs: Symbolic | readonly Symbolic[],
  gradYs?: Operand | readonly (Operand | null)[],
  options: GradientOptions = {},
): Symbolic | Symbolic[] {
  checkOptions('options', options, ['override']);
  const targets = listOf(ys).map((y) => checkSymbolic('ys', y));
  const sources = listOf(xs).map((x) => checkSymbolic('xs', x));
  const given: readonly (Operand | null)[] =
    gradYs === undefined
      ? []
      : ys instanceof Symbolic
        ? [gradYs as Operand]
        : (gradYs as readonly (Operand | null)[]);
  const incoming = given.map((grad, i) => (grad === null ? null : constant(grad, targets[i]?.dtype)));
  const results = Trace.current().gradient(targets, sources, incoming, options.override ?? {});
  return xs instanceof Symbolic ? (results[0] as Symbolic) : results;
}

/**
 * The Jacobian of every sample: for ys (N, U) and xs (N, ...) the gradients of each unit, (N, U, ...). Of sample
 * n's unit u only sample n's x is asked for, so the samples of a batch must not influence each other (as in any
 * model at inference). Costs one backward pass per unit, and no forward pass beyond the one that made ys.
 *
 * @param ys (N, U), or (N, U1, U2, ...).
 * @param xs (N, ...), which ys was computed from; or a list of such tensors, for which `each` is needed. A list costs
 *   no further passes: one backward pass per unit serves all of it. An x that ys does not depend on has zeros.
 * @returns (N, U, ...value), where value is one unit's gradient of a sample, or what `each` keeps of it.
 * @throws UnsupportedOpError, from `explain`, where an op on the way has no confirmed gradient rule.
 * @throws TypeError where `xs` is a list without `each`, or an empty one.
 */
export function batchJacobian(ys: Symbolic, xs: Symbolic, options?: JacobianOptions): Symbolic;
export function batchJacobian(ys: Symbolic, xs: readonly Symbolic[], options: JacobianListOptions): Symbolic;
export function batchJacobian(
  ys: Symbolic,
  xs: Symbolic | readonly Symbolic[],
  options: JacobianOptions | JacobianListOptions = {},
): Symbolic {
  checkOptions('options', options, ['override', 'each']);
  const { each, override = {} } = options;
  checkSymbolic('ys', ys);
  if (Array.isArray(xs)) {
    if (xs.length === 0) throw wrongType('xs', 'a symbolic tensor or a list of at least one', xs);
    checkFunction(
      'each',
      each,
      'With a list of `xs`, say what to keep of their gradients, as `([g, h]) => ops.concat([g, h], -1)`.',
    );
  } else if (each !== undefined) {
    checkFunction(
      'each',
      each,
      "Give a function of one unit's gradient, as `(g) => ops.reduceMean(g, [1, 2])`.",
    );
  }
  const sources = listOf(xs).map((x, i) => checkSymbolic(Array.isArray(xs) ? `xs[${i}]` : 'xs', x));
  const keep = Array.isArray(xs)
    ? (each as JacobianListOptions['each'])
    : ([whole]: Symbolic[]) => {
        const reduce = (each ?? ((g) => g)) as NonNullable<JacobianOptions['each']>;
        return reduce(whole as Symbolic);
      };
  return Trace.current().jacobian(ys, sources, keep, override);
}

function listOf<T extends Symbolic>(value: T | readonly T[]): readonly T[] {
  return value instanceof Symbolic ? [value] : value;
}
