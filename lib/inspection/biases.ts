import { wrongType } from '../arguments.js';
import { ModelError } from '../errors.js';
import type { LayerInfo } from '../graph/layer.js';
import { evaluate } from '../model/evaluate.js';
import { Model } from '../model/model.js';
import { Pace } from '../pace.js';
import type { Tensor } from '../tensor.js';
import { readBiasTerms } from './bias_terms.js';
import { getNestedLayer, hasLayersInside, type LayerName } from './layers.js';

export interface LayersWithBiasesOptions {
  /** Layers to leave out, themselves or by name. Default: none. */
  readonly exclude?: readonly (LayerInfo | LayerName)[];
}

export interface BiasesResult {
  readonly layers: readonly LayerInfo[];
  /** The bias of each of `layers`, (C). */
  readonly biases: readonly Tensor[];
}

/**
 * The layers of `model` that add a bias, nested ones too and nested models not, in the order of their computation, and
 * their biases: what `methods.gradient.fullGradients` takes as `biases`, with the model exposed at these layers.
 *
 * @throws ModelError (`NOT_FOUND`) for a name in `exclude` that does not exist.
 */
export async function layersWithBiases(
  model: Model,
  { exclude = [] }: LayersWithBiasesOptions = {},
): Promise<BiasesResult> {
  if (!(model instanceof Model)) throw wrongType('model', 'a model from `loadModel`', model);
  if (!Array.isArray(exclude)) throw wrongType('exclude', 'an array of layers or their names', exclude);
  const left = exclude.map((each) => (isName(each) ? getNestedLayer(model, each) : each));
  const layers: LayerInfo[] = [];
  const pace = new Pace();
  for (const layer of model.layers) {
    if (pace.due) await pace.rest();
    if (left.includes(layer) || hasLayersInside(model, layer)) continue;
    if (termsIn(model, layer).length > 0) layers.push(layer);
  }
  return { layers, biases: await biases(model, layers) };
}

/**
 * The bias of each layer, (C): of dense layers and convolutions theirs, of a batch normalisation
 * β - mean · γ / √(variance + ε) with its own ε, of a layer normalisation β. Of a layer that adds several, the one next
 * to its output.
 *
 * @throws ModelError (`NOT_FOUND`) for a layer without a bias.
 */
export async function biases(model: Model, layers: readonly LayerInfo[]): Promise<readonly Tensor[]> {
  if (!(model instanceof Model)) throw wrongType('model', 'a model from `loadModel`', model);
  if (!Array.isArray(layers)) throw wrongType('layers', 'an array of layers of this model', layers);
  const terms = layers.map((layer) => {
    const term = termsIn(model, layer).at(-1);
    if (term !== undefined) return term;
    throw new ModelError('NOT_FOUND', `The layer '${layer.path.join('/')}' (${layer.type}) adds no bias.`);
  });
  return evaluate(
    model,
    terms.flatMap(({ operands }) => operands),
    (values) => {
      const left = [...values];
      return terms.map(({ operands, value }) => value(left.splice(0, operands.length)));
    },
  );
}

function isName(value: LayerInfo | LayerName): value is LayerName {
  return typeof value === 'string' || Array.isArray(value);
}

function termsIn(model: Model, layer: LayerInfo) {
  const call = layer.calls.at(-1);
  const names = (specs: readonly { readonly name: string }[] = []) => specs.map(({ name }) => name);
  return readBiasTerms(model.core.native, names(call?.outputs), names(call?.inputs));
}
