/** Finds layers by name, by type and by weights. */

import type { LayerInfo, TensorSpec } from '../graph/layer.js';
import { checkOptions, describe, nearNames, wrongType } from '../support/arguments.js';
import { ModelError } from '../support/errors.js';

/** An object with layers: a model, or a view of a model inside of a method. */
export interface Layered {
  readonly layers: readonly LayerInfo[];
  /** @internal Returns the spec of a tensor of the graph, or null. */
  tensorSpec?(name: string): TensorSpec | null;
}

/** @internal Refuses a value without layers. */
export function checkLayered(model: Layered): void {
  const layers = (model as Layered | null | undefined)?.layers;
  if (!Array.isArray(layers)) throw wrongType('model', 'a model from `loadModel`', model);
}

/** @internal {@link LayerName} in an error's words. */
export const LAYER_NAME = "a layer's name or a path of names";

/** A layer's name, or the names from the outermost nested model down to it. */
export type LayerName = string | readonly string[];

/** @internal */
export function isLayerName(name: unknown): name is LayerName {
  if (typeof name === 'string') return true;
  return Array.isArray(name) && name.length > 0 && name.every((part) => typeof part === 'string');
}

const spelled = (path: readonly string[]) =>
  path.length === 1 ? `'${path[0]}'` : `['${path.join("', '")}']`;

/**
 * Returns the layer with this name (as in `model.summary()`) or path through nested models, for example `['resnet50v2',
 * 'avg_pool']` or `'resnet50v2/avg_pool'`. A plain name is searched at the top level first, then inside nested models.
 *
 * @throws ModelError (`NOT_FOUND`): no such layer exists (the message has the nearest names), or several nested models
 *   contain the name (the message has all places).
 */
export function getNestedLayer(model: Layered, name: LayerName): LayerInfo {
  checkLayered(model);
  if (!isLayerName(name)) throw wrongType('name', LAYER_NAME, name);
  const path = typeof name === 'string' ? [name] : name;
  const exact = model.layers.find((layer) => layer.path.join('\0') === path.join('\0'));
  if (exact !== undefined) return exact;
  // The command line shows paths with slashes. A name may contain slashes, too: 'conv1/bn'.
  const shown =
    typeof name === 'string' ? model.layers.find((layer) => layer.path.join('/') === name) : undefined;
  if (shown !== undefined) return shown;

  const nested = model.layers.filter(
    (layer) => layer.path.slice(-path.length).join('\0') === path.join('\0'),
  );
  if (nested.length === 1) return nested[0] as LayerInfo;
  if (nested.length > 1) {
    const places = nested.map((layer) => spelled(layer.path)).join(', ');
    throw new ModelError(
      'NOT_FOUND',
      `The layer ${spelled(path)} is in several nested models: choose one of ${places}.`,
    );
  }

  const near = nearLayers(model, path.at(-1) as string);
  const mend = near.length > 0 ? `Did you mean ${near.join(', ')}?` : listLayers(model);
  const list = path.length > 1 && path.every((part) => model.layers.some((layer) => layer.name === part));
  const hint = list
    ? ` To name several layers, nest them: [${path.map((part) => `['${part}']`).join(', ')}].`
    : '';
  throw new ModelError('NOT_FOUND', `The model has no layer ${spelled(path)}. ${mend}${hint}`);
}

function nearLayers(model: Layered, name: string): string[] {
  const names = nearNames(
    name,
    model.layers.map((layer) => layer.name),
  );
  return names.map((near) => spelled(model.layers.find((layer) => layer.name === near)?.path ?? [near]));
}

function listLayers(model: Layered): string {
  if (model.layers.length === 0) return 'It has no layers that could be told apart.';
  const shown = model.layers.slice(-8).map((layer) => spelled(layer.path));
  const more = model.layers.length - shown.length;
  return `Its ${more > 0 ? `last of ${model.layers.length} ` : ''}layers are ${shown.join(', ')}.`;
}

