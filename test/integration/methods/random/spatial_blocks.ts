/** Blocks with weights or windows: products, convolutions, pooling, normalisation, resizing. */
import type { Block } from './blocks.js';
import type { DType } from './graph_def.js';
import type { Image, Network } from './network.js';

/** The size behind a window of `size` that moves by `stride`. */
function windows(length: number, size: number, stride: number, padding: string): number {
  return padding === 'SAME' ? Math.ceil(length / stride) : Math.floor((length - size) / stride) + 1;
}

const fan = (net: Network, shape: readonly number[], inputs: number) =>
  net.weights(shape, -1.5 / Math.sqrt(inputs), 1.5 / Math.sqrt(inputs));

/** A 1x1 or 3x3 convolution in float64, the usual first op. */
export function convolve(net: Network, x: Image, c: number, options: { stride?: number } = {}): Image {
  const { stride = 1 } = options;
  const size = Math.min(x.h, x.w) >= 3 ? net.draw.of([1, 2, 3]) : 1;
  const padding = net.draw.of(['SAME', 'VALID']);
  const y = net.op('Conv2D', [x.name, fan(net, [size, size, x.c, c], size * size * x.c)], {
    strides: [1, stride, stride, 1],
    padding,
  });
  return net.image(y, windows(x.h, size, stride, padding), windows(x.w, size, stride, padding), c);
}

/** Transposed convolutions of stride 2, whose output's shape is computed. */
function transposed(type: string): Block {
  return {
    type,
    make: (net, x) => {
      const [h, w] = [2 * x.h, 2 * x.w];
      const volume = type === 'Conv3DBackpropInputV2';
      const c = type.startsWith('Depthwise') ? x.c : 2;
      const filter = type.startsWith('Depthwise') ? [3, 3, c, 1] : [3, 3, c, x.c];
      const dy = volume ? net.op('ExpandDims', [x.name, net.ints(1)]) : x.name;
      const sizes = net.shapeWithBatchOf(x.name, volume ? [1, h, w, c] : [h, w, c]);
      const kernel = fan(net, volume ? [1, ...filter] : filter, 9);
      const strides = volume ? [1, 1, 2, 2, 1] : [1, 2, 2, 1];
      const y = net.op(type, [sizes, kernel, dy], { strides, padding: 'SAME' });
      return net.image(volume ? net.op('Squeeze', [y], { squeeze_dims: [1] }) : y, h, w, c);
    },
  };
}

function pooling(type: string): Block {
  const volume = type.endsWith('3D');
  return {
    type,
    single: volume,
    anySize: true,
    make: (net, x) => {
      const padding = net.draw.of(['SAME', 'VALID']);
      const [size, stride] = [Math.min(2, x.h, x.w), net.draw.of([1, 2])];
      const [window, strides] = [size, stride].map((n) => (volume ? [1, 1, n, n, 1] : [1, n, n, 1])) as [
        number[],
        number[],
      ];
      const pool = (y: string, dtype: DType) =>
        type === 'MaxPoolV2'
          ? net.op(type, [y, net.ints(window), net.ints(strides)], { padding })
          : net.op(type, [y], { T: { type: dtype }, ksize: window, strides, padding });
      const y = volume
        ? net.inSingle(x.name, (single) => {
            const float = { T: { type: 'float32' } } as const;
            const deep = net.op('ExpandDims', [single, net.ints(1)], float);
            return net.op('Squeeze', [pool(deep, 'float32')], { ...float, squeeze_dims: [1] });
          })
        : pool(x.name, 'float64');
      return net.image(y, windows(x.h, size, stride, padding), windows(x.w, size, stride, padding), x.c);
    },
  };
}

