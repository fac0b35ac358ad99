import { describe, expect, test } from 'vitest';
import { inputsOf } from '../../../lib/cli/predict/arrays.js';
import { nest, numbersOf } from '../../../lib/cli/shared/values.js';
import type { TensorSpec } from '../../../lib/graph/layer.js';
import { encode } from '../../../lib/tensor/dtype.js';
import { tensor } from '../../../lib/tensor/tensor.js';

describe('values', () => {
  // Exact in both: the largest, the least, subnormal of float16, signs, halves.
  const EXACT = [0, 1, -1, 0.5, -2.5, 1.0078125, 128, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

  test.each(['float16', 'bfloat16', 'float32', 'float64'] as const)('%s becomes numbers', (dtype) => {
    const values = numbersOf(tensor(encode(EXACT, dtype), [EXACT.length], dtype));
    expect([...values]).toEqual(EXACT);
    expect(numbersOf(tensor(encode([Number.NaN], dtype), [1], dtype))[0]).toBeNaN();
  });

  test('float16 goes down to its least subnormal and up to its largest', () => {
    const values = [2 ** -24, 3 * 2 ** -24, 2 ** -14, 65504, -65504];
    expect([...numbersOf(tensor(encode(values, 'float16'), [5], 'float16'))]).toEqual(values);
  });

  test('integers become numbers, including 64-bit integers', () => {
    expect([...numbersOf(tensor(BigInt64Array.of(-3n, 7n)))]).toEqual([-3, 7]);
    expect([...numbersOf(tensor(Uint8Array.of(0, 255)))]).toEqual([0, 255]);
  });

  test('are nested by their shape, row-major', () => {
    expect(nest([1, 2, 3, 4, 5, 6], [3, 2])).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    expect(nest([7], [])).toBe(7);
    expect(nest([], [0, 2])).toEqual([]);
  });
});

describe('arrays', () => {
  const spec = (name: string): TensorSpec => ({ name, dtype: 'float32', shape: [null, 2] });
  const rows = (count: number) => tensor(new Float32Array(2 * count), [count, 2]);
  const [one, two] = [rows(3), rows(3)];

  test('a single array goes to a single input of any name', () => {
    expect(inputsOf({ inputs: [spec('image')] }, { '': one })).toEqual([one]);
    expect(inputsOf({ inputs: [spec('image')] }, { x: one })).toEqual([one]);
  });

  test('several go by name, in the order of the inputs', () => {
    const inputs = [spec('right'), spec('left')];
    const found = inputsOf({ inputs }, { left: one, right: two, other: rows(1) });
    expect(found[0]).toBe(two);
    expect(found[1]).toBe(one);
  });

  test('those that are missing are named, with how to write them', () => {
    const inputs = [spec('right'), spec('left')];
    expect(() => inputsOf({ inputs }, { '': one })).toThrow(
      "--inputs: expected arrays named right, left, as the model's inputs are, received one without a name. " +
        'In NumPy: np.savez(file, right=..., left=...).',
    );
    expect(() => inputsOf({ inputs: [spec('a')] }, {})).toThrow('received none');
  });

  test('of different lengths are refused', () => {
    const inputs = [spec('a'), spec('b')];
    expect(() => inputsOf({ inputs }, { a: one, b: rows(2) })).toThrow(
      'one number of rows, received 3 and 2',
    );
  });
});
