/**
 * Arrays of every make: `explain` and `tensor` give what they give for the same numbers in plain arrays, or a typed
 * error.
 */
import { types } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as ke from '../../../lib/index.js';
import { load, raw } from '../helpers/explain_fixture.js';
import {
  ARRAYS,
  type ArrayDType,
  anything,
  bits,
  bitsOf,
  constructorOf,
  detach,
  expectOneOf,
  laying,
  outcomeOf,
  PATIENCE,
  plainOf,
  realise,
  runs,
  Sabotage,
  sabotage,
} from '../model/hostile_models.js';

const { gradcam } = ke.methods.cams;
const UNITS = 3;
let model: ke.Model;
beforeAll(async () => {
  model = await load();
});
afterAll(() => model.close());

/** Bits of what `explain` gives for plain numbers. */
async function plainly(
  dtype: ArrayDType,
  values: readonly number[],
  y: number[][] | null = null,
): Promise<string> {
  const x = ke.tensor(plainOf(dtype, values), [values.length / 8, 2, 2, 2]);
  const result = await ke.explain(gradcam, model, x, y, raw);
  return bitsOf(result);
}

const bytesOf = (memory: ArrayBufferLike) => Buffer.from(new Uint8Array(memory)).toString('hex');

const dtypes = fc.constantFrom(...(Object.keys(ARRAYS) as ArrayDType[]));
const numbers = (samples: number) =>
  fc.array(fc.integer({ min: 0, max: 100 }), { minLength: samples * 8, maxLength: samples * 8 });
const oddNumber = fc.constantFrom(0, -0, 1e-45, -3.4e38, 3.4e38, Number.POSITIVE_INFINITY, 2 ** 53, -1e300);

/** Shapes that are (samples, 2, 2, 2), or not quite. */
const shaping: fc.Arbitrary<(shape: readonly number[]) => unknown> = fc.oneof(
  { weight: 6, arbitrary: fc.constant((shape: readonly number[]) => [...shape]) },
  fc.constantFrom<(shape: readonly number[]) => unknown>(
    (shape) => Object.freeze([...shape]),
    (shape) => new Proxy([...shape], {}),
    (shape) => new Proxy([...shape], { get: sabotage }),
    (shape) => shape.map((size, i) => (i === 0 ? -size : size)),
    (shape) => shape.map((size) => size + 0.5),
    (shape) => Object.assign(new Array(4), { 0: shape[0], 1: shape[1], 3: shape[3] }),
    (shape) => [2 ** 31, 2 ** 31, 2 ** 31, ...shape],
    (shape) => [...shape, 0, 2 ** 53],
    (shape) => [...Array(400).fill(1), ...shape],
    (shape) => Object.assign([...shape], { every: () => true, [Symbol.iterator]: sabotage, reduce: () => 8 }),
    (shape) => {
      // Another size each time that it is read.
      let reads = 0;
      return Object.defineProperty([...shape], 0, { get: () => (reads++ % 2 === 0 ? shape[0] : 64) });
    },
    (shape) => Object.assign(Object.create(null), shape, { length: 4 }),
    (shape) => Uint32Array.from(shape),
    (shape) => shape.map(String),
    (shape) => shape.join(),
  ),
  anything.map((value) => () => realise(value)),
);

