/** Keras' `MultiHeadAttention` and `GroupQueryAttention`. Their projections are `EinsumDense` sublayers. */
import { constant } from '../../graph/operand.js';
import { exp, multiply, subtract } from '../../graph/ops/arithmetic.js';
import { expandDims, zerosLike } from '../../graph/ops/array.js';
import { where } from '../../graph/ops/comparison.js';
import { gather } from '../../graph/ops/indexing.js';
import { einsum } from '../../graph/ops/math.js';
import { softmax } from '../../graph/ops/nn.js';
import { reduceLogsumexp } from '../../graph/ops/reduction.js';
import { Symbolic } from '../../graph/symbolic.js';
import type { Config, JsonObject } from '../config.js';
import type { Argument, BuiltLayer, LayerCall, LayerKind, LayerParts, SublayerSpec } from '../layer_kind.js';
import { addedMask, allOf, causalMask, raised, replacedByMask, slidingWindow } from './attention_masks.js';
import { axesOf } from './options.js';

/** Returns a projection of the last axes, in a rank-independent equation: `from` are summed over, `to` are new. */
function projection(
  config: Config,
  attribute: string,
  name: string,
  from: string,
  to: string,
  more: JsonObject = {},
): SublayerSpec {
  const bias: JsonObject = config.boolean('use_bias', true) ? { bias_axes: to } : {};
  const dtype: JsonObject = config.has('dtype') ? { dtype: config.get('dtype') ?? null } : {};
  const layer: JsonObject = {
    class_name: 'EinsumDense',
    module: 'keras.layers',
    config: { name, equation: `...${from},${from}${to}->...${to}`, ...dtype, ...bias, ...more },
  };
  return { attribute, layer };
}

/** Returns the projections in the order in which Keras makes them. */
function projections(outputAxes: (config: Config) => string) {
  return (config: Config): readonly SublayerSpec[] => [
    projection(config, 'query_dense', 'query', 'a', 'bc'),
    projection(config, 'key_dense', 'key', 'a', 'bc'),
    ...(config.boolean('use_gate', false)
      ? [projection(config, 'gate_dense', 'gate', 'a', 'bc', { activation: 'sigmoid' })]
      : []),
    projection(config, 'value_dense', 'value', 'a', 'bc'),
    projection(config, 'output_dense', 'attention_output', 'ab', outputAxes(config)),
  ];
}

/** Returns letters for the axes of the output: one, or those of `output_shape`. */
function outputAxes(config: Config): string {
  const shape = config.get('output_shape');
  return 'cdefgh'.slice(0, Array.isArray(shape) ? shape.length : 1);
}

/** The tensors of a call by the names of the arguments. Positional arguments have the order of `names`. */
function tensorOf({ args, kwargs }: LayerCall, name: string, names: readonly string[]): Symbolic | null {
  const value: Argument | undefined = kwargs[name] ?? args[names.indexOf(name)];
  return value instanceof Symbolic ? value : null;
}

const NAMES = ['query', 'value', 'key', 'query_mask', 'value_mask', 'key_mask', 'attention_mask'] as const;
// In Keras 2, the mask follows the key.
const NAMES_2 = ['query', 'value', 'key', 'attention_mask'] as const;

interface Operands {
  readonly query: Symbolic;
  readonly value: Symbolic;
  readonly key: Symbolic;
  /** bool (N, T, S), or null. */
  readonly mask: Symbolic | null;
}

/** Returns the tensors of a call and the joined mask: those of query, value and key, and the argument. */
function operandsOf(call: LayerCall, { config, kerasVersion }: LayerParts): Operands {
  const names = kerasVersion < 3 ? NAMES_2 : NAMES;
  const tensor = (name: string) => tensorOf(call, name, names);
  const query = tensor('query');
  const value = tensor('value');
  if (query === null || value === null) return config.refuse('its call has no `query` and `value`');
  const ownKey = tensor('key');
  const key = ownKey ?? value;
  const maskOf = (name: string, of: Symbolic | null) =>
    tensor(`${name}_mask`) ?? (of === null ? null : (call.maskOf?.(of) ?? null));
  const queryMask = maskOf('query', query);
  const valueMask = maskOf('value', value);
  const keyMask = maskOf('key', ownKey);
  const mask = allOf([
    queryMask && expandDims(queryMask, -1),
    valueMask && expandDims(valueMask, -2),
    keyMask && expandDims(keyMask, -2),
    call.kwargs.use_causal_mask === true ? causalMask(query, value) : null,
    config.has('sliding_window') ? slidingWindow(query, value, config.integer('sliding_window')) : null,
    tensor('attention_mask'),
  ]);
  return { query, value, key, mask };
}

const called = (layer: BuiltLayer | undefined, x: Symbolic): Symbolic => {
  const result = (layer as BuiltLayer).call([x], { args: [x], kwargs: {}, masks: [null] });
  return result instanceof Symbolic ? result : (result[0] as Symbolic);
};

/** The equations of scores and of their sums, and the number of axes that attend. */
interface Equations {
  readonly scores: string;
  readonly sums: string;
  readonly axes: number;
}

