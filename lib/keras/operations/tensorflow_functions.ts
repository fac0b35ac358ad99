/**
 * The functions of TensorFlow that functional models of Keras 2 call: the layers `TFOpLambda` and `SlicingOpLambda`. A
 * function is an operation of `keras.ops` whose arguments have other names, or one of its own.
 */
import { constant, op } from '../../graph/operand.js';
import { add, multiply, squaredDifference } from '../../graph/ops/arithmetic.js';
import { cast, shape, split, unstack } from '../../graph/ops/array.js';
import { gather } from '../../graph/ops/indexing.js';
import { matmul } from '../../graph/ops/math.js';
import { l2Normalize, softmax } from '../../graph/ops/nn.js';
import { positiveAxis, type Symbolic } from '../../graph/symbolic.js';
import { Config } from '../config.js';
import type { ArgumentObject, LayerCall, LayerKind } from '../layer_kind.js';
import { softmaxOver } from '../layers/activation_functions.js';
import { INTERPOLATIONS, type Interpolation, resizeImages } from '../layers/image_resize.js';
import { Arguments } from './arguments.js';
import type { Compute, Operation } from './operation.js';
import { OPERATIONS } from './operations.js';
import { asDType, asFloating, promoted } from './promotion.js';
import { MOST_PARTS } from './shapes.js';
import { sliced } from './slicing.js';

/**
 * Functions that are operations: `'function ...': 'Operation argument:parameter ...'`. An argument that the operation
 * names alike stands alone. The first argument is the positional one.
 */
