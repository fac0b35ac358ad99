/** Keras' attention layers. */
import { op } from '../../graph/operand.js';
import { add, multiply, tanh } from '../../graph/ops/arithmetic.js';
import { cast, expandDims } from '../../graph/ops/array.js';
import { matmul } from '../../graph/ops/math.js';
import { softmax } from '../../graph/ops/nn.js';
import { reduceSum } from '../../graph/ops/reduction.js';
import { Symbolic } from '../../graph/symbolic.js';
import type { Config } from '../config.js';
import type { LayerCall, LayerKind, LayerParts, VariableSpec } from '../layer_kind.js';
import { addedMask, allOf, causalMask, masked } from './attention_masks.js';
import { MULTI_HEAD_ATTENTION_LAYERS } from './multi_head_attention.js';
import { weightOf } from './options.js';

/** Whether a call has a true argument of this name. */
export const flag = (call: LayerCall, name: string): boolean => call.kwargs[name] === true;

/** Returns the masks of query and value: the argument `mask`, or the masks of the inputs. */
function masksOf({ kwargs, masks }: LayerCall): (Symbolic | null)[] {
  const given = Array.isArray(kwargs.mask) ? kwargs.mask : masks;
  return [0, 1].map((i) => (given[i] instanceof Symbolic ? (given[i] as Symbolic) : null));
}

type Scores = (query: Symbolic, key: Symbolic) => Symbolic;

/** Returns query (N, T, 1, F) + key (N, 1, S, F). */
const sums = (query: Symbolic, key: Symbolic) => add(expandDims(query, -2), expandDims(key, -3));

/** Returns an attention layer with a function of scores (N, T, S). */
function build(parts: LayerParts, scores: Scores) {
  const { config, dtype } = parts;
  // An option of the layer until TensorFlow 2.10, an argument of the call since.
  const causal = config.boolean('causal', false);
  return (inputs: readonly Symbolic[], call: LayerCall): Symbolic | readonly Symbolic[] => {
    const [query, value, key = value] = inputs.map((input) => cast(input, dtype)) as [
      Symbolic,
      Symbolic,
      Symbolic?,
    ];
    if (value === undefined || inputs.length > 3) {
      config.refuse(
        `it is called on ${inputs.length} inputs instead of [query, value] or [query, value, key]`,
      );
    }
    const [queryMask = null, valueMask = null] = masksOf(call);
    const rows = valueMask === null ? null : expandDims(valueMask, -2);
    const steps = causal || flag(call, 'use_causal_mask') ? causalMask(query, value) : null;
    const weights = softmax(addedMask(scores(query, key as Symbolic), allOf([rows, steps])));
    const output = masked(matmul(weights, value), queryMask);
    return flag(call, 'return_attention_scores') ? [output, weights] : output;
  };
}

const queryMaskOf = (_: LayerParts, __: readonly Symbolic[], call: LayerCall) => [masksOf(call)[0] ?? null];

const isConcat = (config: Config) => config.oneOf('score_mode', ['dot', 'concat'], 'dot') === 'concat';

/** Keras' `Attention` (Luong): scores are query · key, or a sum of tangents for the mode 'concat'. */
const attention: LayerKind = {
  names: ['Attention'],
  variables(config) {
    const names: VariableSpec[] = config.boolean('use_scale', false) ? [{ name: 'scale' }] : [];
    return isConcat(config) ? [...names, { name: 'concat_score_weight' }] : names;
  },
  build(parts) {
    const scale = parts.config.boolean('use_scale', false) ? weightOf(parts, 'scale', 0) : null;
    const scaled = (x: Symbolic) => (scale === null ? x : multiply(x, scale));
    if (!isConcat(parts.config)) {
      return build(parts, (query, key) => scaled(matmul(query, key, { transposeB: true })));
    }
    const weight = weightOf(parts, 'concat_score_weight', 0);
    return build(parts, (query, key) => multiply(weight, reduceSum(tanh(scaled(sums(query, key))), -1)));
  },
  mask: queryMaskOf,
};

/** Keras' `AdditiveAttention` (Bahdanau): scores are Σ scale · tanh(query + key). */
const additiveAttention: LayerKind = {
  names: ['AdditiveAttention'],
  variables: (config) => (config.boolean('use_scale', true) ? [{ name: 'scale' }] : []),
  build(parts) {
    const scale = parts.config.boolean('use_scale', true) ? weightOf(parts, 'scale', 1) : null;
    return build(parts, (query, key) => {
      const values = op('Tanh', [sums(query, key)]);
      return reduceSum(scale === null ? values : multiply(scale, values), -1);
    });
  },
  mask: queryMaskOf,
};

export const ATTENTION_LAYERS: readonly LayerKind[] = [
  attention,
  additiveAttention,
  ...MULTI_HEAD_ATTENTION_LAYERS,
];
