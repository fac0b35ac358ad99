/** Keras' activation functions, by the name or the serialised object by which a config refers to them. */
import { op } from '../../graph/operand.js';
import {
  abs,
  add,
  clipByValue,
  divide,
  exp,
  expm1,
  minimum,
  multiply,
  negative,
  pow,
  sqrt,
  square,
  subtract,
  tanh,
} from '../../graph/ops/arithmetic.js';
import { cast, range, shape, split, transpose, zerosLike } from '../../graph/ops/array.js';
import { greater, less, lessEqual, where } from '../../graph/ops/comparison.js';
import { gather, topK } from '../../graph/ops/indexing.js';
import {
  elu,
  leakyRelu,
  logSoftmax,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  softmax,
  softplus,
  softsign,
} from '../../graph/ops/nn.js';
import { cumsum, reduceLogsumexp, reduceSum } from '../../graph/ops/reduction.js';
import { positiveAxis, type Symbolic } from '../../graph/symbolic.js';
import { Config, isObject, type JsonObject } from '../config.js';
import { axesOf, withCurrentNames } from './options.js';

export type ActivationFunction = (x: Symbolic) => Symbolic;

/** The options of `keras.activations.relu` and of the layer `ReLU`. */
export interface ReluOptions {
  readonly negativeSlope?: number;
  readonly maxValue?: number | undefined;
  readonly threshold?: number;
}

/** Returns min(x, maxValue) for x above `threshold`, and negativeSlope · (x - threshold) elsewhere. */
export function boundedRelu(x: Symbolic, options: ReluOptions = {}): Symbolic {
  const { negativeSlope = 0, maxValue, threshold = 0 } = options;
  if (negativeSlope !== 0 && maxValue === undefined && threshold === 0) return leakyRelu(x, negativeSlope);
  let positive: Symbolic;
  if (threshold !== 0) positive = where(greater(x, threshold), x, zerosLike(x));
  else if (maxValue === 6) positive = relu6(x);
  else positive = relu(x);
  if (maxValue !== undefined && !(maxValue === 6 && threshold === 0)) {
    positive = clipByValue(positive, 0, maxValue);
  }
  if (negativeSlope === 0) return positive;
  const below = threshold === 0 ? negative(x) : add(negative(x), threshold);
  return subtract(positive, multiply(relu(below), negativeSlope));
}

/** Returns x where x > 0, and alpha · (exp(x) - 1) elsewhere. */
export function scaledElu(x: Symbolic, alpha = 1): Symbolic {
  const whole = elu(x);
  return alpha === 1 ? whole : where(greater(x, 0), whole, multiply(whole, alpha));
}

/** Returns the softmax over one axis or several axes. */
export function softmaxOver(x: Symbolic, axes: readonly number[]): Symbolic {
  if (axes.length > 1) return exp(subtract(x, reduceLogsumexp(x, axes, { keepdims: true })));
  return overLastAxis(x, axes[0] ?? -1, softmax);
}

/** Applies an op of the last axis along `axis`. */
export function overLastAxis(x: Symbolic, axis: number, apply: ActivationFunction): Symbolic {
  const at = positiveAxis(axis, x.rank);
  const last = x.rank - 1;
  if (at === last) return apply(x);
  const order = Array.from({ length: x.rank }, (_, i) => (i === at ? last : i === last ? at : i));
  return transpose(apply(transpose(x, order)), order);
}

/** TensorFlow computes the exact GELU with `Erfc`, and fuses this form with a preceding product. */
function gelu(x: Symbolic): Symbolic {
  return multiply(multiply(x, 0.5), op('Erfc', [multiply(negative(x), Math.SQRT1_2)]));
}

function glu(x: Symbolic): Symbolic {
  const [value, gate] = split(x, 2, -1) as [Symbolic, Symbolic];
  return multiply(value, sigmoid(gate));
}

function softShrink(x: Symbolic): Symbolic {
  const below = where(less(x, -0.5), add(x, 0.5), zerosLike(x));
  return where(greater(x, 0.5), subtract(x, 0.5), below);
}

function sparsePlus(x: Symbolic): Symbolic {
  const between = multiply(pow(add(x, 1), 2), 0.25);
  return where(lessEqual(x, -1), zerosLike(x), where(less(x, 1), between, x));
}

function sparseSigmoid(x: Symbolic): Symbolic {
  const saturated = where(less(x, 1), multiply(add(x, 1), 0.5), add(zerosLike(x), 1));
  return where(lessEqual(x, -1), zerosLike(x), saturated);
}

/**
 * Keras' `sparsemax`. The formula of Martins and Astudillo (2016) subtracts the sum of the values in the support. Keras
 * 3.15 subtracts the sum of their partial sums, and a model was trained with this function.
 */
function sparsemax(x: Symbolic): Symbolic {
  const count = gather(shape(x), x.rank - 1);
  const { values } = topK(x, count);
  const sums = cumsum(values, -1);
  const ranks = cast(range(1, add(count, 1)), x.dtype);
  const support = greater(subtract(values, divide(subtract(sums, 1), ranks)), 0);
  const size = reduceSum(cast(support, x.dtype), -1, { keepdims: true });
  const total = reduceSum(where(support, sums, zerosLike(sums)), -1, { keepdims: true });
  return relu(subtract(x, divide(subtract(total, 1), size)));
}

