/**
 * What the property tests share: the ways in which data can be other than it seems, and what may come of it, which is a
 * result equal to that of the same data given plainly, or a typed error. FAST_CHECK_RUNS and FAST_CHECK_SEED: see
 * scripts/test-property.mjs.
 */
import vm from 'node:vm';
import fc from 'fast-check';
import { expect } from 'vitest';
import * as ke from '../../../lib/index.js';

const { FAST_CHECK_RUNS, FAST_CHECK_SEED } = process.env;

/** `usual` runs, where nobody asked for more; the seed is told by fast-check where a property fails. */
export const runs = (usual: number) => ({
  numRuns: FAST_CHECK_RUNS === undefined ? usual : Number(FAST_CHECK_RUNS),
  ...(FAST_CHECK_SEED === undefined ? {} : { seed: Number(FAST_CHECK_SEED) }),
});
/** Of a test: a run takes milliseconds. */
export const PATIENCE = FAST_CHECK_RUNS === undefined ? 60_000 : 3_600_000;

/** What getters, traps and iterators of the hostile caller's throw: it is passed on as it is. */
export class Sabotage extends Error {}

export function sabotage(): never {
  throw new Sabotage('of the caller');
}

const MISUSE = new Set(['INVALID_ARGUMENT', 'OUT_OF_RANGE']);

/** Is it an error that this package promises: of its classes, with a code, and for misuse with the argument's name? */
export function isTyped(error: unknown): boolean {
  if (error instanceof ke.KerasExplainableError) return /^[A-Z_]+$/.test(error.code) && error.message !== '';
  if (!(error instanceof TypeError || error instanceof RangeError)) return false;
  const { code, message } = error as Error & { code?: unknown };
  return MISUSE.has(code as string) && /`[^`]+`|ption "/.test(message);
}

export type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/** How `action` ended. Fails for an error that is neither typed nor the caller's own. */
export async function outcomeOf<T>(action: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await action() };
  } catch (error) {
    // What the engine says of the caller's own: a Proxy that was revoked, a class as a function.
    const own = /has been revoked$|^Class constructor /.test((error as Error)?.message ?? '');
    if (!isTyped(error) && !(error instanceof Sabotage) && !own) {
      throw new Error(`untyped: ${(error as Error)?.stack ?? String(error)}`, { cause: error });
    }
    return { error };
  }
}

/** The bytes of a tensor, and what it is: equal where tensors are, bit for bit. */
export const bits = ({ dtype, shape, data }: ke.Tensor) =>
  `${dtype}(${shape})${Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')}`;

export const bitsOf = ({ logits, maps }: ke.ExplainResult<ke.Tensor | ke.RaggedTensor>) =>
  `${bits(logits as ke.Tensor)} ${bits(maps as ke.Tensor)}`;

export const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
} as const;
export type ArrayDType = keyof typeof ARRAYS;
type AnyArray = InstanceType<(typeof ARRAYS)[ArrayDType]>;
type AnyConstructor = {
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): AnyArray;
  readonly BYTES_PER_ELEMENT: number;
  readonly prototype: object;
  readonly name: string;
};

export const constructorOf = (dtype: ArrayDType) => ARRAYS[dtype] as unknown as AnyConstructor;

/** `values` as a plain array of `dtype`. */
export function plainOf(dtype: ArrayDType, values: readonly number[]): AnyArray {
  const { [dtype]: array } = ARRAYS;
  const big = dtype === 'int64' || dtype === 'uint64';
  return (array as unknown as { from: (values: readonly unknown[]) => AnyArray }).from(
    big ? values.map(BigInt) : values,
  );
}

/** Overrides of a subclass, each a lie about the elements or an end of whoever believes it. */
const LIES: Readonly<Record<string, PropertyDescriptor>> = {
  longer: { get: () => 64 },
  shorter: { get: () => 8 },
  negative: { get: () => -1 },
  throwing: { get: sabotage },
  empty: { value: () => new Float32Array(0) },
  nothing: { value: () => undefined },
};