const RENAMED: Readonly<Record<string, string>> = {
  'math.add __operators__.add add': 'Add x:x1 y:x2',
  'math.subtract subtract': 'Subtract x:x1 y:x2',
  'math.multiply multiply': 'Multiply x:x1 y:x2',
  'math.divide divide math.truediv truediv': 'TrueDivide x:x1 y:x2',
  'math.floordiv math.floor_div floor_div': 'FloorDivide x:x1 y:x2',
  'math.floormod math.mod': 'Mod x:x1 y:x2',
  'math.pow pow': 'Power x:x1 y:x2',
  'math.maximum maximum': 'Maximum x:x1 y:x2',
  'math.minimum minimum': 'Minimum x:x1 y:x2',
  'math.atan2': 'Arctan2 y:x1 x:x2',
  'math.divide_no_nan': 'DivideNoNan x:x1 y:x2',
  'math.greater greater': 'Greater x:x1 y:x2',
  'math.greater_equal greater_equal': 'GreaterEqual x:x1 y:x2',
  'math.less less': 'Less x:x1 y:x2',
  'math.less_equal less_equal': 'LessEqual x:x1 y:x2',
  'math.equal equal __operators__.eq': 'Equal x:x1 y:x2',
  'math.not_equal not_equal __operators__.ne': 'NotEqual x:x1 y:x2',
  'math.logical_and': 'LogicalAnd x:x1 y:x2',
  'math.logical_or': 'LogicalOr x:x1 y:x2',
  'math.logical_xor': 'LogicalXor x:x1 y:x2',
  'math.logical_not': 'LogicalNot x',
  'math.abs abs': 'Absolute x',
  'math.negative negative': 'Negative x',
  'math.square square': 'Square x',
  'math.sqrt sqrt': 'Sqrt x',
  'math.rsqrt': 'Rsqrt x',
  'math.reciprocal': 'Reciprocal x',
  'math.exp exp': 'Exp x',
  'math.expm1': 'Expm1 x',
  'math.log log': 'Log x',
  'math.log1p': 'Log1p x',
  'math.sin sin': 'Sin x',
  'math.cos cos': 'Cos x',
  'math.tan tan': 'Tan x',
  'math.sinh sinh': 'Sinh x',
  'math.cosh cosh': 'Cosh x',
  'math.tanh tanh nn.tanh': 'Tanh x',
  'math.asin': 'Arcsin x',
  'math.acos': 'Arccos x',
  'math.atan': 'Arctan x',
  'math.asinh': 'Arcsinh x',
  'math.acosh': 'Arccosh x',
  'math.atanh': 'Arctanh x',
  'math.sign sign': 'Sign x',
  'math.floor floor': 'Floor x',
  'math.ceil': 'Ceil x',
  'math.round round': 'Round x',
  'math.erf': 'Erf x',
  'math.erfc': 'Erfc x',
  'math.is_nan': 'Isnan x',
  'math.is_inf': 'Isinf x',
  'math.is_finite': 'Isfinite x',
  'math.sigmoid sigmoid nn.sigmoid': 'Sigmoid x',
  'math.softplus nn.softplus': 'Softplus features:x',
  'math.softsign nn.softsign': 'Softsign features:x',
  'nn.relu': 'Relu features:x',
  'nn.relu6': 'Relu6 features:x',
  'nn.elu': 'Elu features:x',
  'nn.selu': 'Selu features:x',
  'nn.leaky_relu': 'LeakyRelu features:x alpha:negative_slope',
  'nn.silu nn.swish': 'Silu features:x',
  'math.reduce_sum reduce_sum': 'Sum input_tensor:x axis keepdims',
  'math.reduce_mean reduce_mean': 'Mean input_tensor:x axis keepdims',
  'math.reduce_max reduce_max': 'Amax input_tensor:x axis keepdims',
  'math.reduce_min reduce_min': 'Amin input_tensor:x axis keepdims',
  'math.reduce_prod reduce_prod': 'Prod input_tensor:x axis keepdims',
  'math.reduce_any reduce_any': 'Any input_tensor:x axis keepdims',
  'math.reduce_all reduce_all': 'All input_tensor:x axis keepdims',
  'math.reduce_std': 'Std input_tensor:x axis keepdims',
  'math.reduce_variance': 'Var input_tensor:x axis keepdims',
  'math.reduce_logsumexp reduce_logsumexp': 'Logsumexp input_tensor:x axis keepdims',
  'math.top_k nn.top_k': 'TopK input:x k sorted',
  concat: 'Concatenate values:xs axis',
  stack: 'Stack values:x axis',
  unstack: 'Unstack value:x axis num',
  reshape: 'Reshape tensor:x shape:newshape',
  transpose: 'Transpose a:x perm:axes',
  expand_dims: 'ExpandDims input:x axis',
  squeeze: 'Squeeze input:x axis',
  tile: 'Tile input:x multiples:repeats',
  repeat: 'Repeat input:x repeats axis',
  reverse: 'Flip tensor:x axis',
  roll: 'Roll input:x shift axis',
  broadcast_to: 'BroadcastTo input:x shape',
  cast: 'Cast x dtype',
  where: 'Where condition x:x1 y:x2',
  zeros_like: 'ZerosLike input:x dtype',
  ones_like: 'OnesLike input:x dtype',
  'identity convert_to_tensor': 'Copy input:x value:x',
  stop_gradient: 'StopGradient input:variable',
  clip_by_value: 'Clip t:x clip_value_min:x_min clip_value_max:x_max',
  slice: 'Slice input_:inputs begin:start_indices size:shape',
  rank: 'Ndim input:x',
  'nn.depth_to_space': 'DepthToSpace input:x block_size',
  'nn.space_to_depth': 'SpaceToDepth input:x block_size',
  'image.rgb_to_grayscale': 'RGBToGrayscale images',
  'image.rgb_to_hsv': 'RGBToHSV images',
  'image.hsv_to_rgb': 'HSVToRGB images',
};

/** Arguments that do not change the values. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  'name',
  'validate_indices',
  'validate_shape',
  'use_cudnn_on_gpu',
]);

const product: Compute = (args) => {
  const [a, b] = promoted([args.value('a'), args.value('b')]) as [Symbolic, Symbolic];
  const options = {
    transposeA: args.boolean('transpose_a', false) || args.boolean('adjoint_a', false),
    transposeB: args.boolean('transpose_b', false) || args.boolean('adjoint_b', false),
  };
  return matmul(a, b, options);
};

/** Returns parts of equal size, or of given sizes. */
const splitted: Compute = (args) => {
  const x = args.tensor('value');
  const sections = args.get('num_or_size_splits');
  if (typeof sections === 'number' && sections > MOST_PARTS)
    args.refuse('num_or_size_splits', `at most ${MOST_PARTS}`);
  const parts = typeof sections === 'number' ? sections : args.integers('num_or_size_splits');
  return split(x, parts, positiveAxis(args.integer('axis', 0), x.rank));
};