/** From Keras 3 on, the slope is 1/6. */
const hardSigmoid = (x: Symbolic): Symbolic => divide(relu6(add(x, 3)), 6);
/** The hard sigmoid of Keras 1 and 2, whose slope is 0.2. */
const steepHardSigmoid = (x: Symbolic): Symbolic => clipByValue(add(multiply(x, 0.2), 0.5), 0, 1);

const FUNCTIONS: Readonly<Record<string, ActivationFunction>> = {
  linear: (x) => x,
  relu: (x) => relu(x),
  relu6: (x) => relu6(x),
  leaky_relu: (x) => leakyRelu(x, 0.2),
  elu: (x) => elu(x),
  selu: (x) => selu(x),
  celu: (x) => add(relu(x), expm1(minimum(x, 0))),
  gelu,
  glu,
  silu,
  swish: silu,
  mish: (x) => multiply(x, tanh(softplus(x))),
  sigmoid,
  hard_sigmoid: hardSigmoid,
  log_sigmoid: (x) => negative(softplus(negative(x))),
  sparse_sigmoid: sparseSigmoid,
  hard_silu: (x) => multiply(x, hardSigmoid(x)),
  hard_swish: (x) => multiply(x, hardSigmoid(x)),
  tanh,
  hard_tanh: (x) => clipByValue(x, -1, 1),
  tanh_shrink: (x) => subtract(x, tanh(x)),
  hard_shrink: (x) => where(greater(abs(x), 0.5), x, zerosLike(x)),
  soft_shrink: softShrink,
  softmax: (x) => softmax(x),
  softmax_v2: (x) => softmax(x),
  log_softmax: (x) => logSoftmax(x),
  log_softmax_v2: (x) => logSoftmax(x),
  sparsemax,
  softplus,
  softsign,
  sparse_plus: sparsePlus,
  squareplus: (x) => multiply(add(x, sqrt(add(square(x), 4))), 0.5),
  exponential: exp,
};

/** The layers that a config may give in place of a function, as functions of their own config. */
const LAYERS: Readonly<Record<string, (config: Config) => ActivationFunction>> = {
  ReLU(config) {
    const options = {
      negativeSlope: config.number('negative_slope', 0),
      maxValue: config.has('max_value') ? config.number('max_value') : undefined,
      threshold: config.number('threshold', 0),
    };
    return (x) => boundedRelu(x, options);
  },
  LeakyReLU(config) {
    const slope = withCurrentNames(config, { negative_slope: 'alpha' }).number('negative_slope', 0.3);
    return (x) => leakyRelu(x, slope);
  },
  ELU(config) {
    const alpha = config.number('alpha', 1);
    return (x) => scaledElu(x, alpha);
  },
  ThresholdedReLU(config) {
    const theta = config.number('theta', 1);
    return (x) => multiply(x, cast(greater(x, theta), x.dtype));
  },
  Softmax(config) {
    const axes = axesOf(config, 'axis', -1);
    return (x) => softmaxOver(x, axes);
  },
};

/** Returns the layer of class `className` as a function, or undefined if the class is no activation. */
export function activationLayer(className: string, config: Config): ActivationFunction | undefined {
  return Object.hasOwn(LAYERS, className) ? LAYERS[className]?.(config) : undefined;
}

/** What an activation is read from: a layer's config, and the Keras that wrote the file. */
export interface ActivationSource {
  readonly config: Config;
  readonly kerasVersion: number;
}

/**
 * Returns the activation function that the entry `name` of a layer's config gives: a name, a serialised function
 * (`{ class_name: 'function', config: 'relu' }`) or a serialised layer (`{ class_name: 'LeakyReLU', config: {} }`).
 *
 * @param fallback the name that stands for an absent entry. Default: linear.
 * @throws ModelError (`DATA_LOSS`) for an entry of another kind, (`UNIMPLEMENTED`) for an unknown function.
 */
export function activationOf(
  source: ActivationSource,
  name = 'activation',
  fallback = 'linear',
): ActivationFunction {
  const { config } = source;
  const value = config.get(name) ?? fallback;
  if (typeof value === 'string') return functionOf(source, value);
  return isObject(value) ? fromObject(source, name, value) : config.fail(name, 'the name of a function');
}

function fromObject(source: ActivationSource, name: string, value: JsonObject): ActivationFunction {
  const { config } = source;
  const { class_name: className, config: inner } = value;
  if (typeof inner === 'string') return functionOf(source, inner);
  if (typeof className !== 'string') return config.fail(name, 'an object with a `class_name`');
  const owner = new Config(isObject(inner) ? inner : {}, `${className}, the \`${name}\` of ${config.owner},`);
  if (className === 'Activation') return functionOf(source, owner.string('activation'));
  return activationLayer(className, owner) ?? functionOf(source, className);
}

function functionOf({ config, kerasVersion }: ActivationSource, name: string): ActivationFunction {
  if (name === 'hard_sigmoid' && kerasVersion < 3) return steepHardSigmoid;
  const found = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  return (
    found ??
    config.refuse(
      `its activation function '${name}' is not one of Keras' own`,
      "Give the layer's function with `customObjects`.",
    )
  );
}