const lie = fc.tuple(
  fc.constantFrom(
    'length',
    'byteLength',
    'byteOffset',
    'buffer',
    'subarray',
    'slice',
    'set',
    'includes',
    'constructor',
  ),
  fc.constantFrom(...Object.keys(LIES)),
);

function lying(array: AnyArray, lies: readonly (readonly [string, string])[], inClass: boolean): AnyArray {
  const target = inClass ? Object.create(Object.getPrototypeOf(array)) : array;
  for (const [name, kind] of lies) {
    Object.defineProperty(target, name, { configurable: true, ...LIES[kind] });
  }
  if (inClass) Object.setPrototypeOf(array, target);
  return array;
}

/** How the memory of an array lies; `after` is called when the call that was given it has returned. */
export interface Laid {
  readonly data: unknown;
  readonly after: () => void;
  /** Whether `after` takes the elements away or changes them. */
  readonly gone: boolean;
  readonly about: string;
}

const nothing = () => undefined;

export function detach(buffer: unknown): void {
  // Transferred already, it has no bytes.
  if (buffer instanceof ArrayBuffer && buffer.byteLength > 0) structuredClone(0, { transfer: [buffer] });
}

function layPlainly(plain: AnyArray, buffer: ArrayBufferLike, at = 0, fixed = true): AnyArray {
  const array = Object.getPrototypeOf(plain).constructor as AnyConstructor;
  const view = fixed ? new array(buffer, at, plain.length) : new array(buffer, at);
  (view as Float32Array).set(plain as Float32Array);
  return view;
}

type Resizable = ArrayBuffer & { resize(bytes: number): void };
const resizable = (bytes: number, most: number) =>
  new (ArrayBuffer as unknown as new (bytes: number, options: object) => Resizable)(bytes, {
    maxByteLength: most,
  });

/** Ways to lay the elements of a plain array. */
export const laying: fc.Arbitrary<(plain: AnyArray) => Laid> = fc.oneof(
  fc.constantFrom<(plain: AnyArray) => Laid>(
    (plain) => ({ data: plain, after: nothing, gone: false, about: 'plain' }),
    (plain) => {
      const at = 3 * plain.BYTES_PER_ELEMENT;
      const data = layPlainly(plain, new ArrayBuffer(plain.byteLength + 2 * at), at);
      return { data, after: nothing, gone: false, about: 'offset' };
    },
    (plain) => {
      const pooled = Buffer.from(new Uint8Array(plain.buffer, plain.byteOffset, plain.byteLength));
      const fits = pooled.byteOffset % plain.BYTES_PER_ELEMENT === 0;
      const data = fits ? layPlainly(plain, pooled.buffer, pooled.byteOffset) : plain;
      return { data, after: nothing, gone: false, about: 'pool' };
    },
    (plain) => ({
      data: layPlainly(plain, new SharedArrayBuffer(plain.byteLength)),
      after: nothing,
      gone: false,
      about: 'shared',
    }),
    (plain) => ({
      data: vm.runInNewContext(`new ${Object.getPrototypeOf(plain).constructor.name}(plain)`, {
        plain: [...plain],
      }),
      after: nothing,
      gone: false,
      about: 'of another realm',
    }),
    (plain) => ({
      data: plain,
      after: () => detach(plain.buffer),
      gone: true,
      about: 'transferred later',
    }),
    (plain) => {
      detach(plain.buffer);
      return { data: plain, after: nothing, gone: true, about: 'transferred before' };
    },
    (plain) => ({ data: new Proxy(plain, {}), after: nothing, gone: true, about: 'a Proxy' }),
    (plain) => ({ data: new DataView(plain.buffer), after: nothing, gone: true, about: 'a DataView' }),
  ),
  fc
    .tuple(fc.boolean(), fc.constantFrom('grow', 'shrink', 'both', 'before'))
    .map(([fixed, how]) => (plain: AnyArray) => {
      const { byteLength } = plain;
      const buffer = resizable(byteLength, 4 * byteLength);
      const data = layPlainly(plain, buffer, 0, fixed);
      const shrink = () => buffer.resize(Math.floor(byteLength / 2));
      if (how === 'before') shrink();
      const after = () => {
        if ((buffer as unknown as { detached?: boolean }).detached === true || buffer.byteLength === 0)
          return;
        if (how === 'grow') buffer.resize(4 * byteLength);
        if (how === 'shrink' || how === 'both') shrink();
        if (how === 'both') buffer.resize(byteLength);
      };
      return { data, after, gone: how !== 'grow', about: `resizable ${fixed} ${how}` };
    }),
  fc
    .tuple(fc.array(lie, { minLength: 1, maxLength: 3 }), fc.boolean())
    .map(([lies, inClass]) => (plain: AnyArray) => ({
      data: lying(plain, lies, inClass),
      after: nothing,
      gone: false,
      about: `lying ${lies}`,
    })),
);

