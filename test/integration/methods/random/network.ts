/** A random network under construction: images (N, h, w, c) in float64, and what blocks make them of. */
import type { Draw } from './draw.js';
import { type Attribute, type DType, GraphDef } from './graph_def.js';

export interface Image {
  /** The node in the graph. */
  readonly name: string;
  readonly h: number;
  readonly w: number;
  readonly c: number;
}

export interface Bias {
  /** The tensor that the bias is in, and its value per channel. */
  readonly tensor: Image;
  readonly value: readonly number[];
}

export interface Rectifier {
  readonly type: string;
  readonly name: string;
  readonly input: Image;
}

export type Attributes = Readonly<Record<string, Attribute>>;

/** Ops that name the dtype of their input otherwise than `T`. */
const DTYPE_OF: Readonly<Record<string, Attributes>> = {
  Cast: {},
  Gather: { Tparams: { type: 'float64' }, Tindices: { type: 'int32' } },
  GatherV2: { Tparams: { type: 'float64' }, Tindices: { type: 'int32' }, Taxis: { type: 'int32' } },
  GatherNd: { Tparams: { type: 'float64' }, Tindices: { type: 'int32' } },
  BatchMatMulV3: { Ta: { type: 'float64' }, Tb: { type: 'float64' }, Tout: { type: 'float64' } },
  PlaceholderWithDefault: { dtype: { type: 'float64' } },
  FusedBatchNormV2: { T: { type: 'float32' }, U: { type: 'float32' } },
  FusedBatchNormV3: { T: { type: 'float32' }, U: { type: 'float32' } },
};

const SQUEEZES = ['Tanh', 'Sin', 'Erf', 'Softsign'] as const;

export class Network {
  readonly graph = new GraphDef();
  readonly images: Image[] = [];
  readonly biases: Bias[] = [];
  readonly rectifiers: Rectifier[] = [];
  /** Whether part of it is computed in float32. */
  single = false;

  constructor(readonly draw: Draw) {}

  /** Adds an op; its `T` is float64 unless `attributes` say otherwise. */
  op(type: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.graph.add(type, inputs, { ...(DTYPE_OF[type] ?? { T: { type: 'float64' } }), ...attributes });
  }
  ints(values: readonly number[] | number, shape?: readonly number[]): string {
    const list = typeof values === 'number' ? [values] : values;
    return this.graph.constant(list, shape ?? (typeof values === 'number' ? [] : [list.length]), 'int32');
  }
  number(value: number, dtype: DType = 'float64'): string {
    return this.graph.constant([value], [], dtype);
  }
  /** Random weights. */
  weights(shape: readonly number[], low = -1, high = 1, dtype: DType = 'float64'): string {
    const count = shape.reduce((product, size) => product * size, 1);
    return this.graph.constant(this.draw.reals(count, low, high), shape, dtype);
  }
  cast(x: string, from: DType, to: DType): string {
    return this.op('Cast', [x], { SrcT: { type: from }, DstT: { type: to } });
  }
  /** float64 to float64 by an op that computes in float32. */
  inSingle(x: string, compute: (x: string) => string): string {
    this.single = true;
    return this.cast(compute(this.cast(x, 'float64', 'float32')), 'float32', 'float64');
  }
  reshape(x: string, shape: readonly number[]): string {
    return this.op('Reshape', [x, this.ints(shape)]);
  }
  transpose(x: string, order: readonly number[]): string {
    return this.op('Transpose', [x, this.ints(order)]);
  }
  /** The shape (N, ...rest) of `x`'s batch, as a tensor. */
  shapeWithBatchOf(x: string, rest: readonly number[], place = 0): string {
    const shape = this.op('Shape', [x]);
    const one = { T: { type: 'int32' }, Index: { type: 'int32' } } as const;
    const batch = this.op('StridedSlice', [shape, this.ints([0]), this.ints([1]), this.ints([1])], one);
    const parts = [this.ints(rest.slice(0, place)), batch, this.ints(rest.slice(place))];
    return this.op('ConcatV2', [...parts, this.ints(0)], { T: { type: 'int32' }, N: 3 });
  }
  /** An elementwise function of `x` with values in [low, high]. */
  fit(x: string, low: number, high: number): string {
    const squeezed = this.op(this.draw.of(SQUEEZES), [x]);
    const scaled = this.op('Mul', [squeezed, this.number((high - low) / 2)]);
    return this.op('AddV2', [scaled, this.number((high + low) / 2)]);
  }
  /** A node that passes another on, under its name with '_' behind. */
  alias(name: string): void {
    this.graph.alias(name, `${name}_`);
  }
  image(name: string, h: number, w: number, c: number): Image {
    return { name, h, w, c };
  }
  like(x: Image, name: string): Image {
    return { ...x, name };
  }
  addBias(tensor: Image, value: readonly number[]): Image {
    this.biases.push({ tensor, value });
    return tensor;
  }
  /** Another image of the size of `x`, or `x` as another function. */
  beside(x: Image): Image {
    const { h, w, c } = x;
    const same = this.images.filter((other) => other.h === h && other.w === w && other.c === c);
    if (same.length > 0 && this.draw.chance(0.7)) return this.draw.of(same);
    return this.like(x, this.op('Sin', [this.op('Mul', [x.name, this.number(this.draw.real(0.5, 2))])]));
  }
}
