import { Model } from '../model/model.js';
import { wrongType } from '../support/arguments.js';
import { type Endpoint, endpoints } from './endpoints.js';
import { getGlobalPoolingLayer, logitsOf } from './head.js';

/**
 * One place or several places. An array of strings is one path through nested models; `[['a'], ['b']]` is two layers.
 */
export type Endpoints = Endpoint | readonly Endpoint[];

/**
 * Returns a view of `model` whose outputs are `[...outputs, ...args]`: the logits, and the signals that explain them.
 * CAM methods need such a view. The view shares the model's weights. Closing the view closes the model, and closing the
 * model closes the view.
 *
 * @param model the model to look into.
 * @param args the signals, as {@link Endpoint}s. Default: the input of the last global pooling (or Flatten) layer
 *   before the logits.
 * @param outputs the explained outputs. Default: the output of the last layer that holds a kernel and on which the
 *   model's first output depends. After a convolution, the Reshape, Flatten or global pooling that follows the layer is
 *   included. A softmax that is fused into the layer is part of the layer's output, as in Keras. To explain logits,
 *   save the model with `classifier_activation=None`.
 * @throws ModelError (`NOT_FOUND`) for a layer that does not exist, with the nearest names.
 */
export function expose(model: Model, args?: Endpoints | null, outputs?: Endpoints | null): Model {
  if (!(model instanceof Model)) throw wrongType('model', 'a model from `loadModel`', model);
  const targets = outputs ? endpoints(model, listOf(outputs)) : logitsOf(model);
  const signals = endpoints(model, listOf(args ?? { layer: getGlobalPoolingLayer(model), link: 'input' }));
  return model.withOutputs([...targets, ...signals]);
}

function listOf(places: Endpoints): readonly Endpoint[] {
  if (!Array.isArray(places)) return [places as Endpoint];
  const isPath = places.length > 0 && places.every((place) => typeof place === 'string');
  return isPath ? [places as readonly string[]] : (places as readonly Endpoint[]);
}