export interface LayerSearch {
  /** The layer's name or path. If given, the other conditions are ignored. */
  readonly name?: LayerName | null;
  /** The weights that the layer must hold, by the last part of the weight's name: `['kernel']`. */
  readonly properties?: readonly string[] | null;
  /** The Keras classes that the layer may have: `['Conv2D']`. */
  readonly type?: readonly string[] | null;
  /** Search from the last layer to the first. Default true. */
  readonly searchReversed?: boolean;
}

/** The paths of nested models, by the list of layers that the paths were collected from. */
const containers = new WeakMap<readonly LayerInfo[], ReadonlySet<string>>();

/** Whether other layers lie inside of `layer`. */
export function hasLayersInside({ layers }: Layered, layer: LayerInfo): boolean {
  let paths = containers.get(layers);
  if (paths === undefined) {
    paths = new Set(
      layers.flatMap(({ path }) => path.slice(1).map((_, i) => path.slice(0, i + 1).join('\0'))),
    );
    containers.set(layers, paths);
  }
  return paths.has(layer.path.join('\0'));
}

/**
 * Returns the layer's weight whose name ends in `property`, for example 'kernel', or undefined. Keras 3 numbers the
 * weights of the sublayers of a custom layer or a subclassed model: `net/kernel`, `net/kernel_1`.
 */
export function weightOf(layer: LayerInfo, property: string): TensorSpec | undefined {
  const endings = layer.weights.map(({ name }) => name.replace(/:\d+$/, '').split('/').at(-1) ?? '');
  const exact = endings.indexOf(property);
  const found = exact >= 0 ? exact : endings.findIndex((ending) => ending.replace(/_\d+$/, '') === property);
  return layer.weights[found];
}

/** Whether the layer itself holds such a weight. A nested model, which lists the weights of its layers, does not. */
export function holds(model: Layered, layer: LayerInfo, property: string): boolean {
  return weightOf(layer, property) !== undefined && !hasLayersInside(model, layer);
}

/**
 * Returns the last (or first) layer that meets all conditions.
 *
 * @throws TypeError without a condition. ModelError (`NOT_FOUND`) if no layer meets the conditions.
 */
export function findLayerWith(model: Layered, search: LayerSearch): LayerInfo {
  checkLayered(model);
  checkOptions('search', search, ['name', 'properties', 'type', 'searchReversed']);
  const { name = null, properties = null, type = null, searchReversed = true } = search;
  if (name === null && properties === null && type === null) {
    throw wrongType('search', 'at least one of `name`, `properties` and `type`', search);
  }
  if (name !== null) return getNestedLayer(model, name);
  for (const [option, value] of Object.entries({ properties, type })) {
    // A string also has `includes`: `type: 'Conv2D'` would be read as a list of letters and find no layer.
    if (value !== null && !Array.isArray(value)) throw wrongType(option, 'an array of names', value);
  }
  const layers = searchReversed ? [...model.layers].reverse() : model.layers;
  const found = layers.find(
    (layer) =>
      (type === null || type.includes(layer.type)) &&
      (properties === null || properties.every((property) => holds(model, layer, property))),
  );
  if (found !== undefined) return found;
  const wanted = [
    properties === null ? '' : `with ${properties.map((property) => `a \`${property}\``).join(' and ')}`,
    type === null ? '' : `of type ${type.join(' or ')}`,
  ];
  throw noLayer(model, wanted.filter(Boolean).join(' '));
}

/** Returns the error for a missing layer. `wanted` describes the layer: "of type Flatten". */
export function noLayer(model: Layered, wanted: string): ModelError {
  return new ModelError(
    'NOT_FOUND',
    `The model has no layer ${wanted}. Name the layer. ${listLayers(model)}`,
  );
}

/**
 * @internal Returns the layer at a position among the layers that are not nested, in the order of `model.summary()`. A
 * negative position counts from the end.
 */
export function layerAt(model: Layered, index: number): LayerInfo {
  const layers = model.layers.filter(({ path }) => path.length === 1);
  const layer = Number.isInteger(index) ? layers.at(index) : undefined;
  if (layer === undefined) {
    throw new ModelError(
      'NOT_FOUND',
      `The model has no layer ${describe(index)}: it has ${layers.length} that are not nested, counted from 0 or, ` +
        'from the end, from -1.',
    );
  }
  return layer;
}
