import { type ExposeOptions, expose, outputActivation } from '../../../inspection/index.js';
import type { Model } from '../../../model/model.js';
import { UsageError } from '../failure.js';
import { shapeText } from '../pictures/target.js';
import type { NamedMethod } from './vocabulary.js';

/** How a final softmax or sigmoid is explained, as in `inspection.expose`. */
export type Activation = NonNullable<ExposeOptions['activation']>;

/**
 * Returns the model, or a view of the model that also has the activations of `layer`. With 'linear', the view begins
 * with what enters a final softmax or sigmoid.
 */
export function explainedModel(
  model: Model,
  { needsActivations }: NamedMethod,
  layer: string | undefined,
  activation: Activation,
): Model {
  if (!needsActivations) {
    const isLinear = activation === 'keep' || outputActivation(model) === null;
    return isLinear ? model : expose(model, [], { activation });
  }
  if (layer === undefined) return expose(model, null, { activation });
  let exposed: Model;
  try {
    exposed = expose(model, layer, { activation });
  } catch (error) {
    throw new UsageError(`--layer: ${(error as Error).message}`, { cause: error });
  }
  const shape = exposed.outputs.at(1)?.shape ?? null;
  if (shape !== null && shape.length !== 4) {
    throw new UsageError(
      `--layer: expected a layer whose output has positions, (N, height, width, channels), but that of '${layer}' is ` +
        `${shapeText(shape)}.`,
    );
  }
  return exposed;
}
