/** Operations of `keras.ops.nn` and `keras.activations`: activations, pooling, convolutions and normalisation. */
import { constant, op } from '../../graph/operand.js';
import {
  add,
  divide,
  exp,
  maximum,
  minimum,
  multiply,
  negative,
  pow,
  rsqrt,
  sqrt,
  square,
  subtract,
} from '../../graph/ops/arithmetic.js';
import { reshape, split, transpose, zerosLike } from '../../graph/ops/array.js';
import { greater, where } from '../../graph/ops/comparison.js';
import { leakyRelu, relu, sigmoid } from '../../graph/ops/nn.js';
import { reduceMax, reduceMean, reduceSum } from '../../graph/ops/reduction.js';
import { positiveAxis, type Symbolic } from '../../graph/symbolic.js';
import { Config } from '../config.js';
import { activationOf, boundedRelu, scaledElu, softmaxOver } from '../layers/activation_functions.js';
import { causalMask } from '../layers/attention_masks.js';
import type { Arguments } from './arguments.js';
import { type Compute, type Operation, operations } from './operation.js';
import { asDType, asFloating, promoted } from './promotion.js';

type Activation = (x: Symbolic, args: Arguments) => Symbolic;

/** An activation function of a floating tensor. */
const activation =
  (compute: Activation): Compute =>
  (args) =>
    compute(asFloating(args.value('x')), args);

/** The activation function of this name in the configs of layers. */
const named = (name: string): Compute =>
  activation((x, args) => {
    const config = new Config({ activation: name }, args.config.owner);
    return activationOf({ config, kerasVersion: 3 })(x);
  });

const NAMED: Readonly<Record<string, string>> = {
  Relu6: 'relu6',
  Sigmoid: 'sigmoid',
  SparseSigmoid: 'sparse_sigmoid',
  Softplus: 'softplus',
  Softsign: 'softsign',
  SparsePlus: 'sparse_plus',
  Silu: 'silu',
  LogSigmoid: 'log_sigmoid',
  HardSigmoid: 'hard_sigmoid',
  HardSilu: 'hard_silu',
  Selu: 'selu',
  TanhShrink: 'tanh_shrink',
  HardTanh: 'hard_tanh',
  Mish: 'mish',
};

/** Returns the Gaussian error linear unit: by the error function, or approximately by the tangent. */
const gelu: Activation = (x, args) => {
  const half = multiply(x, 0.5);
  if (!args.boolean('approximate', true)) return multiply(half, op('Erfc', [multiply(x, -Math.SQRT1_2)]));
  const inner = multiply(add(x, multiply(pow(x, 3), 0.044715)), Math.sqrt(2 / Math.PI));
  return multiply(half, add(op('Tanh', [inner]), 1));
};

const glu: Activation = (x, args) => {
  const [value, gate] = split(x, 2, positiveAxis(args.integer('axis', -1), x.rank)) as [Symbolic, Symbolic];
  return multiply(value, sigmoid(gate));
};

const softShrink: Activation = (x, args) => {
  const threshold = args.number('threshold', 0.5);
  return subtract(relu(subtract(x, threshold)), relu(subtract(negative(x), threshold)));
};

const hardShrink: Activation = (x, args) =>
  where(greater(op('Abs', [x]), args.number('threshold', 0.5)), x, zerosLike(x));

const aboveThreshold: Activation = (x, args) =>
  where(greater(x, args.number('threshold')), x, add(zerosLike(x), args.number('default_value')));

const celu: Activation = (x, args) => {
  const alpha = args.number('alpha', 1);
  return add(maximum(x, 0), multiply(op('Expm1', [divide(minimum(x, 0), alpha)]), alpha));
};

const softmax: Activation = (x, args) =>
  args.has('axis') ? softmaxOver(x, args.integers('axis')) : reshapedSoftmax(x);

/** Returns the softmax over all elements. */
const reshapedSoftmax = (x: Symbolic) =>
  softmaxOver(
    x,
    Array.from({ length: x.rank }, (_, i) => i),
  );

const logSoftmax: Activation = (x, args) => {
  const axes = args.axes() ?? Array.from({ length: x.rank }, (_, i) => i);
  const shifted = subtract(x, reduceMax(x, axes, { keepdims: true }));
  return subtract(shifted, op('Log', [reduceSum(exp(shifted), axes, { keepdims: true })]));
};

/** Returns x divided by its norm along an axis. */
const normalized: Activation = (x, args) => {
  const axes = args.integers('axis', [-1]);
  const order = args.number('order', 2);
  const epsilon = args.number('epsilon', 1e-7);
  if (order === 2) {
    const sum = reduceSum(square(x), axes, { keepdims: true });
    return multiply(x, rsqrt(maximum(sum, epsilon ** 2)));
  }
  const powers = reduceSum(pow(op('Abs', [x]), order), axes, { keepdims: true });
  return divide(x, maximum(pow(powers, 1 / order), epsilon));
};

/** Returns a vector of channels in a shape that broadcasts along `axes` of x. */
function along(vector: Symbolic, x: Symbolic, axes: readonly number[]): Symbolic {
  if (vector.rank === x.rank) return vector;
  const places = axes.map((axis) => positiveAxis(axis, x.rank));
  let next = 0;
  const sizes = Array.from({ length: x.rank }, (_, i) =>
    places.includes(i) ? (vector.shape?.[next++] ?? -1) : 1,
  );
  return reshape(vector, sizes);
}

