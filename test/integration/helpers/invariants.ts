/** What holds for every method: its maps depend on the sample and the unit alone, and come out the same again. */
import { describe, expect, test } from 'vitest';
import * as ke from '../../../lib/index.js';
import { UNITS } from './tiny_reference.js';

const SAMPLES = UNITS.length;

/** Explains {@link UNITS} of the samples unless told otherwise; null: every unit. */
export type ExplainBy = (
  method: ke.AnyMethod,
  y?: number[][] | null,
  options?: object,
  inputs?: ke.Tensor,
) => Promise<ke.ExplainResult>;

/** Tests of `methods` by their names, on `samples`, of which there are as many as {@link UNITS} has rows. */
export function describeInvariants(
  methods: Readonly<Record<string, ke.AnyMethod>>,
  explain: ExplainBy,
  samples: () => ke.Tensor,
): void {
  describe.each(Object.entries(methods))('%s', (name, method) => {
    test('is named after what it is made of', () => expect(method.name).toBe(name));

    test('does not depend on the batch size', async () => {
      const { logits, maps } = await explain(method, UNITS, { batchSize: SAMPLES });
      for (const batchSize of [1, 2]) {
        const other = await explain(method, UNITS, { batchSize });
        expectClose(other.logits, logits);
        expectClose(other.maps, maps);
      }
    });

    test('does not depend on the order of the samples', async () => {
      const { maps } = await explain(method);
      const turned = await explain(method, UNITS.toReversed(), {}, reversed(samples()));
      expectClose(reversed(turned.maps), maps);
    });

    test('does not depend on the other units', async () => {
      const { logits, maps } = await explain(method);
      const all = await explain(method, null);
      expectClose(unitsOf(all.logits, UNITS), logits);
      expectClose(unitsOf(all.maps, UNITS), maps);
      const first = UNITS.map(([unit]) => [unit as number]);
      const one = await explain(method, first);
      expectClose(one.maps, unitsOf(all.maps, first));
    });

    test('gives the same bits again', async () => {
      const { maps } = await explain(method);
      const again = await explain(method);
      expect(again.maps.data).toEqual(maps.data);
    });
  });
}

/** The largest difference of two tensors, as a share of the range of the second. */
export function largestDifference(received: ke.Tensor, expected: ke.Tensor): number {
  expect(received.shape).toEqual(expected.shape);
  const values = expected.data as Float32Array;
  const range = values.reduce((a, b) => Math.max(a, b)) - values.reduce((a, b) => Math.min(a, b));
  expect(range).toBeGreaterThan(0);
  return (
    values.reduce((most, value, i) => Math.max(most, Math.abs(Number(received.data[i]) - value)), 0) / range
  );
}

export function expectClose(received: ke.Tensor, expected: ke.Tensor): void {
  expect(largestDifference(received, expected)).toBeLessThan(1e-5);
}

/** Values by a rule that says where each element comes from. */
function rearranged(tensor: ke.Tensor, shape: readonly number[], from: (i: number) => number): ke.Tensor {
  const size = shape.reduce((product, each) => product * each, 1);
  return ke.tensor(
    Float32Array.from({ length: size }, (_, i) => Number(tensor.data[from(i)])),
    shape,
  );
}

/** Samples in reverse. */
function reversed(tensor: ke.Tensor): ke.Tensor {
  const [samples, ...rest] = tensor.shape as [number, ...number[]];
  const row = rest.reduce((product, each) => product * each, 1);
  return rearranged(tensor, tensor.shape, (i) => (samples - 1 - Math.floor(i / row)) * row + (i % row));
}

/** (N, H, W, C) from right to left. */
export function mirrored(tensor: ke.Tensor): ke.Tensor {
  const [, , width, channels] = tensor.shape as [number, number, number, number];
  return rearranged(tensor, tensor.shape, (i) => {
    const column = Math.floor(i / channels) % width;
    return i + (width - 1 - 2 * column) * channels;
  });
}

/** Of (N, ..., C) the units that each row of `units` names. */
function unitsOf(tensor: ke.Tensor, units: readonly (readonly number[])[]): ke.Tensor {
  const channels = tensor.shape.at(-1) as number;
  const taken = units[0]?.length as number;
  const places = tensor.size / channels / units.length;
  return rearranged(tensor, [...tensor.shape.slice(0, -1), taken], (i) => {
    const row = Math.floor(i / taken);
    return row * channels + (units[Math.floor(row / places)]?.[i % taken] as number);
  });
}
