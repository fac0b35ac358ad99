/** What tells two recordings apart: methods that differ in one number must not share a compiled function. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as ke from '../../../lib/index.js';
import { load, raw } from '../helpers/explain_fixture.js';

const { ops } = ke.graph;
const { NaN: nan, POSITIVE_INFINITY: most, NEGATIVE_INFINITY: least } = Number;

let model: ke.Model;

beforeAll(async () => {
  model = await load();
});
afterAll(() => model.close());

/** Two values, -1 and 1, at the positions of a map. */
const x = ke.tensor(Float32Array.of(-1, 0, 1, 0, -1, 0, 1, 0), [1, 2, 2, 2]);

/**
 * Explains by what `maps` makes of the inputs, and gives the first two positions' first channel and what was compiled.
 */
async function explain(maps: (inputs: ke.graph.Symbolic) => ke.graph.Symbolic) {
  const method = ({ model, inputs }: ke.MethodArguments): ke.MethodResult => {
    const [logits] = model(inputs);
    return { logits, maps: maps(inputs) };
  };
  const { logits, maps: found } = await ke.explain(method, model, x, null, raw);
  const values = found.data as Float32Array;
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)[0];
  const [first, second] = [values[0], values[2]];
  logits.release();
  found.release();
  return { values: [first, second], bits, compiled: model.core.functions.size };
}

describe('an attribute', () => {
  // alpha · x where x < 0.
  const expected = [
    [nan, nan],
    [most, least],
    [least, most],
    [0, -0],
    [-0, 0],
    [1, -1],
  ] as const;

  test('that is another number makes another function, an equal one the same', async () => {
    const before = model.core.functions.size;
    for (const [i, [alpha, value]] of expected.entries()) {
      const { values, compiled } = await explain((inputs) => ops.leakyRelu(inputs, alpha));
      expect(values).toEqual([value, 1]);
      expect(compiled).toBe(before + i + 1);
    }
    // Each method is a function of its own, so that each call records it again.
    for (const [alpha, value] of expected) {
      const { values, compiled } = await explain((inputs) => ops.leakyRelu(inputs, alpha));
      expect(values).toEqual([value, 1]);
      expect(compiled).toBe(before + expected.length);
    }
  });
});

describe('a constant', () => {
  // Quiet NaNs of different payloads and signs, infinities and zeros, by their bits.
  const patterns = [0x7fc00000, 0x7fc00001, 0xffc00000, 0x7f800000, 0xff800000, 0x00000000, 0x80000000];

  test('of other bits makes another function, one of equal bits the same', async () => {
    const own = await load();
    const shared = model;
    model = own;
    try {
      const constant = (bits: number) => (inputs: ke.graph.Symbolic) => {
        const value = ke.tensor(new Float32Array(Uint32Array.of(bits).buffer), [1, 1, 1, 1]);
        return ops.where(ops.equal(inputs, inputs), value, inputs);
      };
      for (const [i, pattern] of patterns.entries()) {
        expect(await explain(constant(pattern))).toMatchObject({ bits: pattern, compiled: i + 1 });
      }
      for (const pattern of patterns) {
        expect(await explain(constant(pattern))).toMatchObject({ bits: pattern, compiled: patterns.length });
      }
    } finally {
      model = shared;
      own.close();
    }
  });
});
