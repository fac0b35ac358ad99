/** Finds the activations that explain a model by default: the last tensor whose positions can be told apart. */
import type { LayerInfo, TensorSpec } from '../graph/layer.js';
import { type Connected, hasPositions, lastComputed, namesOf, outputsOf } from './connected.js';
import { logitsOf } from './head.js';
import { checkLayered, getNestedLayer, type LayerName, noLayer } from './layers.js';
import { POOLING_LAYERS } from './pooling_layers.js';

/** The activations that {@link activationsOf} finds. */
export interface Activations {
  readonly tensor: TensorSpec;
  /** Whether no pooling layer gathers the positions of `tensor`, so that other activations may have been meant. */
  readonly isGuess: boolean;
}

/**
 * Returns the layer `name`, or by default the last global pooling (or Flatten) layer that the logits depend on. A layer
 * with a single position (a Flatten of 1 x 1) is skipped if another one exists. If the logits layer is a convolution
 * with one map per unit, the pooling after the convolution is returned.
 *
 * @throws ModelError (`NOT_FOUND`) if no such layer exists.
 */
export function getGlobalPoolingLayer(model: Connected, name: LayerName | null = null): LayerInfo {
  if (name !== null) return getNestedLayer(model, name);
  checkLayered(model);
  const poolings = poolingsOf(model, namesOf([logitsOf(model)]), []);
  const gathering = poolings.filter(({ input }) => input.some(({ shape }) => hasPositions(shape)));
  const found = lastComputed(model, gathering.length > 0 ? gathering : poolings);
  if (found === undefined) throw noPooling(model);
  return found;
}

/**
 * @internal Returns the activations that explain `logits`: the input of the last global pooling or Flatten. If this
 * input has a single position, or if no layer pools, the last tensor with several positions is returned. Without a
 * pooling, only a tensor with the rank of the input counts, because tokens of a transformer have no place.
 *
 * @param logits the names of the explained tensors.
 * @param input the tensor of the explained input. If `isNamed` is false, the branch of the input is only preferred.
 * @throws ModelError (`NOT_FOUND`) if no tensor qualifies.
 */
export function activationsOf(
  model: Connected,
  logits: readonly string[],
  input: TensorSpec,
  isNamed: boolean,
): Activations {
  const following = poolingsOf(model, logits, [input.name]);
  const poolings = following.length > 0 || isNamed ? following : poolingsOf(model, logits, []);
  const pooling = lastComputed(model, poolings);
  const [pooled] = pooling?.input ?? [];
  if (pooled !== undefined && hasPositions(pooled.shape)) return { tensor: pooled, isGuess: false };
  const last = lastWithPositions(model, pooled === undefined ? logits : [pooled.name]);
  const fits = last !== null && model.dependsOn([last.name], [input.name]) && last.name !== input.name;
  const rank = last?.shape?.length ?? 0;
  if (last === null || !fits || (pooled === undefined && (rank < 4 || rank !== input.shape?.length))) {
    throw noPooling(model, isNamed ? input : undefined);
  }
  return { tensor: last, isGuess: !poolings.some((layer) => namesOf(layer.input).includes(last.name)) };
}

/** Returns the pooling layers between the tensors `from` (empty: any) and the tensors `logits`. */
function poolingsOf(
  model: Connected,
  logits: readonly string[],
  from: readonly string[],
): readonly LayerInfo[] {
  return model.layers.filter(
    (layer) =>
      POOLING_LAYERS.includes(layer.type) &&
      model.dependsOn(logits, outputsOf(layer)) &&
      (from.length === 0 || model.dependsOn(outputsOf(layer), from)),
  );
}

function lastWithPositions(model: Connected, before: readonly string[]): TensorSpec | null {
  const [end] = before;
  const name = end === undefined ? null : model.lastWithPositions(end);
  return name === null ? null : model.tensorSpec(name);
}

function noPooling(model: Connected, input?: TensorSpec): Error {
  const where = input === undefined ? '' : ` that depends on the explained input`;
  return noLayer(model, `of type ${POOLING_LAYERS.join(' or ')} before its logits${where}`);
}