/** How data and shape are handed over. */
type Wrap = (data: unknown, shape: unknown, dtype: ArrayDType) => unknown;
const wrapping: fc.Arbitrary<Wrap> = fc.constantFrom<Wrap>(
  (data, shape) => ({ data, shape }),
  (data, shape) => [{ data, shape }],
  (data, shape) => ({ x: { data, shape } }),
  (data, shape, dtype) => ({ data, shape, dtype }),
  (data, shape) => ke.tensor(data as never, shape as never),
  (data, shape) => new Proxy(ke.tensor(data as never, shape as never), {}),
  (data, shape) => new Proxy({ data, shape }, {}),
  (data, shape) => Object.assign(Object.create(null), { data, shape }),
  (data, shape) => Object.create({ data, shape }),
  // biome-ignore lint/suspicious/noThenProperty: a thenable is what this is.
  (data, shape) => ({ data, shape, then: sabotage, toString: sabotage, extra: 1 }),
  (data, shape) => ({
    shape,
    get data() {
      return sabotage() ?? data;
    },
  }),
  (data, shape) => ({
    data,
    // Into the API, while it is checking.
    get shape() {
      void ke.explain(gradcam, model, ke.tensor(new Float32Array(8), [1, 2, 2, 2]), null, raw);
      return shape;
    },
  }),
  (data, shape) => ({
    data,
    get shape() {
      if (!types.isProxy(data)) detach((data as { buffer: unknown }).buffer);
      return shape;
    },
  }),
  (data, shape) => {
    let reads = 0;
    return {
      shape,
      get data() {
        return reads++ % 2 === 0 ? data : new Float32Array(64);
      },
    };
  },
);

it(
  'x of every make and shape',
  async () => {
    const samples = fc.integer({ min: 1, max: 3 });
    const given = samples.chain((n) => fc.tuple(fc.constant(n), numbers(n)));
    await fc.assert(
      fc.asyncProperty(
        given,
        dtypes,
        laying,
        shaping,
        wrapping,
        async ([n, values], dtype, lay, shape, wrap) => {
          const expected = await plainly(dtype, values);
          const zeros = bitsOf(
            await ke.explain(gradcam, model, ke.tensor(new Float32Array(8 * n), [n, 2, 2, 2]), null, raw),
          );
          const plain = plainOf(dtype, values);
          const memory = plain.buffer;
          const before = bytesOf(memory);
          const { data, after, gone, about } = lay(plain);
          const outcome = await outcomeOf(async () => {
            const x = wrap(data, shape([n, 2, 2, 2]), dtype);
            const call = ke.explain(gradcam, model, x as ke.Tensor, null, raw);
            call.catch(() => undefined);
            after();
            return call;
          });
          if ('value' in outcome) {
            // What shrinks and grows again is zeros, from some element on.
            const any = gone || about.startsWith('lying') ? [expected, zeros] : [expected];
            if (!about.endsWith('both')) expectOneOf(bitsOf(outcome.value), any, about);
          }
          if (!gone && memory.byteLength > 0) {
            expect(bytesOf(memory)).toBe(before);
          }
          expect(await plainly(dtype, values)).toBe(expected);
        },
      ),
      runs(100),
    );
  },
  PATIENCE,
);

it(
  'x of odd numbers: NaN and Infinity are refused, all others are as in a plain array',
  async () => {
    const odd = fc.array(fc.oneof(oddNumber, fc.constant(Number.NaN), fc.double()), {
      minLength: 8,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(odd, fc.boolean(), async (values, nested) => {
        const given = () =>
          nested
            ? ke.tensor([
                [values.slice(0, 4), values.slice(4)].map((half) => [half.slice(0, 2), half.slice(2)]),
              ])
            : { data: values, shape: [1, 2, 2, 2] };
        const outcome = await outcomeOf(() => ke.explain(gradcam, model, given(), null, raw));
        const bad = values.map(Math.fround).find((value) => !Number.isFinite(value));
        expect('error' in outcome).toBe(bad !== undefined);
        if (bad !== undefined) {
          expect(String((outcome as { error: unknown }).error)).toContain(`${bad} at [0, `);
        } else
          expect(bitsOf((outcome as { value: ke.ExplainResult }).value)).toBe(
            await plainly('float32', values),
          );
      }),
      runs(80),
    );
  },
  PATIENCE,
);

const unit = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: UNITS - 1 }) },
  fc.constantFrom<unknown>(
    -1,
    UNITS,
    0.5,
    2 ** 31,
    2 ** 32,
    2 ** 53,
    Number.NaN,
    -0,
    1n,
    2n ** 64n,
    '0',
    true,
    null,
  ),
  fc.constantFrom<unknown>(undefined, Symbol('unit'), { valueOf: () => 1 }, [1]),
);

