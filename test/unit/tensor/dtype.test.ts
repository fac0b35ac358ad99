import { describe, expect, it } from 'vitest';
import {
  bytesPerElement,
  dtypeOf,
  encode,
  isFloating,
  isInteger,
  NUMERIC_DTYPES,
  plainArray,
} from '../../../lib/tensor/dtype.js';

describe('encode', () => {
  // Bits from IEEE 754: sign, 5 bits of exponent with bias 15, 10 of mantissa.
  it.each([
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65504, 0x7bff], // the largest
    [65519.99, 0x7bff],
    [65520, 0x7c00], // rounds to infinity
    [Number.POSITIVE_INFINITY, 0x7c00],
    [Number.NEGATIVE_INFINITY, 0xfc00],
    [0.1, 0x2e66],
    [1 / 3, 0x3555],
    [2 ** -14, 0x0400], // the smallest normal
    [2 ** -24, 0x0001], // the smallest subnormal
    [2 ** -25, 0x0000], // half of it: to even
    [1.5 * 2 ** -24, 0x0002], // a tie: to even
    [1 + 2 ** -11, 0x3c00], // a tie: to even
    [1 + 3 * 2 ** -11, 0x3c02],
    [2047.5, 0x6800], // rounds up into the next exponent
  ])('writes %d as float16', (value, bits) => {
    expect(encode([value], 'float16')[0]).toBe(bits);
  });

  it('writes NaN as a NaN of half floats', () => {
    expect(encode([Number.NaN], 'float16')[0]).toBe(0x7e00);
    expect(encode([Number.NaN], 'bfloat16')[0]).toBe(0x7fc0);
  });

  it.each([
    [1, 0x3f80],
    [-1, 0xbf80],
    [3.140625, 0x4049],
    [1 + 2 ** -8, 0x3f80], // a tie: to even
    [1 + 3 * 2 ** -8, 0x3f82],
    [Number.POSITIVE_INFINITY, 0x7f80],
  ])('writes %d as bfloat16', (value, bits) => {
    expect(encode([value], 'bfloat16')[0]).toBe(bits);
  });

  it('writes integers of 64 bits and booleans', () => {
    expect(encode([1, -2n], 'int64')).toEqual(BigInt64Array.of(1n, -2n));
    expect(encode([true, false], 'bool')).toEqual(Uint8Array.of(1, 0));
  });
});

describe('dtypes', () => {
  it('are told from typed arrays', () => {
    expect(dtypeOf(new Float32Array(1))).toBe('float32');
    expect(dtypeOf(new Uint16Array(1))).toBe('uint16');
    expect(dtypeOf(new Uint8Array(1))).toBe('uint8');
    expect(dtypeOf(plainArray('data', new Uint8ClampedArray(1) as never))).toBe('uint8');
    expect(dtypeOf(new BigInt64Array(1))).toBe('int64');
  });

  it('are floating, integer or bool, and have a size', () => {
    const floating = NUMERIC_DTYPES.filter(isFloating);
    const integer = NUMERIC_DTYPES.filter(isInteger);
    expect(floating).toEqual(['float32', 'float64', 'float16', 'bfloat16']);
    expect([...floating, ...integer, 'bool'].length).toBe(NUMERIC_DTYPES.length);
    expect(NUMERIC_DTYPES.map(bytesPerElement)).toEqual([4, 8, 2, 2, 1, 2, 4, 8, 1, 2, 4, 8, 1]);
  });
});