function batchNorm(type: string): Block {
  const epsilon = 0.125;
  return {
    type,
    single: true,
    anySize: true,
    make: (net, x) => {
      const draw = (low: number, high: number) => net.draw.reals(x.c, low, high).map(Math.fround);
      const [scale, offset, mean, variance] = [draw(0.5, 1.5), draw(-1, 1), draw(-1, 1), draw(0.5, 2)];
      const y = net.inSingle(x.name, (single) => {
        const parameters = [scale, offset, mean, variance].map((values) =>
          net.graph.constant(values, [x.c], 'float32'),
        );
        const attributes = {
          T: { type: 'float32' },
          epsilon: { float: epsilon },
          is_training: false,
        } as const;
        return net.op(type, [single, ...parameters], {
          ...(type === 'FusedBatchNorm' ? {} : { U: { type: 'float32' } }),
          ...attributes,
        });
      });
      const bias = offset.map((each, i) => {
        const root = Math.sqrt((variance[i] as number) + epsilon);
        return each - ((mean[i] as number) * (scale[i] as number)) / root;
      });
      return net.addBias(net.like(x, y), bias);
    },
  };
}

function resizing(type: string): Block {
  return {
    type,
    single: true,
    make: (net, x) => {
      const [h, w] = [x.h + net.draw.below(3), Math.max(1, x.w - 1 + net.draw.below(3))];
      const mode = net.draw.of(['', 'half_pixel_centers', 'align_corners']);
      const attributes = { T: { type: 'float32' }, ...(mode === '' ? {} : { [mode]: true }) } as const;
      const y = net.inSingle(x.name, (single) => net.op(type, [single, net.ints([h, w])], attributes));
      return net.image(y, h, w, x.c);
    },
  };
}

/** Of a gradient as large as x, back to twice its size. */
function resizingGradient(type: string): Block {
  return {
    type,
    single: true,
    make: (net, x) => {
      const [h, w] = [2 * x.h, x.w + 1];
      const y = net.inSingle(x.name, (single) => {
        const float = { T: { type: 'float32' } } as const;
        const original =
          type === 'ResizeBilinearGrad'
            ? net.op('Fill', [net.shapeWithBatchOf(x.name, [h, w, x.c]), net.number(1, 'float32')], float)
            : net.ints([h, w]);
        return net.op(type, [single, original], { ...float, half_pixel_centers: true });
      });
      return net.image(y, h, w, x.c);
    },
  };
}

function biasAdd(type: string, operands: (x: string, bias: string) => string[], sign = 1): Block {
  return {
    type,
    anySize: true,
    make: (net, x) => {
      const value = net.draw.reals(x.c, -1, 1);
      const y = net.op(type, operands(x.name, net.graph.constant(value, [x.c], 'float64')));
      return net.addBias(
        net.like(x, y),
        value.map((each) => sign * each),
      );
    },
  };
}

const EQUATIONS: readonly (readonly [string, (c: number) => readonly number[]])[] = [
  ['nhwc,cd->nhwd', (c) => [c, 2]],
  ['...c,cd->...d', (c) => [c, 3]],
  ['nhwc,d->nhwd', () => [2]],
  ['nhwc,cd->nwhd', (c) => [c, 2]],
];