/** A hostile value, made when a property uses it: fast-check looks into the values that it makes. */
export class Maker {
  constructor(readonly make: () => unknown) {}
  toString(): string {
    return String(this.make);
  }
}

/** `value` with all that its makers make, in arrays and records of ours, too. */
export function realise(value: unknown): unknown {
  if (value instanceof Maker) return value.make();
  if (Array.isArray(value)) return Array.from(value, realise);
  return value;
}

const HOSTILE: readonly (() => unknown)[] = [
  () => [],
  () => ({}),
  () => [[]],
  () => Object.assign(new Array(3), { 0: 1, 2: 2 }),
  () => new Array(2 ** 32 - 1),
  () => Object.create(null),
  () => new Proxy({}, { get: sabotage, ownKeys: sabotage, has: sabotage }),
  () => new Proxy([], { get: sabotage }),
  () => new Proxy(function hostile() {}, { get: sabotage, apply: sabotage }),
  () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
  () => JSON.parse('{"__proto__": {"batchSize": 1}, "constructor": 3}'),
  () => ({ valueOf: () => 1, toString: sabotage }),
  () => ({ toString: () => 'x', [Symbol.toPrimitive]: sabotage }),
  // biome-ignore lint/suspicious/noThenProperty: a thenable is what this is.
  () => ({ then: sabotage }),
  () => ({
    get constructor() {
      return sabotage();
    },
  }),
  () => Object.defineProperty(() => 1, 'name', { value: Symbol('name') }),
  () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    return cycle;
  },
  () => new Map([['batchSize', 1]]),
  () => new Date(Number.NaN),
  () => new Float32Array(3),
  () => new SharedArrayBuffer(8),
  () => ke.tensor([1, 2, 3]),
  () => new Proxy(ke.tensor([1, 2, 3]), {}),
  () => () => undefined,
  () => async () => sabotage(),
  () => class Hostile {},
  () => Promise.resolve(1),
  () => 'a'.repeat(10_000),
  () => 'a\0b',
];

const rest = {
  withBigInt: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withTypedArray: true,
};

/** Values of every kind, and makers of objects that are other than they seem: for {@link realise}. */
export const anything: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    ...[undefined, null, true, false, '', 'auto', '0', '__proto__', 'toString', Symbol('hostile')],
    ...[1n, -1n, 2n ** 64n, 0, -0, 1, 2, 3, -1, 0.5, 1.5, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, -(2 ** 31)],
    ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300, 5e-324],
  ),
  fc.constantFrom(...HOSTILE).map((make) => new Maker(make)),
  fc.anything({ ...rest, maxDepth: 2 }),
);

/** Fails where `result` is none of `expected`: silent garbage. */
export function expectOneOf(result: string, expected: readonly string[], about: string): void {
  expect(expected.includes(result), `${about}: ${result} is none of ${expected}`).toBe(true);
}