/** Returns Keras' equations for projected tensors of `rank` axes, of which `axes` attend. */
function equationsFor(rank: number, axes: readonly number[]): Equations {
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  const query = [...letters.slice(0, rank)];
  let next = rank;
  const isFree = (i: number) => i === rank - 1 || !axes.includes(i);
  const source = query.map((letter, i) => (isFree(i) ? letter : (letters[next++] as string)));
  const batch = query.filter((_, i) => isFree(i) && i !== rank - 1);
  const scores = [...batch, ...axes.map((i) => query[i]), ...axes.map((i) => source[i])].join('');
  return {
    scores: `${source.join('')},${query.join('')}->${scores}`,
    sums: `${scores},${source.join('')}->${query.join('')}`,
    axes: axes.length,
  };
}

/** The least float32 that Keras 3's `dot_product_attention` sets masked logits to. */
const LEAST = -0.7 * 3.4028234663852886e38;

/** Returns the weights of all positions: a softmax over the attended axes. Masked weights are 0. */
function weightsOf(
  logits: Symbolic,
  mask: Symbolic | null,
  axes: number,
  parts: LayerParts,
  fused: boolean,
): Symbolic {
  const expanded = mask === null ? null : raised(mask, logits, axes * 2);
  if (fused) return softmax(replacedByMask(logits, expanded, logits.dtype === 'float16' ? -3e4 : LEAST));
  const isNew = parts.kerasVersion >= 3;
  const least = logits.dtype === 'float16' ? -3e4 : -1e9;
  const kept = isNew ? replacedByMask(logits, expanded, least) : addedMask(logits, expanded);
  const over = Array.from({ length: axes }, (_, i) => i - axes);
  const weights =
    axes === 1 ? softmax(kept) : exp(subtract(kept, reduceLogsumexp(kept, over, { keepdims: true })));
  return isNew && expanded !== null ? where(expanded, weights, zerosLike(weights)) : weights;
}

/** The maximum number of heads of a query. */
const MOST_HEADS = 4096;

/** Returns x (N, T, groups, F) with each group `count` times, side by side. */
function repeatedGroups(x: Symbolic, count: number, config: Config): Symbolic {
  const groups = x.shape?.[2] ?? 0;
  // A damaged file may ask for any number of heads.
  if (groups * count > MOST_HEADS) config.refuse(`it has more than ${MOST_HEADS} heads`);
  const places = Array.from({ length: groups * count }, (_, i) => Math.floor(i / count));
  return count === 1 ? x : gather(x, constant(places, 'int32'), { axis: 2 });
}

/** Returns the axes of (N, ..., F) that attend: those between samples and features, unless the config names axes. */
function attendedAxes(config: Config, rank: number): number[] {
  if (!config.has('attention_axes')) return Array.from({ length: rank - 3 }, (_, i) => i + 1);
  return axesOf(config, 'attention_axes', 1).map((axis) => (axis < 0 ? axis + rank - 1 : axis));
}

/** Returns the layer as a function: projections, weights of all positions, weighted sums, projection. */
function attend(parts: LayerParts, size: number, repeats: number) {
  const { config, sublayers, kerasVersion } = parts;
  return (_: readonly Symbolic[], call: LayerCall): Symbolic | readonly Symbolic[] => {
    const operands = operandsOf(call, parts);
    const returnsWeights = call.kwargs.return_attention_scores === true;
    const query = called(sublayers.query_dense, operands.query);
    const key = repeatedGroups(called(sublayers.key_dense, operands.key), repeats, config);
    const value = repeatedGroups(called(sublayers.value_dense, operands.value), repeats, config);
    const { rank } = value;
    const equations = equationsFor(rank, attendedAxes(config, rank));
    // Where Keras 3 returns no weights, it calls its own attention function, which masks with another number.
    const fused =
      kerasVersion >= 3 && !returnsWeights && query.rank === 4 && config.number('dropout', 0) === 0;
    const scaled = multiply(query, 1 / Math.sqrt(size));
    const logits = einsum(equations.scores, key, scaled);
    const weights = weightsOf(logits, operands.mask, equations.axes, parts, fused);
    const sums = einsum(equations.sums, weights, value);
    const gate = sublayers.gate_dense;
    const gated = gate === undefined ? sums : multiply(sums, called(gate, operands.query));
    const output = called(sublayers.output_dense, gated);
    return returnsWeights ? [output, weights] : output;
  };
}

/** Keras' `MultiHeadAttention`. */
const multiHeadAttention: LayerKind = {
  names: ['MultiHeadAttention'],
  sublayers: projections(outputAxes),
  build: (parts) => attend(parts, parts.config.integer('key_dim'), 1),
  mask: 'pass',
};

/** Keras 3's `GroupQueryAttention`: several heads of the query share a head of key and value. */
const groupedQueryAttention: LayerKind = {
  names: ['GroupedQueryAttention', 'GroupQueryAttention'],
  sublayers: projections(() => 'c'),
  build(parts) {
    const { config } = parts;
    const heads = config.integer('num_query_heads');
    const groups = config.integer('num_key_value_heads');
    if (groups < 1 || heads % groups !== 0)
      config.fail('num_key_value_heads', 'a divisor of `num_query_heads`');
    return attend(parts, config.integer('head_dim'), heads / groups);
  },
  mask: 'pass',
};

export const MULTI_HEAD_ATTENTION_LAYERS: readonly LayerKind[] = [multiHeadAttention, groupedQueryAttention];