export const SPATIAL_BLOCKS: readonly Block[] = [
  {
    type: 'MatMul',
    make: (net, x) => {
      const rows = net.reshape(x.name, [-1, x.w * x.c]);
      const transpose_b = net.draw.chance(0.5);
      const shape = [x.w * x.c, 2 * x.w];
      const y = net.op('MatMul', [rows, fan(net, transpose_b ? shape.toReversed() : shape, x.w * x.c)], {
        transpose_b,
      });
      return net.image(net.reshape(y, [-1, x.h, x.w, 2]), x.h, x.w, 2);
    },
  },
  ...(['BatchMatMul', 'BatchMatMulV2', 'BatchMatMulV3'] as const).map((type) => ({
    type,
    make: (net: Network, x: Image) => {
      // (N, h, w, c) · (N, h, w, c)ᵀ
      if (type === 'BatchMatMul' || net.draw.chance(0.5)) {
        const y = net.op(type, [x.name, net.fit(net.beside(x).name, -1, 1)], { adj_y: true });
        return net.image(y, x.h, x.w, x.w);
      }
      // A matrix for all, and one for each row.
      const shape = net.draw.chance(0.5) ? [x.c, 2] : [x.h, x.c, 2];
      return net.image(net.op(type, [x.name, fan(net, shape, x.c)]), x.h, x.w, 2);
    },
  })),
  {
    type: 'Einsum',
    make: (net, x) => {
      const [equation, shape] = net.draw.of(EQUATIONS);
      const matrix = fan(net, shape(x.c), x.c);
      const y = net.op('Einsum', [x.name, matrix], { N: 2, equation });
      const [h, w] = equation.includes('nwh') ? [x.w, x.h] : [x.h, x.w];
      return net.image(y, h, w, shape(x.c).at(-1) as number);
    },
  },
  biasAdd('BiasAdd', (x, bias) => [x, bias]),
  biasAdd('BiasAddV1', (x, bias) => [x, bias]),
  biasAdd('AddV2', (x, bias) => [bias, x]),
  biasAdd('Sub', (x, bias) => [x, bias], -1),
  { type: 'Conv2D', anySize: true, make: (net, x) => convolve(net, x, 3) },
  { type: 'Conv2D', anySize: true, make: (net, x) => convolve(net, x, 2, { stride: 2 }) },
  {
    type: 'Conv2D',
    anySize: true,
    // Groups, or dilations.
    make: (net, x) => {
      const groups = net.draw.chance(0.5) ? x.c : 1;
      const dilations = groups === 1 ? [1, 2, 2, 1] : [1, 1, 1, 1];
      const kernel = fan(net, [2, 2, x.c / groups, 2 * groups], 4 * (x.c / groups));
      const attributes = { strides: [1, 1, 1, 1], dilations, padding: 'SAME' };
      return net.image(net.op('Conv2D', [x.name, kernel], attributes), x.h, x.w, 2 * groups);
    },
  },
  {
    type: 'DepthwiseConv2dNative',
    anySize: true,
    make: (net, x) => {
      const stride = net.draw.of([1, 2]);
      const attributes = { strides: [1, stride, stride, 1], padding: 'SAME' };
      const y = net.op('DepthwiseConv2dNative', [x.name, fan(net, [3, 3, x.c, 1], 9)], attributes);
      return net.image(y, Math.ceil(x.h / stride), Math.ceil(x.w / stride), x.c);
    },
  },
  {
    type: 'Conv3D',
    anySize: true,
    make: (net, x) => {
      const deep = net.op('ExpandDims', [x.name, net.ints(1)]);
      const attributes = { strides: [1, 1, 1, 1, 1], padding: 'SAME' };
      const y = net.op('Conv3D', [deep, fan(net, [1, 3, 2, x.c, 2], 6 * x.c)], attributes);
      return net.image(net.op('Squeeze', [y], { squeeze_dims: [1] }), x.h, x.w, 2);
    },
  },
  ...['Conv2DBackpropInput', 'Conv3DBackpropInputV2', 'DepthwiseConv2dNativeBackpropInput'].map(transposed),
  ...['MaxPool', 'MaxPoolV2', 'AvgPool', 'MaxPool3D', 'AvgPool3D'].map(pooling),
  ...['FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3'].map(batchNorm),
  {
    type: 'LRN',
    single: true,
    anySize: true,
    make: (net, x) => {
      const attributes = {
        T: { type: 'float32' },
        depth_radius: 1,
        bias: { float: 2 },
        alpha: { float: 0.5 },
      } as const;
      return net.like(
        x,
        net.inSingle(x.name, (y) => net.op('LRN', [y], { ...attributes, beta: { float: 0.75 } })),
      );
    },
  },
  ...['ResizeBilinear', 'ResizeNearestNeighbor', 'ResizeBicubic'].map(resizing),
  ...['ResizeBilinearGrad', 'ResizeNearestNeighborGrad'].map(resizingGradient),
];
