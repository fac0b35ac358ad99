/**
 * What random networks are made of: for every op type with a gradient rule a block, from image to image, of which each
 * sample's result depends on that sample alone.
 */
import type { Attributes, Image, Network } from './network.js';
import { SHAPE_BLOCKS } from './shape_blocks.js';
import { SPATIAL_BLOCKS } from './spatial_blocks.js';

export interface Block {
  /** The op type that it is for. */
  readonly type: string;
  /** Whether part of it is computed in float32, for want of kernels in float64. */
  readonly single?: boolean;
  /** Whether it can be had at any height and width. */
  readonly anySize?: boolean;
  make(net: Network, x: Image): Image;
}

type Domain = readonly [number, number];

/** f(x), or x + f(x) where `f` alone has no slope. */
function unary(types: readonly string[], domain: Domain | null = null, added = false): Block[] {
  return types.map((type) => ({
    type,
    anySize: true,
    make: (net, x) => {
      const input = domain === null ? x.name : net.fit(x.name, ...domain);
      const y = net.op(type, [input], type === 'CheckNumerics' ? { message: 'here' } : {});
      return net.like(x, added ? net.op('AddV2', [x.name, y]) : y);
    },
  }));
}

/** As activations are, noted for the rules that override theirs. */
function rectifiers(types: readonly string[]): Block[] {
  return types.map((type) => ({
    type,
    anySize: true,
    make: (net, x) => {
      const attributes: Attributes = type === 'LeakyRelu' ? { alpha: { float: 0.25 } } : {};
      const name = net.op(type, [x.name], attributes);
      net.rectifiers.push({ type, name, input: x });
      return net.like(x, name);
    },
  }));
}

/** Of two images, one of which may be broadcast along its positions or channels. */
function binary(types: readonly string[], domain: Domain | null = null, added = false): Block[] {
  return types.map((type) => ({
    type,
    anySize: true,
    make: (net, x) => {
      let y = net.beside(x).name;
      const axes = net.draw.of([[], [1, 2], [3], [1, 2, 3], [2]]);
      if (axes.length > 0) y = net.op('Mean', [y, net.ints(axes)], { keep_dims: true });
      const both = [x.name, y].map((name) => (domain === null ? name : net.fit(name, ...domain)));
      const z = net.op(type, net.draw.chance(0.5) ? both : both.toReversed());
      return net.like(x, added ? net.op('AddV2', [x.name, z]) : z);
    },
  }));
}

/** dy · f'(y), as gradients that are differentiated once more are made of. */
function gradients(types: readonly string[]): Block[] {
  return types.map((type) => ({
    type,
    anySize: true,
    make: (net, x) => {
      const y = net.beside(x).name;
      const attributes: Attributes = type === 'LeakyReluGrad' ? { alpha: { float: 0.25 } } : {};
      return net.like(x, net.op(type, [net.fit(x.name, -0.9, 0.9), y], attributes));
    },
  }));
}

/** x · g(reduction of x). */
function reductions(types: readonly string[], domain: Domain | null = null): Block[] {
  return types.map((type) => ({
    type,
    anySize: true,
    make: (net, x) => {
      const input = domain === null ? x.name : net.fit(x.name, ...domain);
      const axes = net.draw.of([[1], [2], [-1], [1, 2], [-1, 1], [1, 2, 3]]);
      const y = net.op(type, [input, net.ints(axes)], { keep_dims: true });
      return net.like(x, net.op('Mul', [x.name, net.fit(y, -1, 2)]));
    },
  }));
}

/** Integers, so that no gradient goes by them. */
const labelsOf = (net: Network, rows: string) =>
  net.op('ArgMax', [rows, net.ints(1)], { output_type: { type: 'int64' } });