/** The units that `y` names, as they should be understood; null where it is to be refused. */
function understood(y: readonly unknown[], samples: number): number[][] | null {
  if (y.length !== samples) return null;
  const rows = y.map((row) => (Array.isArray(row) ? row : [row]));
  const deep = y.every(Array.isArray);
  if (!deep && y.some(Array.isArray)) return null;
  const [first = []] = rows;
  if (first.length === 0 || rows.some(({ length }) => length !== first.length)) return null;
  const isUnit = (each: unknown) =>
    (typeof each === 'bigint' || Number.isInteger(each)) && Number(each) >= 0 && Number(each) < UNITS;
  return rows.flat().every(isUnit) ? rows.map((row) => row.map(Number)) : null;
}

it(
  'y of every make',
  async () => {
    const nested = fc.oneof(
      fc.array(fc.array(unit, { minLength: 0, maxLength: 3 }), { minLength: 1, maxLength: 3 }),
      fc.array(fc.array(unit, { minLength: 2, maxLength: 2 }), { minLength: 2, maxLength: 2 }),
      fc.array(unit, { minLength: 1, maxLength: 3 }),
    );
    await fc.assert(
      fc.asyncProperty(nested, fc.integer({ min: 1, max: 2 }), async (y, samples) => {
        const values = Array.from({ length: samples * 8 }, (_, i) => i);
        const x = ke.tensor(plainOf('float32', values), [samples, 2, 2, 2]);
        const outcome = await outcomeOf(() => ke.explain(gradcam, model, x, y as number[][], raw));
        const units = understood(y, samples);
        expect('value' in outcome, 'accepted').toBe(units !== null);
        if ('value' in outcome) expect(bitsOf(outcome.value)).toBe(await plainly('float32', values, units));
      }),
      runs(60),
    );
    await fc.assert(
      fc.asyncProperty(
        dtypes,
        fc.array(fc.nat(UNITS - 1), { minLength: 2, maxLength: 2 }),
        laying,
        async (dtype, y, lay) => {
          const values = Array.from({ length: 16 }, (_, i) => i);
          const { data, after, about } = lay(plainOf(dtype, y));
          const call = () => {
            const x = ke.tensor(plainOf('float32', values), [2, 2, 2, 2]);
            const result = ke.explain(gradcam, model, x, data as Int32Array, raw);
            after();
            return result;
          };
          const outcome = await outcomeOf(call);
          const rows = y.map((each) => [each]);
          // Units are read before the call returns.
          if ('value' in outcome)
            expectOneOf(bitsOf(outcome.value), [await plainly('float32', values, rows)], about);
        },
      ),
      runs(100),
    );
  },
  PATIENCE,
);

const ALLOCATED = ['float32', 'float64', 'float16', 'bfloat16', 'bool', 'int8', 'uint64'] as const;

interface Tree extends Array<unknown> {}
const leaf = fc.oneof({ weight: 12, arbitrary: fc.integer({ min: -200, max: 300 }) }, anything);
const { tree } = fc.letrec<{ tree: unknown; list: Tree }>((tie) => ({
  tree: fc.oneof({ maxDepth: 4 }, leaf, tie('list')),
  list: fc.array(tie('tree'), { maxLength: 4 }) as fc.Arbitrary<Tree>,
}));
const regular = fc
  .tuple(
    fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 4 }),
    fc.array(leaf, { minLength: 81 }),
  )
  .map(([shape, leaves]) => {
    const build = ([size, ...inner]: readonly number[]): unknown =>
      size === undefined ? leaves.pop() : Array.from({ length: size }, () => build(inner));
    return build(shape);
  });

const typed = (value: unknown): value is ArrayLike<unknown> =>
  ArrayBuffer.isView(value) && !(value instanceof DataView);

