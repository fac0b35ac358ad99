import type { TensorSpec } from '../graph/layer.js';
import { activationsLayout, inputLayout, type Layout } from '../graph/layout.js';
import type { AtLeast, MethodArguments } from '../graph/method.js';
import type { Symbolic } from '../graph/symbolic.js';
import { gatherUnits } from '../inspection/gather_units.js';
import { GraphError } from '../support/errors.js';

type Arguments = Pick<
  MethodArguments,
  'model' | 'inputs' | 'indices' | 'indicesAxis' | 'indicesBatchDims' | 'spatialAxis'
>;

export interface ExplainedLogits<N extends number> {
  /** The logits of the explained units, (N, U). */
  readonly logits: Symbolic;
  /** The model's own outputs, at least `atLeast` of them. */
  readonly outputs: AtLeast<N>;
  /** The values of the requested tensors. */
  readonly tensors: readonly Symbolic[];
  /** The axes of the activations if `atLeast` is 2 or more, otherwise of the inputs. */
  readonly layout: Layout;
}

/**
 * Calls the model on the inputs and gathers the logits of the explained units. This is the first step of every method.
 *
 * @param atLeast the number of outputs that the method needs. With 2 or more, the second output is the activations.
 *   Their axes of positions are those of `spatialAxis`, or those of their rank if the caller passed none.
 * @param tensors further tensors of the model's layers, or weights.
 * @throws GraphError if the model has fewer outputs, or if the activations have other axes of positions.
 */
export function explainedLogits<N extends number = 1>(
  args: Arguments,
  atLeast?: N,
  tensors: readonly TensorSpec[] = [],
): ExplainedLogits<N> {
  const { model, inputs, spatialAxis } = args;
  const called = tensors.length === 0 ? model : model.withTensors(tensors);
  const given: readonly Symbolic[] = called(inputs, atLeast);
  const outputs = given.slice(0, given.length - tensors.length);
  const activations = (atLeast ?? 1) > 1 ? (outputs[1] as Symbolic) : undefined;
  const layout =
    activations === undefined
      ? inputLayout(inputs, spatialAxis)
      : activationsLayout(activations, inputs, spatialAxis);
  return {
    logits: explainedUnits(args, outputs[0] as Symbolic),
    outputs: outputs as unknown as AtLeast<N>,
    tensors: given.slice(outputs.length),
    layout,
  };
}

/**
 * Returns the units of the model's first output that `indices` names, (N, U). Default: the explained units.
 *
 * @throws GraphError (`INVALID_ARGUMENT`) for a scalar output, and for an output of several axes without `indices`,
 *   which may have millions of units.
 */
export function explainedUnits(
  args: Pick<Arguments, 'indices' | 'indicesAxis' | 'indicesBatchDims'>,
  output: Symbolic,
  indices = args.indices,
): Symbolic {
  if (indices === undefined && (output.shape?.length ?? 2) > 2) {
    const axes = output.rank - 1;
    const tuple = Array(axes).fill(0).join(', ');
    throw new GraphError(
      'INVALID_ARGUMENT',
      `The explained output ${output} has ${axes} axes of units. Name the units in \`y\`, with an index for each axis: ` +
        `[[[${tuple}]]] for one sample.`,
    );
  }
  return gatherUnits(output, indices, { axis: args.indicesAxis, batchDims: args.indicesBatchDims });
}