const OTHERS: readonly Block[] = [
  {
    type: 'StopGradient',
    anySize: true,
    // Differences do not stop: what is stopped has no slope.
    make: (net, x) => {
      const flat = net.op('Floor', [net.op('StopGradient', [x.name])]);
      return net.like(x, net.op('AddV2', [x.name, flat]));
    },
  },
  {
    type: 'IdentityN',
    anySize: true,
    make: (net, x) => {
      const both = [net.op('Tanh', [x.name]), net.beside(x).name];
      const y = net.graph.add('IdentityN', both, { T: { types: ['float64', 'float64'] } });
      return net.like(x, net.op('Mul', [y, `${y}:1`]));
    },
  },
  {
    type: 'AddN',
    anySize: true,
    make: (net, x) => net.like(x, net.op('AddN', [x.name, net.beside(x).name, x.name], { N: 3 })),
  },
  {
    type: 'L2Loss',
    anySize: true,
    // Of all samples at once, so it must be zero wherever they are.
    make: (net, x) => {
      const nothing = net.op('Sub', [x.name, net.op('Identity', [x.name])]);
      return net.like(x, net.op('AddV2', [x.name, net.op('L2Loss', [nothing])]));
    },
  },
  {
    type: 'ClipByValue',
    anySize: true,
    make: (net, x) => net.like(x, net.op('ClipByValue', [x.name, net.number(-0.7), net.number(0.9)])),
  },
  {
    type: 'Cast',
    anySize: true,
    single: true,
    make: (net, x) =>
      net.like(
        x,
        net.inSingle(x.name, (y) => net.op('Square', [y], { T: { type: 'float32' } })),
      ),
  },
  {
    type: 'EnsureShape',
    anySize: true,
    make: (net, x) => net.like(x, net.op('EnsureShape', [x.name], { shape: { shape: [-1, -1, -1, x.c] } })),
  },
  {
    type: 'PlaceholderWithDefault',
    anySize: true,
    make: (net, x) => {
      const shape = { shape: { shape: [-1, -1, -1, x.c] } };
      return net.like(x, net.op('PlaceholderWithDefault', [net.op('Sin', [x.name])], shape));
    },
  },
  ...['Softmax', 'LogSoftmax'].map((type) => ({
    type,
    anySize: true,
    make: (net: Network, x: Image) => net.like(x, net.op(type, [x.name])),
  })),
  {
    type: 'SoftmaxCrossEntropyWithLogits',
    make: (net, x) => {
      const rows = net.reshape(x.name, [-1, x.c]);
      // A distribution, as the op demands: its derivative takes their sum for 1.
      const [on, off] = x.c === 1 ? [1, 0] : [0.8, 0.2 / (x.c - 1)];
      const values = [labelsOf(net, rows), net.ints(x.c), net.number(on), net.number(off)];
      const labels = net.op('OneHot', values, { TI: { type: 'int64' } });
      const loss = net.op('SoftmaxCrossEntropyWithLogits', [net.op('Sin', [rows]), labels]);
      return net.image(net.reshape(loss, [-1, x.h, x.w, 1]), x.h, x.w, 1);
    },
  },
  {
    type: 'SparseSoftmaxCrossEntropyWithLogits',
    make: (net, x) => {
      const rows = net.reshape(x.name, [-1, x.c]);
      const both = { Tlabels: { type: 'int64' } } as const;
      const loss = net.op(
        'SparseSoftmaxCrossEntropyWithLogits',
        [net.op('Sin', [rows]), labelsOf(net, rows)],
        both,
      );
      return net.image(net.reshape(loss, [-1, x.h, x.w, 1]), x.h, x.w, 1);
    },
  },
  ...['Select', 'SelectV2'].map((type) => ({
    type,
    anySize: true,
    make: (net: Network, x: Image) => {
      const y = net.beside(x).name;
      const positive = net.op('Greater', [y, net.number(0.1)]);
      const other =
        type === 'Select' ? net.op('Sin', [x.name]) : net.op('Mean', [y, net.ints([3])], { keep_dims: true });
      return net.like(x, net.op(type, [positive, x.name, other]));
    },
  })),
];

export const RECTIFIERS: readonly string[] = ['Relu', 'Relu6', 'LeakyRelu', 'Elu', 'Selu'];

export const BLOCKS: readonly Block[] = [
  ...unary([
    'Identity',
    'Snapshot',
    'Neg',
    'Abs',
    'Sin',
    'Cos',
    'Erf',
    'Erfc',
    'Atan',
    'Asinh',
    'CheckNumerics',
  ]),
  ...unary(['Sigmoid', 'Tanh', 'Softplus', 'Softsign']),
  ...unary(['Square', 'Exp', 'Expm1', 'Sinh', 'Cosh'], [-1.5, 1.5]),
  ...unary(['Log', 'Log1p', 'Sqrt', 'Rsqrt', 'Reciprocal', 'Inv', 'Lgamma'], [0.4, 2.5]),
  ...unary(['Tan', 'Asin', 'Acos', 'Atanh', 'Erfinv'], [-0.85, 0.85]),
  ...unary(['Ndtri'], [0.1, 0.9]),
  ...unary(['Acosh'], [1.2, 3]),
  ...unary(['BesselI0', 'BesselI0e', 'BesselI1', 'BesselI1e', 'BesselJ0', 'BesselJ1', 'Dawsn'], [0.2, 2]),
  ...unary(['BesselK0', 'BesselK0e', 'BesselK1', 'BesselK1e', 'BesselY0', 'BesselY1'], [0.5, 2.5]),
  ...unary(['Digamma', 'Expint', 'Spence'], [0.4, 1.6]),
  // The slope of FresnelCos is 0 at 1, and that of FresnelSin at 1.41.
  ...unary(['FresnelCos'], [0.1, 0.8]),
  ...unary(['FresnelSin'], [0.6, 1.2]),
  ...unary(['ZerosLike', 'OnesLike', 'Sign', 'Floor', 'Ceil', 'Round', 'Rint'], [-2, 2], true),
  ...rectifiers(RECTIFIERS),
  ...binary(['Add', 'AddV2', 'Sub', 'Mul', 'MulNoNan', 'SquaredDifference', 'Maximum', 'Minimum']),
  ...binary(
    ['RealDiv', 'Div', 'DivNoNan', 'FloorMod', 'Pow', 'Xlogy', 'Xlog1py', 'Xdivy', 'Atan2'],
    [0.5, 2],
  ),
  ...binary(['FloorDiv', 'TruncateDiv'], [0.5, 2], true),
  ...binary(['Igamma', 'Igammac'], [0.5, 2.5]),
  ...gradients(['ReluGrad', 'Relu6Grad', 'LeakyReluGrad', 'EluGrad', 'SeluGrad']),
  ...gradients(['SigmoidGrad', 'TanhGrad', 'SoftplusGrad']),
  ...reductions(['Sum', 'Mean', 'Max', 'Min', 'EuclideanNorm']),
  ...reductions(['Prod'], [0.6, 1.5]),
  ...OTHERS,
  ...SHAPE_BLOCKS,
  ...SPATIAL_BLOCKS,
];