/** The shape and numbers of nested arrays; null where they are none. Written otherwise than what it checks. */
function reference(value: unknown): { shape: number[]; values: unknown[] } | null {
  if (typed(value)) return reference(Array.from(value));
  if (!Array.isArray(value)) {
    return ['number', 'boolean', 'bigint'].includes(typeof value) ? { shape: [], values: [value] } : null;
  }
  if (value.length > 1000 || value.includes(value)) return null;
  const parts = Array.from(value, reference);
  const [first] = parts;
  if (first === undefined) return { shape: [0], values: [] };
  if (parts.some((part) => part?.shape.join() !== first?.shape.join())) return null;
  return (
    first && { shape: [parts.length, ...first.shape], values: parts.flatMap((part) => part?.values ?? []) }
  );
}

it(
  'nested arrays as tensors of every dtype',
  async () => {
    const floating = new Set<ArrayDType>(['float32', 'float64']);
    await fc.assert(
      fc.asyncProperty(fc.oneof(tree, regular), dtypes, async (drawn, dtype) => {
        const value = realise(drawn);
        const isArray = await outcomeOf(() => Array.isArray(value));
        // A Proxy that was revoked is neither.
        fc.pre('error' in isArray || isArray.value);
        const found = await outcomeOf(async () => reference(value));
        const right = 'value' in found ? found.value : null;
        const outcome = await outcomeOf(() => ke.tensor(value as ke.NestedArray, undefined, dtype));
        const kept = right?.values.every((each) => {
          if (floating.has(dtype)) return true;
          const back = Number.isInteger(each) || typeof each !== 'number' ? BigInt(each as number) : null;
          const array = new ARRAYS.int64(1) && constructorOf(dtype);
          const one = new array(new ArrayBuffer(8)) as unknown as Record<number, unknown>;
          if (back === null) return false;
          one[0] = dtype.endsWith('64') ? back : Number(back);
          return BigInt(one[0] as number) === back;
        });
        expect('value' in outcome, 'accepted').toBe(kept === true);
        if (!('value' in outcome) || right === null) return;
        const values = right.values.map(Number);
        if (!dtype.endsWith('nt64'))
          expect(bits(outcome.value)).toBe(bits(ke.tensor(plainOf(dtype, values), right.shape)));
      }),
      runs(500),
    );
  },
  PATIENCE,
);

it(
  'shapes of every rank and size',
  async () => {
    const size = fc.oneof(
      { weight: 5, arbitrary: fc.integer({ min: 0, max: 4 }) },
      fc.constantFrom(
        -1,
        0.5,
        2 ** 20,
        2 ** 31,
        2 ** 32,
        2 ** 53,
        2 ** 62,
        Number.NaN,
        Number.POSITIVE_INFINITY,
        1e300,
      ),
    );
    const shapes = fc.oneof(
      fc.array(size, { maxLength: 10 }),
      fc.integer({ min: 250, max: 260 }).map((rank) => Array(rank).fill(1) as number[]),
      anything,
    );
    await fc.assert(
      fc.asyncProperty(shapes, fc.constantFrom(...ALLOCATED), async (drawn, dtype) => {
        const shape = realise(drawn) as number[];
        const outcome = await outcomeOf(() => ke.allocate(shape, dtype));
        if (!('value' in outcome)) return;
        const elements = shape.reduce((product, each) => product * each, 1);
        expect(outcome.value.size).toBe(elements);
        expect(outcome.value.data.length).toBe(elements);
        outcome.value.release();
      }),
      runs(200),
    );
  },
  PATIENCE,
);

it('the caller of a getter that throws gets what it threw', async () => {
  const x = {
    data: new Float32Array(8),
    get shape(): number[] {
      return sabotage();
    },
  };
  await expect(ke.explain(gradcam, model, x, null, raw)).rejects.toBeInstanceOf(Sabotage);
});
