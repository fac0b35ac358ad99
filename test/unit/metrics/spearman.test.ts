import { expect, test } from 'vitest';
import { spearman } from '../../../lib/metrics/spearman.js';

test('is 1 for one order and -1 for the reversed order', () => {
  expect(spearman([1, 2, 3], [10, 200, 3000])).toBe(1);
  expect(spearman([1, 2, 3], [3, 2, -1])).toBe(-1);
});

test('is the formula without ties, 1 - 6 Σd² / (n (n² - 1))', () => {
  // Ranks 0 1 2 3 4 and 1 0 4 2 3: d² = 1 + 1 + 4 + 1 + 1 = 8, 1 - 48 / 120.
  expect(spearman([1, 2, 3, 4, 5], [2, 1, 5, 3, 4])).toBeCloseTo(0.6, 12);
});

test('equal values share the mean of their ranks', () => {
  // Ranks 0, 1.5, 1.5, 3 and 0, 1, 2, 3, less 1.5: (2.25 + 0 + 0 + 2.25) / √(4.5 · 5).
  expect(spearman([1, 2, 2, 3], [1, 2, 3, 4])).toBeCloseTo(4.5 / Math.sqrt(22.5), 12);
  // Ranks 0.5, 0.5, 2 in both.
  expect(spearman([0, -0, 1], [5, 5, 6])).toBe(1);
});

test('infinities are the outermost ranks, equal ones ties', () => {
  const { POSITIVE_INFINITY: most, NEGATIVE_INFINITY: least } = Number;
  expect(spearman([least, 0, most], [1, 2, 3])).toBe(1);
  expect(spearman([most, most, least, least], [4, 4, 1, 1])).toBe(1);
  expect(spearman([most, 1, most, 2], [4, 1, 4, 2])).toBe(1);
});

test('is NaN if no order is defined', () => {
  expect(spearman([1, Number.NaN, 3], [1, 2, 3])).toBeNaN();
  expect(spearman([1, 2, 3], [1, 2, Number.NaN])).toBeNaN();
  expect(spearman([1, 1, 1], [1, 2, 3])).toBeNaN();
  expect(spearman([], [])).toBeNaN();
});

test('takes typed arrays, which stay as they are', () => {
  const values = Float32Array.of(3, 1, 2);
  expect(spearman(values, Float64Array.of(30, 10, 20))).toBe(1);
  expect([...values]).toEqual([3, 1, 2]);
});

test('refuses arrays of different lengths', () => {
  expect(() => spearman([1, 2], [1, 2, 3])).toThrow(RangeError);
});
