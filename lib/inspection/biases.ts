import type { LayerInfo } from '../graph/layer.js';
import type { BiasTerm } from '../graph/method.js';
import { reshape } from '../graph/ops/array.js';
import type { Symbolic } from '../graph/symbolic.js';
import { Model } from '../model/model.js';
import { evaluate } from '../model/weight_values.js';
import { checkOptions, wrongType } from '../support/arguments.js';
import { ModelError } from '../support/errors.js';
import { Pace } from '../support/pace.js';
import type { Tensor } from '../tensor/tensor.js';
import { readBiasTerms } from './bias_terms.js';
import { getNestedLayer, hasLayersInside, type LayerName } from './layers.js';

export interface LayersWithBiasesOptions {
  /** The layers to leave out, as layers or as names. Default: none. */
  readonly exclude?: readonly (LayerInfo | LayerName)[];
}

export interface BiasesResult {
  readonly layers: readonly LayerInfo[];
  /** The bias of each of `layers`, (C). */
  readonly biases: readonly Tensor[];
}

/**
 * Returns the layers of `model` that add a bias, and the biases, in the order of computation. Layers inside nested
 * models are included; the nested models themselves are not. `methods.gradient.fullGradients` takes the result as
 * `biases` if the model is exposed at these layers.
 *
 * @throws ModelError (`NOT_FOUND`) for a name in `exclude` that does not exist.
 */
export async function layersWithBiases(
  model: Model,
  options: LayersWithBiasesOptions = {},
): Promise<BiasesResult> {
  if (!(model instanceof Model)) throw wrongType('model', 'a model from `loadModel`', model);
  model.checkOpen();
  checkOptions('options', options, ['exclude']);
  const { exclude = [] } = options;
  if (!Array.isArray(exclude)) throw wrongType('exclude', 'an array of layers or their names', exclude);
  const left = exclude.map((each) => (isName(each) ? getNestedLayer(model, each) : each));
  const layers: LayerInfo[] = [];
  const terms: BiasTerm[] = [];
  const pace = new Pace();
  for (const layer of model.layers) {
    if (pace.due) await pace.rest();
    if (left.includes(layer) || hasLayersInside(model, layer)) continue;
    const term = biasOf(model, layer);
    if (term === undefined) continue;
    layers.push(layer);
    terms.push(term);
  }
  return { layers, biases: await evaluateTerms(model, layers, terms) };
}

/**
 * Returns the bias of each layer, (C). Dense layers and convolutions: the bias. Batch normalisation:
 * β - mean · γ / √(variance + ε) with the layer's own ε. Layer normalisation: β. If a layer adds several biases, the
 * bias next to the layer's output is returned.
 *
 * @throws ModelError (`NOT_FOUND`) for a layer without a bias.
 */
export async function biases(model: Model, layers: readonly LayerInfo[]): Promise<readonly Tensor[]> {
  if (!(model instanceof Model)) throw wrongType('model', 'a model from `loadModel`', model);
  if (!Array.isArray(layers)) throw wrongType('layers', 'an array of layers of this model', layers);
  model.checkOpen();
  const terms = (layers as readonly LayerInfo[]).map((layer, i) => {
    if (!model.layers.includes(layer)) {
      throw wrongType(`layers[${i}]`, 'a layer of this model', layer, 'Take it from `model.layers`.');
    }
    const term = biasOf(model, layer);
    if (term !== undefined) return term;
    throw new ModelError('NOT_FOUND', `The layer '${layer.path.join('/')}' (${layer.type}) adds no bias.`);
  });
  return evaluateTerms(model, layers, terms);
}

/** Computes the values of `terms`. `terms[i]` belongs to `layers[i]`. */
function evaluateTerms(
  model: Model,
  layers: readonly LayerInfo[],
  terms: readonly BiasTerm[],
): Promise<readonly Tensor[]> {
  return evaluate(
    model,
    terms.flatMap(({ operands }) => operands),
    (values) => {
      const left = [...values];
      return terms.map(({ operands, value }, i) =>
        asChannels(value(left.splice(0, operands.length)), layers[i] as LayerInfo),
      );
    },
  );
}

/**
 * Reshapes a bias with one element per channel of the layer's output to (C). The bias of a group normalisation is
 * (1, 1, 1, groups, C / groups), and that of a layer normalisation (1, 1, 1, C). Other biases are returned unchanged.
 */
function asChannels(bias: Symbolic, layer: LayerInfo): Symbolic {
  const shape = bias.shape ?? [];
  const size = shape.reduce<number>((product, each) => product * (each ?? 0), 1);
  const channels = layer.output.at(-1)?.shape?.at(-1);
  // A bias of channels-first data, (C, 1, 1), is returned unchanged.
  return size === channels && shape.at(-1) !== 1 && shape.length > 1 ? reshape(bias, [-1]) : bias;
}

function isName(value: LayerInfo | LayerName): value is LayerName {
  return typeof value === 'string' || Array.isArray(value);
}

/** Returns the bias next to the output of the layer's last call. */
function biasOf(model: Model, layer: LayerInfo): BiasTerm | undefined {
  const call = layer.calls.at(-1);
  const names = (specs: readonly { readonly name: string }[] = []) => specs.map(({ name }) => name);
  return readBiasTerms(model.core.native, names(call?.outputs), names(call?.inputs)).at(-1);
}
