import { expose } from '../../../inspection/index.js';
import type { Model } from '../../../model/model.js';
import { UsageError } from '../failure.js';
import { shapeText } from '../pictures/target.js';
import type { NamedMethod } from './vocabulary.js';

/** Returns the model, or a view of the model that also has the activations of `layer`. */
export function explainedModel(
  model: Model,
  { needsActivations }: NamedMethod,
  layer: string | undefined,
): Model {
  if (!needsActivations) return model;
  if (layer === undefined) return expose(model);
  let exposed: Model;
  try {
    exposed = expose(model, layer.includes('/') ? layer.split('/') : layer);
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
