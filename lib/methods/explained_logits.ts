import type { TensorSpec } from '../graph/layer.js';
import type { AtLeast, MethodArguments } from '../graph/method.js';
import { checkPositions } from '../graph/positions.js';
import type { Symbolic } from '../graph/symbolic.js';
import { gatherUnits } from '../inspection/gather_units.js';

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
  /** The axes of positions: of the activations if `atLeast` is 2 or more, otherwise of the inputs. */
  readonly axes: readonly number[];
}

/**
 * Calls the model on the inputs and gathers the logits of the explained units. This is the first step of every method.
 *
 * @param atLeast the number of outputs that the method needs. With 2 or more, the second output is the activations.
 *   They must have the axes in `spatialAxis`, or any axes of positions if the caller passed no `spatialAxis`.
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
  const axes =
    activations === undefined ? spatialAxis : checkPositions('activations', activations, spatialAxis);
  return {
    logits: explainedUnits(args, outputs[0] as Symbolic),
    outputs: outputs as unknown as AtLeast<N>,
    tensors: given.slice(outputs.length),
    axes,
  };
}

/** Returns the units of the model's first output that `indices` names. Default: the explained units. */
export function explainedUnits(
  args: Pick<Arguments, 'indices' | 'indicesAxis' | 'indicesBatchDims'>,
  output: Symbolic,
  indices = args.indices,
): Symbolic {
  return gatherUnits(output, indices, { axis: args.indicesAxis, batchDims: args.indicesBatchDims });
}
