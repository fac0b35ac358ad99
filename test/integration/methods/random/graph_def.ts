/** Graphs written as TensorFlow's GraphDef, node by node, and cut where a tensor is to be fed. */

export type DType = 'float32' | 'float64' | 'int32' | 'int64' | 'bool';

/** An attribute: integers, booleans, strings and lists of integers are what they are, the rest says what it is. */
export type Attribute =
  | number
  | boolean
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly type: DType }
  | { readonly types: readonly DType[] }
  | { readonly shape: Shape };

/** -1: an open size. */
export type Shape = readonly number[];

interface Node {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly attributes: Readonly<Record<string, Uint8Array>>;
}

const DTYPES: Readonly<Record<DType, number>> = { float32: 1, float64: 2, int32: 3, int64: 9, bool: 10 };
const PRODUCER = 1882;

/** Protocol buffers' wire format, as far as a GraphDef needs it. */
class Message {
  readonly #bytes: number[] = [];

  #varint(value: bigint): this {
    let left = BigInt.asUintN(64, value);
    while (left > 127n) {
      this.#bytes.push(Number(left & 127n) | 128);
      left >>= 7n;
    }
    this.#bytes.push(Number(left));
    return this;
  }
  integer(field: number, value: number): this {
    return this.#varint(BigInt(field << 3)).#varint(BigInt(value));
  }
  float(field: number, value: number): this {
    this.#varint(BigInt((field << 3) | 5));
    this.#bytes.push(...new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }
  bytes(field: number, value: Uint8Array | string): this {
    const data = typeof value === 'string' ? new TextEncoder().encode(value) : value;
    this.#varint(BigInt((field << 3) | 2)).#varint(BigInt(data.length));
    for (const byte of data) this.#bytes.push(byte);
    return this;
  }
  done(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

function encodeShape(shape: Shape): Uint8Array {
  const message = new Message();
  for (const size of shape) message.bytes(2, new Message().integer(1, size).done());
  return message.done();
}

function encodeTensor(values: readonly number[], shape: Shape, dtype: DType): Uint8Array {
  const typed = {
    float32: () => Float32Array.from(values),
    float64: () => Float64Array.from(values),
    int32: () => Int32Array.from(values),
    int64: () => BigInt64Array.from(values.map(BigInt)),
    bool: () => Uint8Array.from(values),
  }[dtype]();
  return new Message()
    .integer(1, DTYPES[dtype])
    .bytes(2, encodeShape(shape))
    .bytes(4, new Uint8Array(typed.buffer))
    .done();
}

function encodeAttribute(value: Attribute): Uint8Array {
  const message = new Message();
  if (typeof value === 'number') return message.integer(3, value).done();
  if (typeof value === 'boolean') return message.integer(5, Number(value)).done();
  if (typeof value === 'string') return message.bytes(2, value).done();
  if ('float' in value) return message.float(4, value.float).done();
  if ('type' in value) return message.integer(6, DTYPES[value.type]).done();
  if ('shape' in value) return message.bytes(7, encodeShape(value.shape)).done();
  const list = new Message();
  if ('types' in value) for (const type of value.types) list.integer(6, DTYPES[type]);
  else for (const each of value) list.integer(3, each);
  return message.bytes(1, list.done()).done();
}

export class GraphDef {
  readonly #nodes = new Map<string, Node>();

  /** What names of further nodes begin with, as those of a layer do: 'head/'. */
  scope = '';

  /** Adds a node, named after its op; returns that name, which stands for its output 0 ('name:1' for its output 1). */
  add(op: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string {
    const encoded = Object.entries(attributes).map(([key, value]) => [key, encodeAttribute(value)]);
    return this.#put(op, { op, inputs, attributes: Object.fromEntries(encoded) });
  }

  constant(values: readonly number[], shape: Shape, dtype: DType, name?: string): string {
    const attributes = {
      dtype: encodeAttribute({ type: dtype }),
      value: new Message().bytes(8, encodeTensor(values, shape, dtype)).done(),
    };
    return this.#put('Const', { op: 'Const', inputs: [], attributes }, name);
  }

  /** Adds an Identity of float64 under a name of its own. */
  alias(of: string, name: string): void {
    this.#nodes.set(name, {
      op: 'Identity',
      inputs: [of],
      attributes: { T: encodeAttribute({ type: 'float64' }) },
    });
  }

  #put(base: string, node: Node, given = `${base}_${this.#nodes.size}`): string {
    const name = `${this.scope}${given}`;
    this.#nodes.set(name, node);
    return name;
  }

  /** The op types that `outputs` are computed by, and of these nodes the names. */
  reach(outputs: readonly string[], cut: readonly string[] = []): { types: Set<string>; names: Set<string> } {
    const names = new Set<string>();
    const left = [...outputs];
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      const node = name.split(':')[0] as string;
      if (names.has(node)) continue;
      names.add(node);
      if (!cut.includes(node)) left.push(...(this.#nodes.get(node) as Node).inputs);
    }
    return { names, types: new Set([...names].map((name) => (this.#nodes.get(name) as Node).op)) };
  }

  /** The serialised graph that `outputs` need, with float64 placeholders in place of the nodes of `cuts`. */
  encode(outputs: readonly string[], cuts: Readonly<Record<string, Shape>>): Uint8Array {
    const message = new Message();
    const { names } = this.reach(outputs, Object.keys(cuts));
    for (const [name, { op, inputs, attributes }] of this.#nodes) {
      if (!names.has(name)) continue;
      const cut = cuts[name];
      const node = new Message().bytes(1, name).bytes(2, cut === undefined ? op : 'Placeholder');
      if (cut === undefined) for (const input of inputs) node.bytes(3, input);
      const written =
        cut === undefined
          ? attributes
          : { dtype: encodeAttribute({ type: 'float64' }), shape: encodeAttribute({ shape: cut }) };
      for (const [key, value] of Object.entries(written)) {
        node.bytes(5, new Message().bytes(1, key).bytes(2, value).done());
      }
      message.bytes(1, node.done());
    }
    return message.bytes(4, new Message().integer(1, PRODUCER).done()).done();
  }
}
