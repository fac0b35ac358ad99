/** Keras' core layers. */

import { op } from '../../graph/operand.js';
import { add, divide, multiply, tanh } from '../../graph/ops/arithmetic.js';
import { cast, zerosLike } from '../../graph/ops/array.js';
import { notEqual, where } from '../../graph/ops/comparison.js';
import { gather } from '../../graph/ops/indexing.js';
import { einsum, matmul } from '../../graph/ops/math.js';
import { reduceAny } from '../../graph/ops/reduction.js';
import type { Symbolic } from '../../graph/symbolic.js';
import { isFloating } from '../../tensor/dtype.js';
import { type Config, isObject } from '../config.js';
import type { LayerKind, LayerParts, VariableSpec } from '../layer_kind.js';
import { activationOf } from './activation_functions.js';
import {
  KERAS_1_NAMES,
  ofOneInput,
  passSinceKeras3,
  passThrough,
  weightOf,
  withCurrentNames,
} from './options.js';
import { reshapeTo, sizesOf } from './sizes.js';

/** Refuses a layer whose weights Keras stores as small integers with scales. */
function refuseQuantised(config: Config): void {
  const dtype = config.get('dtype');
  const policy = isObject(dtype) ? dtype.class_name : dtype;
  const isQuantised = typeof policy === 'string' && /^Quantized|_from_/.test(policy);
  if (isQuantised || config.has('quantization_config')) {
    config.refuse('its weights are quantised', 'Save the model before `quantize()` is called.');
  }
}

const withBias = (names: readonly string[], useBias: boolean): VariableSpec[] =>
  [...names, ...(useBias ? ['bias'] : [])].map((name) => ({ name }));

const usesBias = (config: Config): boolean =>
  withCurrentNames(config, KERAS_1_NAMES).boolean('use_bias', true);

/** Returns x in the layer's compute dtype if x has integers or booleans. */
const inFloats = (x: Symbolic, { dtype }: LayerParts): Symbolic => (isFloating(x.dtype) ? x : cast(x, dtype));

/**
 * Keras' `Dense`: activation(x @ kernel + bias) over the last axis. One product of matrices for any rank, which
 * TensorFlow fuses with the bias and the activation.
 */
const dense: LayerKind = {
  names: ['Dense', 'TimeDistributedDense'],
  variables: (config) => withBias(['kernel'], usesBias(config)),
  build(parts) {
    refuseQuantised(parts.config);
    const activation = activationOf(parts);
    const kernel = weightOf(parts, 'kernel', 2);
    const bias = usesBias(parts.config) ? weightOf(parts, 'bias', 1) : null;
    return ofOneInput(parts, (input) => {
      const x = inFloats(input, parts);
      const rows = x.rank === 2 ? x : reshapeTo(x, [-1, kernel.shape[0] as number]);
      const product = op('MatMul', [rows, kernel], { transpose_a: false, transpose_b: false });
      const sum = bias === null ? product : op('BiasAdd', [product, bias]);
      if (x.rank === 2) return activation(sum);
      return activation(reshapeTo(sum, [...sizesOf(x).slice(0, -1), kernel.shape[1] as number]));
    });
  },
  mask: 'pass',
};

/** Keras' `EinsumDense`: activation(einsum(equation, x, kernel) + bias). */
const einsumDense: LayerKind = {
  names: ['EinsumDense'],
  variables: (config) => withBias(['kernel'], config.has('bias_axes')),
  build(parts) {
    refuseQuantised(parts.config);
    const activation = activationOf(parts);
    const equation = parts.config.string('equation');
    const kernel = weightOf(parts, 'kernel');
    const bias = parts.config.has('bias_axes') ? weightOf(parts, 'bias') : null;
    return ofOneInput(parts, (x) => {
      const product = einsum(equation, inFloats(x, parts), kernel);
      return activation(bias === null ? product : add(product, bias));
    });
  },
  mask: 'drop',
};

const asIds = (x: Symbolic): Symbolic => (x.dtype === 'int32' || x.dtype === 'int64' ? x : cast(x, 'int32'));

/** The mask of an embedding: ids other than 0, if the config reserves 0 for padding. */
const maskOfIds: LayerKind['mask'] = ({ config }, [ids], { kwargs }) =>
  ids !== undefined && kwargs.reverse !== true && config.boolean('mask_zero', false)
    ? notEqual(ids, 0)
    : null;

const embedding: LayerKind = {
  names: ['Embedding'],
  variables: () => [{ name: 'embeddings' }],
  build(parts) {
    refuseQuantised(parts.config);
    const table = weightOf(parts, 'embeddings', 2);
    return ofOneInput(parts, (ids) => gather(table, asIds(ids)));
  },
  mask: maskOfIds,
};

/** Keras' `ReversibleEmbedding`: an embedding, or the logits of all ids if the call has `reverse`. */
const reversibleEmbedding: LayerKind = {
  names: ['ReversibleEmbedding'],
  variables: (config) => [
    { name: 'embeddings' },
    ...(config.boolean('tie_weights', true) ? [] : [{ name: 'reverse_embeddings' }]),
  ],
  build(parts) {
    const { config } = parts;
    refuseQuantised(config);
    const tied = config.boolean('tie_weights', true);
    const cap = config.has('logit_soft_cap') ? config.number('logit_soft_cap') : null;
    if (config.has('reverse_dtype')) config.refuse('its logits have a dtype of their own (`reverse_dtype`)');
    const table = weightOf(parts, 'embeddings', 2);
    const reversed = tied ? null : weightOf(parts, 'reverse_embeddings', 2);
    return ofOneInput(parts, (x, { args, kwargs }) => {
      if (kwargs.reverse !== true && args[1] !== true) return gather(table, asIds(x));
      const logits = matmul(x, reversed ?? table, { transposeB: reversed === null });
      return cap === null ? logits : multiply(tanh(divide(logits, cap)), cap);
    });
  },
  mask: maskOfIds,
};

const masking: LayerKind = {
  names: ['Masking'],
  build(parts) {
    const value = parts.config.number('mask_value', 0);
    return ofOneInput(parts, (x) =>
      where(reduceAny(notEqual(x, value), -1, { keepdims: true }), x, zerosLike(x)),
    );
  },
  mask: ({ config }, [x]) =>
    x === undefined ? null : reduceAny(notEqual(x, config.number('mask_value', 0)), -1),
};

export const CORE_LAYERS: readonly LayerKind[] = [
  dense,
  einsumDense,
  embedding,
  reversibleEmbedding,
  masking,
  passThrough('Identity', passSinceKeras3),
];