const optional = (args: Arguments, name: string, x: Symbolic, axes: readonly number[]) =>
  args.has(name) ? along(asDType(args.value(name), x.dtype), x, axes) : undefined;

const batchNorm: Compute = (args) => {
  const x = asFloating(args.value('x'));
  const axes = args.integers('axis');
  const [mean, variance] = ['mean', 'variance'].map((name) => optional(args, name, x, axes)) as [
    Symbolic,
    Symbolic,
  ];
  const scale = optional(args, 'scale', x, axes);
  const offset = optional(args, 'offset', x, axes);
  const inverse = rsqrt(add(variance, args.number('epsilon', 1e-3)));
  const factor = scale === undefined ? inverse : multiply(inverse, scale);
  const shifted = multiply(subtract(x, mean), factor);
  return offset === undefined ? shifted : add(shifted, offset);
};

const layerNorm: Compute = (args) => {
  const x = asFloating(args.value('x'));
  const axes = args.integers('axis', [-1]);
  if (args.boolean('rms_scaling', false)) args.refuse('rms_scaling', 'false');
  const mean = reduceMean(x, axes, { keepdims: true });
  const variance = reduceMean(square(subtract(x, mean)), axes, { keepdims: true });
  const scaled = multiply(subtract(x, mean), rsqrt(add(variance, args.number('epsilon', 1e-7))));
  const gamma = optional(args, 'gamma', x, axes);
  const beta = optional(args, 'beta', x, axes);
  const result = gamma === undefined ? scaled : multiply(scaled, gamma);
  return beta === undefined ? result : add(result, beta);
};

const rmsNorm: Compute = (args) => {
  const x = asFloating(args.value('x'));
  const axes = args.integers('axis', [-1]);
  const mean = reduceMean(square(x), axes, { keepdims: true });
  const scaled = multiply(x, rsqrt(add(mean, args.number('epsilon', 1e-7))));
  const scale = optional(args, 'scale', x, axes);
  return scale === undefined ? scaled : multiply(scaled, scale);
};

/** Returns softmax(query · key) · value over tensors (N, T, heads, features). */
const attention: Compute = (args) => {
  const [query, key, value] = promoted(['query', 'key', 'value'].map((name) => args.value(name))) as [
    Symbolic,
    Symbolic,
    Symbolic,
  ];
  for (const name of ['attn_logits_soft_cap', 'flash_attention']) {
    if (args.has(name) && args.get(name) !== false) args.refuse(name, 'absent');
  }
  const size = query.shape?.[3] ?? args.refuse('query', 'of a known number of features');
  const scale = args.has('scale') ? args.number('scale') : 1 / Math.sqrt(size);
  let logits = op('Einsum', [[multiply(query, scale), key]], { equation: 'BTNH,BSNH->BNTS' });
  if (args.has('bias')) logits = add(logits, asDType(args.value('bias'), logits.dtype));
  const least = logits.dtype === 'float16' ? -3e4 : -0.7 * 3.4028234663852886e38;
  const masks = args.has('mask') ? [asDType(args.value('mask'), 'bool')] : [];
  if (args.boolean('is_causal', false)) masks.push(causalMask(query, key));
  for (const mask of masks) logits = where(mask, logits, constant(least, logits.dtype));
  return op('Einsum', [[op('Softmax', [logits]), value]], { equation: 'BNTS,BSNH->BTNH' });
};

const depthToSpace =
  (type: 'DepthToSpace' | 'SpaceToDepth'): Compute =>
  (args) => {
    const x = args.tensor('x');
    const block = args.integer('block_size');
    const first = args.string('data_format', 'channels_last') === 'channels_first';
    const compute = (y: Symbolic) => op(type, [y], { block_size: { int: block } });
    return first ? transpose(compute(transpose(x, [0, 2, 3, 1])), [0, 3, 1, 2]) : compute(x);
  };

export const NETWORK_OPERATIONS: readonly Operation[] = [
  ...operations('x', {
    ...Object.fromEntries(Object.entries(NAMED).map(([name, function_]) => [name, named(function_)])),
    Relu: activation((x) => relu(x)),
    // The class of `keras.activations.relu`, with the options of the layer.
    ReLU: activation((x, args) =>
      boundedRelu(x, {
        negativeSlope: args.number('negative_slope', 0),
        maxValue: args.has('max_value') ? args.number('max_value') : undefined,
        threshold: args.number('threshold', 0),
      }),
    ),
    LeakyRelu: activation((x, args) => leakyRelu(x, args.number('negative_slope', 0.2))),
    Elu: activation((x, args) => scaledElu(x, args.number('alpha', 1))),
    Celu: activation(celu),
    Gelu: activation(gelu),
    Glu: activation(glu),
    SoftShrink: activation(softShrink),
    HardShrink: activation(hardShrink),
    Threshold: activation(aboveThreshold),
    Squareplus: activation((x, args) => multiply(add(x, sqrt(add(square(x), args.number('b', 4)))), 0.5)),
    Softmax: activation(softmax),
    LogSoftmax: activation(logSoftmax),
    Normalize: activation(normalized),
    DepthToSpace: depthToSpace('DepthToSpace'),
    SpaceToDepth: depthToSpace('SpaceToDepth'),
  }),
  ...operations('x mean variance offset scale', { BatchNorm: batchNorm }),
  ...operations('x gamma beta', { LayerNorm: layerNorm }),
  ...operations('x scale', { RMSNorm: rmsNorm }),
  ...operations('query key value bias mask scale', { DotProductAttention: attention }),
];
