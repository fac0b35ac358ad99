/** Blocks that move, cut, join and pick elements. */
import type { Block } from './blocks.js';
import type { Image, Network } from './network.js';

const LAST_FIRST = [3, 0, 1, 2];
const FIRST_LAST = [1, 2, 3, 0];

/** `compute` on x (c, N, h, w), back as (N, h, w, c'). */
function alongChannels(net: Network, x: Image, c: number, compute: (turned: string) => string): Image {
  const y = compute(net.transpose(x.name, LAST_FIRST));
  return net.image(net.transpose(y, FIRST_LAST), x.h, x.w, c);
}

const indices = (net: Network, count: number, end: number) =>
  Array.from({ length: count }, () => net.draw.below(end));

const pads = (net: Network, values: readonly number[]) => net.ints(values, [4, 2]);

export const SHAPE_BLOCKS: readonly Block[] = [
  {
    type: 'Reshape',
    make: (net, x) => net.image(net.reshape(x.name, [-1, x.w, x.h, x.c]), x.w, x.h, x.c),
  },
  {
    type: 'Squeeze',
    anySize: true,
    make: (net, x) => {
      const mean = net.op('Mean', [x.name, net.ints([3])], { keep_dims: true });
      const less = net.op('Squeeze', [mean], { squeeze_dims: [3] });
      const y = net.op('ExpandDims', [net.op('Sin', [less]), net.ints(-1)]);
      return net.like(x, net.op('Mul', [x.name, y]));
    },
  },
  {
    type: 'ExpandDims',
    anySize: true,
    make: (net, x) => {
      const y = net.op('ExpandDims', [x.name, net.ints(2)]);
      return net.like(x, net.op('Squeeze', [net.op('Sin', [y])], { squeeze_dims: [2] }));
    },
  },
  {
    type: 'Transpose',
    make: (net, x) => net.image(net.transpose(x.name, [0, 2, 1, 3]), x.w, x.h, x.c),
  },
  {
    type: 'Pack',
    anySize: true,
    make: (net, x) => {
      const y = net.op('Pack', [x.name, net.beside(x).name], { N: 2, axis: -2 });
      return net.like(x, net.op('Prod', [net.fit(y, 0.5, 1.5), net.ints([3])]));
    },
  },
  {
    type: 'Unpack',
    anySize: true,
    make: (net, x) => {
      const parts = net.op('Unpack', [x.name], { num: x.c, axis: 3 });
      const all = Array.from({ length: x.c }, (_, i) => (i === 0 ? parts : `${parts}:${i}`));
      const turned = [...all.slice(1), all[0] as string];
      return net.like(x, net.op('Pack', turned, { N: x.c, axis: 3 }));
    },
  },
  {
    type: 'Split',
    make: (net, x) => {
      const twice = net.op('ConcatV2', [x.name, net.op('Sin', [x.name]), net.ints(1)], { N: 2 });
      const parts = net.op('Split', [net.ints(1), twice], { num_split: 2 });
      return net.like(x, net.op('Mul', [`${parts}:1`, parts]));
    },
  },
  {
    type: 'SplitV',
    anySize: true,
    make: (net, x) => {
      const twice = net.op('ConcatV2', [x.name, net.beside(x).name, net.ints(-1)], { N: 2 });
      const sizes = { Tlen: { type: 'int32' }, num_split: 2 } as const;
      const parts = net.op('SplitV', [twice, net.ints([2 * x.c - 1, 1]), net.ints(3)], sizes);
      return net.image(net.op('Mul', [parts, `${parts}:1`]), x.h, x.w, 2 * x.c - 1);
    },
  },
  {
    type: 'ConcatV2',
    anySize: true,
    make: (net, x) =>
      net.image(net.op('ConcatV2', [x.name, net.beside(x).name, net.ints(3)], { N: 2 }), x.h, x.w, 2 * x.c),
  },
  {
    type: 'Pad',
    anySize: true,
    make: (net, x) =>
      net.image(net.op('Pad', [x.name, pads(net, [0, 0, 1, 0, 0, 1, 0, 0])]), x.h + 1, x.w + 1, x.c),
  },
  {
    type: 'PadV2',
    anySize: true,
    make: (net, x) => {
      const filled = net.op('PadV2', [x.name, pads(net, [0, 0, 0, 0, 1, 0, 0, 1]), net.number(0.5)]);
      return net.image(filled, x.h, x.w + 1, x.c + 1);
    },
  },
  {
    type: 'MirrorPad',
    anySize: true,
    make: (net, x) => {
      const [mode, width] = net.draw.of([
        ['REFLECT', 1],
        ['SYMMETRIC', 2],
      ] as const);
      const padded = net.op('MirrorPad', [x.name, pads(net, [0, 0, 0, width, 1, 0, 0, 0])], { mode });
      return net.image(padded, x.h + width, x.w + 1, x.c);
    },
  },
  {
    type: 'Slice',
    anySize: true,
    make: (net, x) => {
      const cut = [x.name, net.ints([0, 1, 0, 0]), net.ints([-1, -1, -1, x.c])];
      return net.image(net.op('Slice', cut, { Index: { type: 'int32' } }), x.h - 1, x.w, x.c);
    },
  },
  {
    type: 'StridedSlice',
    anySize: true,
    make: (net, x) => {
      const cut = [x.name, net.ints([0, 1, -1, 0]), net.ints([0, 0, 0, x.c]), net.ints([1, 2, -1, 1])];
      const masks = { Index: { type: 'int32' }, begin_mask: 1, end_mask: 7 } as const;
      return net.image(net.op('StridedSlice', cut, masks), Math.floor(x.h / 2), x.w, x.c);
    },
  },
  {
    type: 'StridedSliceGrad',
    make: (net, x) => {
      const shape = net.shapeWithBatchOf(x.name, [2 * x.h, x.w, x.c]);
      const cut = [shape, net.ints([0, 1, 0, 0]), net.ints([0, 0, 0, 0]), net.ints([1, 2, 1, 1]), x.name];
      const masks = { Index: { type: 'int32' }, begin_mask: 1, end_mask: 15 } as const;
      return net.image(net.op('StridedSliceGrad', cut, masks), 2 * x.h, x.w, x.c);
    },
  },
  {
    type: 'Tile',
    anySize: true,
    make: (net, x) => net.image(net.op('Tile', [x.name, net.ints([1, 1, 2, 2])]), x.h, 2 * x.w, 2 * x.c),
  },
  {
    type: 'BroadcastTo',
    make: (net, x) => {
      const mean = net.op('Mean', [x.name, net.ints([1])], { keep_dims: true });
      const y = net.op('BroadcastTo', [mean, net.shapeWithBatchOf(x.name, [x.h, x.w, x.c])]);
      return net.like(x, net.op('Mul', [x.name, y]));
    },
  },
  {
    type: 'Fill',
    anySize: true,
    // Of a scalar, which all samples share: zero wherever they are.
    make: (net, x) => {
      const nothing = net.op('L2Loss', [net.op('Sub', [x.name, net.op('Identity', [x.name])])]);
      return net.like(x, net.op('AddV2', [x.name, net.op('Fill', [net.ints([x.c]), nothing])]));
    },
  },
  {
    type: 'ReverseV2',
    anySize: true,
    make: (net, x) => net.like(x, net.op('ReverseV2', [x.name, net.ints([1, -1])])),
  },
  {
    type: 'Roll',
    anySize: true,
    make: (net, x) => {
      const types = { Tshift: { type: 'int32' }, Taxis: { type: 'int32' } } as const;
      return net.like(x, net.op('Roll', [x.name, net.ints([1, -2]), net.ints([1, 3])], types));
    },
  },
  {
    type: 'SpaceToBatchND',
    make: (net, x) => {
      const block = net.ints([2, 2]);
      const [right, below] = [x.w % 2, x.h % 2];
      const edges = net.ints([0, below, 0, right], [2, 2]);
      const blocks = net.op('SpaceToBatchND', [x.name, block, edges]);
      return net.like(x, net.op('BatchToSpaceND', [net.op('Sin', [blocks]), block, edges]));
    },
  },
  {
    type: 'SpaceToDepth',
    make: (net, x) => {
      const even = net.op('Pad', [x.name, pads(net, [0, 0, 0, x.h % 2, 0, x.w % 2, 0, 0])]);
      const y = net.op('SpaceToDepth', [even], { block_size: 2 });
      return net.image(y, Math.ceil(x.h / 2), Math.ceil(x.w / 2), 4 * x.c);
    },
  },
  {
    type: 'DepthToSpace',
    make: (net, x) => {
      const deep = net.op('Tile', [net.op('Sin', [x.name]), net.ints([1, 1, 1, 4])]);
      return net.image(net.op('DepthToSpace', [deep], { block_size: 2 }), 2 * x.h, 2 * x.w, x.c);
    },
  },
  {
    type: 'MatrixBandPart',
    anySize: true,
    make: (net, x) =>
      net.like(
        x,
        net.op('MatrixBandPart', [x.name, net.ints(1), net.ints(1)], { Tindex: { type: 'int32' } }),
      ),
  },
  {
    type: 'Gather',
    anySize: true,
    make: (net, x) => alongChannels(net, x, 3, (y) => net.op('Gather', [y, net.ints(indices(net, 3, x.c))])),
  },
  {
    type: 'GatherV2',
    anySize: true,
    make: (net, x) => {
      const picked = net.ints(indices(net, 2, x.c));
      return net.image(net.op('GatherV2', [x.name, picked, net.ints(-1)], { batch_dims: 0 }), x.h, x.w, 2);
    },
  },
  {
    type: 'GatherNd',
    anySize: true,
    make: (net, x) =>
      alongChannels(net, x, 3, (y) => net.op('GatherNd', [y, net.ints(indices(net, 3, x.c), [3, 1])])),
  },
  {
    type: 'ScatterNd',
    make: (net, x) => {
      const shape = net.shapeWithBatchOf(x.name, [x.c + 1, x.h, x.w], 1);
      const types = { Tindices: { type: 'int32' } } as const;
      const places = net.ints(indices(net, x.c, x.c + 1), [x.c, 1]);
      return alongChannels(net, x, x.c + 1, (y) => net.op('ScatterNd', [places, y, shape], types));
    },
  },
  {
    type: 'TopKV2',
    anySize: true,
    make: (net, x) => {
      const count = Math.min(2, x.c);
      return net.image(net.op('TopKV2', [x.name, net.ints(count)]), x.h, x.w, count);
    },
  },
  {
    type: 'UnsortedSegmentSum',
    anySize: true,
    make: (net, x) => {
      const ids = net.ints(indices(net, x.c, 4).map((id) => id - 1));
      const types = { Tindices: { type: 'int32' }, Tnumsegments: { type: 'int32' } } as const;
      return alongChannels(net, x, 3, (y) => net.op('UnsortedSegmentSum', [y, ids, net.ints(3)], types));
    },
  },
  {
    type: 'Cumsum',
    anySize: true,
    make: (net, x) => {
      const [exclusive, reverse] = [net.draw.chance(0.5), net.draw.chance(0.5)];
      return net.like(
        x,
        net.op('Cumsum', [x.name, net.ints(net.draw.of([1, 2, -1]))], { exclusive, reverse }),
      );
    },
  },
];
