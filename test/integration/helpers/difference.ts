/** The largest difference between two tensors, as a share of the largest value of `b`. */
import { expect } from 'vitest';
import type * as ke from '../../../lib/index.js';

export function difference(a: ke.Tensor, b: ke.Tensor): number {
  expect(a.shape).toEqual(b.shape);
  const [x, y] = [a.data as Float32Array, b.data as Float32Array];
  const largest = y.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(largest).toBeGreaterThan(0);
  return x.reduce((most, value, i) => Math.max(most, Math.abs(value - (y[i] as number))), 0) / largest;
}