const gathered: Compute = (args) => {
  const x = args.tensor('params');
  const places = asDType(args.value('indices'), 'int32');
  const batchDims = args.integer('batch_dims', 0);
  return gather(x, places, { axis: positiveAxis(args.integer('axis', batchDims), x.rank), batchDims });
};

const indexOf =
  (type: 'ArgMax' | 'ArgMin'): Compute =>
  (args) =>
    op(type, [args.tensor('input'), constant(args.integer('axis', 0), 'int32')], {
      output_type: { dtype: args.dtype('output_type', 'int64') },
    });

const resized: Compute = (args) => {
  if (args.boolean('preserve_aspect_ratio', false)) args.refuse('preserve_aspect_ratio', 'false');
  const method = args.string('method', 'bilinear') as Interpolation;
  if (!INTERPOLATIONS.includes(method)) args.refuse('method', `one of ${INTERPOLATIONS.join(', ')}`);
  const given = args.sizes('size');
  const [height, width, ...more] = Array.isArray(given) ? given : unstack(cast(given, 'int32'));
  if (height === undefined || width === undefined || more.length > 0) {
    return args.refuse('size', '[height, width]');
  }
  return resizeImages(args.tensor('images'), [height, width], method, args.boolean('antialias', false));
};

const padded: Compute = (args) => {
  const mode = args.string('mode', 'CONSTANT').toUpperCase();
  const x = args.tensor('tensor');
  const amounts = asDType(args.value('paddings'), 'int32');
  if (mode !== 'CONSTANT') return op('MirrorPad', [x, amounts], { mode });
  return op('PadV2', [x, amounts, asDType(args.value('constant_values', 0), x.dtype)]);
};

const accumulated =
  (type: 'Cumsum' | 'Cumprod'): Compute =>
  (args) =>
    op(type, [args.tensor('x'), constant(args.integer('axis', 0), 'int32')], {
      exclusive: args.boolean('exclusive', false),
      reverse: args.boolean('reverse', false),
    });

const oneHot: Compute = (args) => {
  const dtype = args.dtype('dtype', 'float32');
  const [on, off] = [args.value('on_value', 1), args.value('off_value', 0)].map((each) =>
    asDType(each, dtype),
  );
  return op(
    'OneHot',
    [args.tensor('indices'), constant(args.integer('depth'), 'int32'), on as Symbolic, off as Symbolic],
    {
      axis: { int: args.integer('axis', -1) },
    },
  );
};

const gelu: Compute = (args) => {
  const x = asFloating(args.value('features'));
  const operation = OPERATIONS.get('Gelu') as Operation;
  const call = { args: [x], kwargs: { approximate: args.boolean('approximate', false) }, masks: [] };
  return operation.compute(new Arguments(new Config({}, args.config.owner), operation.parameters, call));
};

const ofLogits =
  (log: boolean): Compute =>
  (args) => {
    const x = asFloating(args.value('logits'));
    const axis = positiveAxis(args.integer('axis', -1), x.rank);
    const weights = axis === x.rank - 1 ? softmax(x) : softmaxOver(x, [axis]);
    if (!log) return weights;
    if (axis !== x.rank - 1) args.refuse('axis', 'the last axis');
    return op('LogSoftmax', [x]);
  };

/** Functions that are no operation of `keras.ops`: the names of the arguments, and the function. */
const OWN: Readonly<Record<string, readonly [parameters: string, compute: Compute]>> = {
  'linalg.matmul matmul': ['a b transpose_a transpose_b adjoint_a adjoint_b', product],
  split: ['value num_or_size_splits axis num', splitted],
  gather: ['params indices axis batch_dims', gathered],
  'math.argmax argmax': ['input axis output_type', indexOf('ArgMax')],
  'math.argmin argmin': ['input axis output_type', indexOf('ArgMin')],
  'image.resize': ['images size method preserve_aspect_ratio antialias', resized],
  pad: ['tensor paddings mode constant_values', padded],
  'math.cumsum cumsum': ['x axis exclusive reverse', accumulated('Cumsum')],
  'math.cumprod': ['x axis exclusive reverse', accumulated('Cumprod')],
  one_hot: ['indices depth on_value off_value axis dtype', oneHot],
  shape: ['input out_type', (args) => cast(shape(args.tensor('input')), args.dtype('out_type', 'int32'))],
  'math.add_n add_n': ['inputs', (args) => op('AddN', [promoted(args.values('inputs'))])],
  'math.l2_normalize nn.l2_normalize': [
    'x axis epsilon',
    (args) => l2Normalize(asFloating(args.value('x')), args.axes(), args.number('epsilon', 1e-12)),
  ],
  'math.squared_difference': [
    'x y',
    (args) => squaredDifference(...(promoted([args.value('x'), args.value('y')]) as [Symbolic, Symbolic])),
  ],
  'math.scalar_mul': [
    'scalar x',
    (args) => multiply(...(promoted([args.value('scalar'), args.value('x')]) as [Symbolic, Symbolic])),
  ],
  'nn.bias_add': [
    'value bias',
    (args) => add(...(promoted([args.value('value'), args.value('bias')]) as [Symbolic, Symbolic])),
  ],
  'nn.gelu': ['features approximate', gelu],
  'nn.softmax': ['logits axis', ofLogits(false)],
  'nn.log_softmax': ['logits axis', ofLogits(true)],
};

