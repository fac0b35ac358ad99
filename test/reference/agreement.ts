/** How far two sets of maps or logits lie apart, in shares of what they span. */
import { expect } from 'vitest';
import type { Values } from './tensors.js';

/** The largest difference that is let pass, as a share of a map's range. */
export const TOLERANCE = 1e-4;

interface Received {
  readonly data: ArrayLike<number | bigint>;
  readonly shape: readonly number[];
}

/**
 * The largest difference of (N, ..., U) maps, each map (one sample, one unit) relative to its own range. A map that
 * is constant (a positive filter over negative evidence) has none and must be met exactly; at least one must not be.
 * NaN wherever one side has a NaN, which no tolerance lets pass.
 */
export function mapError(received: Received, expected: Values): number {
  expect(received.shape).toEqual(expected.shape);
  const samples = expected.shape[0] as number;
  const units = expected.shape.at(-1) as number;
  const places = expected.data.length / samples / units;
  let worst = 0;
  let widest = 0;
  for (let sample = 0; sample < samples; sample++) {
    for (let unit = 0; unit < units; unit++) {
      let [least, most, difference] = [Infinity, -Infinity, 0];
      for (let place = 0; place < places; place++) {
        const at = (sample * places + place) * units + unit;
        const value = expected.data[at] as number;
        least = Math.min(least, value);
        most = Math.max(most, value);
        difference = Math.max(difference, Math.abs(Number(received.data[at]) - value));
      }
      widest = Math.max(widest, most - least);
      worst = Math.max(worst, difference === 0 ? 0 : difference / (most - least));
    }
  }
  expect(widest, 'maps that are all constant tell nothing').toBeGreaterThan(0);
  return worst;
}

/** The largest difference of logits, relative to the range of `all` (or of the expected ones). */
export function logitsError(received: Received, expected: Values, all: Values = expected): number {
  expect(received.shape).toEqual(expected.shape);
  const values = [...all.data];
  const range = Math.max(...values) - Math.min(...values);
  return (
    Math.max(...[...expected.data].map((value, at) => Math.abs(Number(received.data[at]) - value))) / range
  );
}
