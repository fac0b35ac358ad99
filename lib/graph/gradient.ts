/** Differentiation of recorded tensors by the native gradient tape. */
import { checkFunction, checkOptions, wrongType } from '../support/arguments.js';
import { constant, type Operand } from './operand.js';
import { listOf, Symbolic } from './symbolic.js';
import { type Overrides, Trace } from './trace.js';

export type { Overrides };

/** Options of {@link gradient}. */
export interface GradientOptions {
  /**
   * Gradient rules by TensorFlow op type, for all ops of the type between `ys` and `xs`. The rules 'guided' and
   * 'deconvolution' exist for Relu, Relu6, LeakyRelu, Elu and Selu. Default: none.
   */
  readonly override?: Overrides;
}

/** Options of {@link batchJacobian} for one tensor of `xs`. */
export interface JacobianOptions extends GradientOptions {
  /**
   * Reduces the gradient of one unit, which has the shape of `xs`, inside the loop over the units. The whole Jacobian
   * is then never held in memory. The first axis of the result must be the samples. Default: the gradient itself.
   */
  readonly each?: (gradient: Symbolic) => Symbolic;
}

/** Options of {@link batchJacobian} for a list of `xs`. */
export interface JacobianListOptions extends GradientOptions {
  /** As {@link JacobianOptions.each}, for the gradients of one unit by each of the `xs`, in the order of `xs`. */
  readonly each: (gradients: Symbolic[]) => Symbolic;
}

function checkList<T>(name: string, value: readonly T[]): readonly T[] {
  if (!Array.isArray(value)) throw wrongType(name, 'a list with an entry for each of `ys`', value);
  return value;
}

function checkSymbolic(name: string, value: Symbolic): Symbolic {
  if (!(value instanceof Symbolic)) throw wrongType(name, 'a symbolic tensor', value);
  return value;
}

/**
 * Returns the gradient Σ gradYs · ∂ys/∂xs. The gradients of several ys are summed. The gradient of an x on which no y
 * depends is 0.
 *
 * @param ys one tensor or a list of tensors; any shape, a floating dtype.
 * @param xs the tensors to differentiate by: one tensor, or a list for a list of results; any shape, a floating dtype.
 * @param gradYs the gradient of each y, in the shape and dtype of the y: one operand, or for a list of ys a list, in
 *   which `null` stands for ones. Default: ones.
 * @returns for each x a tensor of its shape and dtype.
 * @throws TypeError for ys or xs that are not symbolic tensors, and unknown options. GraphError (`INVALID_ARGUMENT`)
 *   for a dtype that is not floating, `gradYs` of another number, shape or dtype, and an unknown rule of `override`.
 *   UnsupportedOpError, from `explain`, if an op between ys and xs has no confirmed gradient rule.
 * @example
 * const slope = graph.gradient(ops.square(x), x); // 2x
 * const guided = graph.gradient(logits, inputs, undefined, { override: { Relu: 'guided' } });
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
        : checkList('gradYs', gradYs as readonly (Operand | null)[]);
  const incoming = given.map((grad, i) => (grad === null ? null : constant(grad, targets[i]?.dtype)));
  const results = Trace.current().gradient(targets, sources, incoming, options.override ?? {});
  return xs instanceof Symbolic ? (results[0] as Symbolic) : results;
}

/**
 * Returns the Jacobian of every sample: the gradient of each unit of ys (N, U) by the xs (N, ...) of the same sample.
 * The samples of a batch must not influence each other, as in any model at inference. The cost is one backward pass per
 * unit. No forward pass is added to the pass that computes ys.
 *
 * @param ys (N, U), or (N, U1, U2, ...); a floating dtype. The rank must be known while recording.
 * @param xs (N, ...), a floating dtype; or a list of such tensors, which requires `each`. One backward pass per unit
 *   serves the whole list. The gradient of an x on which ys does not depend is 0.
 * @returns (N, U, ...value), where value is the gradient of a unit, or the result of `each`, without the sample axis.
 * @throws TypeError for ys or xs that are not symbolic tensors, an empty list, a list without `each`, an `each` that is
 *   not a function, and unknown options. GraphError (`INVALID_ARGUMENT`) for a dtype that is not floating, ys of a rank
 *   below 2 or of unknown rank, an `each` that does not return a symbolic tensor with the samples first, and an unknown
 *   rule of `override`. UnsupportedOpError, from `explain`, if an op between ys and xs has no confirmed gradient rule.
 * @example
 * // The weights of Grad-CAM: the mean gradient of each channel of activations (N, H, W, K), (N, U, K).
 * const weights = graph.batchJacobian(logits, activations, { each: (g) => ops.reduceMean(g, [1, 2]) });
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
      'With a list of `xs`, `each` reduces their gradients, for example `([g, h]) => ops.concat([g, h], -1)`.',
    );
  } else if (each !== undefined) {
    checkFunction(
      'each',
      each,
      'Pass a function of the gradient of one unit, for example `(g) => ops.reduceMean(g, [1, 2])`.',
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