/** A function: the names of its arguments, by which a call is read, and what the function computes. */
interface Function_ {
  /** The name by which `compute` knows each argument. */
  readonly names: Readonly<Record<string, string>>;
  readonly compute: Compute;
}

const entries = <T>(table: Readonly<Record<string, T>>) =>
  Object.entries(table).flatMap(([names, value]) => names.split(' ').map((name) => [name, value] as const));

const FUNCTIONS: ReadonlyMap<string, Function_> = new Map<string, Function_>([
  ...entries(RENAMED).map(([name, text]) => {
    const [operation = '', ...parameters] = text.split(' ');
    const names = parameters
      .map((each) => each.split(':') as [string, string?])
      .map(([from, to]) => [from, to ?? from]);
    const { compute } = OPERATIONS.get(operation) as Operation;
    return [name, { names: Object.fromEntries(names) as Record<string, string>, compute }] as const;
  }),
  ...entries(OWN).map(([name, [parameters, compute]]) => {
    const names = Object.fromEntries(parameters.split(' ').map((each) => [each, each]));
    return [name, { names, compute }] as const;
  }),
]);

/** The functions by the names that files use. */
export const TENSORFLOW_FUNCTIONS: readonly string[] = [...FUNCTIONS.keys()];

/** Returns the arguments of a call by the names of `function_`. Refuses an argument that the function does not have. */
function argumentsOf(function_: Function_, name: string, config: Config, call: LayerCall): Arguments {
  const parameters = Object.keys(function_.names);
  const kwargs: Record<string, ArgumentObject[string]> = {};
  for (const [key, value] of Object.entries(call.kwargs)) {
    // False and null are what a call without the argument has.
    if (WITHOUT_EFFECT.has(key) || (!parameters.includes(key) && (value === null || value === false)))
      continue;
    if (!parameters.includes(key)) config.refuse(`the argument \`${key}\` of tf.${name} is not supported`);
    kwargs[function_.names[key] as string] = value;
  }
  call.args.forEach((value, i) => {
    const parameter = parameters[i];
    if (parameter !== undefined) kwargs[function_.names[parameter] as string] = value;
  });
  // The layer's own config is no argument of the function.
  return new Arguments(new Config({}, config.owner), [], { ...call, args: [], kwargs });
}

const MEND = 'Export the model as a SavedModel in Python: model.export(directory).';

/** Keras 2's `TFOpLambda`: a call of a function of TensorFlow. */
const functionCall: LayerKind = {
  names: ['TFOpLambda'],
  keepsDtypes: true,
  build({ config }) {
    const name = config.string('function').replace(/^(tf\.)?(compat\.v[12]\.)?/, '');
    const function_ = FUNCTIONS.get(name);
    if (function_ === undefined) return config.refuse(`the function tf.${name} is not supported`, MEND);
    return (_, call) => function_.compute(argumentsOf(function_, name, config, call));
  },
};

/** Keras 2's `SlicingOpLambda`: `x[slice_spec]`. */
const slicing: LayerKind = {
  names: ['SlicingOpLambda'],
  keepsDtypes: true,
  build:
    ({ config }) =>
    (inputs, call) =>
      sliced(inputs[0] as Symbolic, call.kwargs.slice_spec ?? null, config),
};

export const TENSORFLOW_FUNCTION_LAYERS: readonly LayerKind[] = [functionCall, slicing];
