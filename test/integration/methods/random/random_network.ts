/** Random small networks of images, made of blocks. */
import { BLOCKS, type Block, RECTIFIERS } from './blocks.js';
import { Draw } from './draw.js';
import { type Image, Network } from './network.js';
import { convolve } from './spatial_blocks.js';

export interface RandomNetwork {
  readonly net: Network;
  readonly x: Image;
  readonly activations: Image;
  /** What the head takes, and by which op it makes features of it; null: it flattens. */
  readonly last: Image;
  readonly pooling: Pooling | null;
  /** Whether the logits are a dense layer's, with no softmax behind. */
  readonly linear: boolean;
  /** The tensor (N, UNITS). */
  readonly logits: string;
  /** Whether height and width are open, as -1. */
  readonly open: boolean;
  /** The op types that its blocks are for. */
  readonly blocks: readonly string[];
}

export type Pooling = 'Mean' | 'Max' | 'Sum';

export const UNITS = 3;
/** Images beyond these are made smaller, or larger, before the next block. */
const MOST_ELEMENTS = 60;
const LEAST_SIDE = 3;
const MOST_CHANNELS = 6;

export function randomNetwork(seed: number, must: readonly Block[]): RandomNetwork {
  const draw = new Draw(seed);
  const net = new Network(draw);
  const [h, w, c] = [draw.of([4, 5]), draw.of([4, 5]), draw.of([1, 2])];
  const others = BLOCKS.filter(({ single }) => single !== true);
  const more = Array.from({ length: draw.below(2) }, () => draw.of(others));
  if (draw.chance(0.5)) more.push(draw.of(others.filter(({ type }) => RECTIFIERS.includes(type))));
  const blocks = draw.shuffled([...must, ...more]);
  const open = blocks.every(({ anySize }) => anySize === true) && draw.chance(0.7);
  const shape = open ? [-1, -1, -1, c] : [-1, h, w, c];
  const name = net.graph.add('Placeholder', [], { dtype: { type: 'float64' }, shape: { shape } });
  const x = net.image(name, h, w, c);

  // Biases of what is merely scaled are counted otherwise than those of layers: a convolution comes first.
  let image = convolve(net, x, 2);
  net.images.push(image);
  for (const block of blocks) {
    image = net.image(...fitting(net, image));
    image = block.make(net, image);
    if (draw.chance(0.5)) image = net.like(image, net.fit(image.name, -2, 2));
    net.images.push(image);
  }
  // Behind the last the logits depend on it alone, else around it, too.
  const activations = draw.chance(0.4) ? image : draw.of(net.images);
  return {
    net,
    x,
    activations,
    last: image,
    ...head(net, image, open),
    open,
    blocks: blocks.map(({ type }) => type),
  };
}

function fitting(net: Network, image: Image): [string, number, number, number] {
  let { name, h, w, c } = image;
  if (Math.min(h, w) < LEAST_SIDE) {
    const [below, right] = [Math.max(0, LEAST_SIDE - h), Math.max(0, LEAST_SIDE - w)];
    name = net.op('Pad', [name, net.ints([0, 0, 0, below, 0, right, 0, 0], [4, 2])]);
    [h, w] = [h + below, w + right];
  }
  if (c > MOST_CHANNELS || h * w * c > MOST_ELEMENTS) {
    const stride = h * w * 3 > MOST_ELEMENTS ? 2 : 1;
    const kernel = net.weights([1, 1, c, 3]);
    const strides = [1, stride, stride, 1];
    name = net.op('Conv2D', [name, kernel], { strides, padding: 'SAME' });
    const made = net.image(name, Math.ceil(h / stride), Math.ceil(w / stride), 3);
    return fitting(net, made);
  }
  return [name, h, w, c];
}

/** Pooled, or flattened, then a dense layer, at times with a softmax. */
function head(net: Network, { name, h, w, c }: Image, open: boolean) {
  const { draw, graph } = net;
  const pooling = !open && draw.chance(0.3) ? null : draw.of<Pooling>(['Mean', 'Max', 'Sum']);
  const features = pooling === null ? h * w * c : c;
  const pooled =
    pooling === null ? net.reshape(name, [-1, features]) : net.op(pooling, [name, net.ints([1, 2])]);
  graph.scope = 'head/';
  const kernel = graph.constant(draw.reals(features * UNITS, -1, 1), [features, UNITS], 'float64', 'kernel');
  const dense = net.op('MatMul', [pooled, kernel]);
  const sum = net.op('AddV2', [dense, net.weights([UNITS])]);
  graph.scope = '';
  const linear = draw.chance(0.8);
  return { pooling, linear, logits: linear ? sum : net.op('Softmax', [sum]) };
}
