import { expect, test } from 'vitest';
import { exactJson } from '../../../lib/support/exact_json.js';

const { NaN: nan, POSITIVE_INFINITY: most, NEGATIVE_INFINITY: least } = Number;

test('tells every number from every other one, null and text', () => {
  const values = [nan, most, least, 0, -0, null, 'NaN', 'Infinity', '-0', 1, '1'];
  const nested = values.map((value) => exactJson({ floats: [value] }));
  expect(new Set(nested).size).toBe(values.length);
  expect(new Set(values.map(exactJson)).size).toBe(values.length);
});

test('is JSON, and of finite numbers that of JSON.stringify', () => {
  const value = { a: [1, 2.5, -3e-9], b: { c: 'x', d: true, e: null }, f: undefined };
  expect(exactJson(value)).toBe(JSON.stringify(value));
  expect(JSON.parse(exactJson([nan, -0]))).toEqual([{ number: 'NaN' }, { number: '-0' }]);
});
