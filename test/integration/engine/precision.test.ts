/** `precision: 'bfloat16'`: what it changes of the demo's trained network, and what it does not. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as ke from '../../../lib/index.js';
import { spearman } from '../../../lib/metrics/spearman.js';
import { METHODS } from '../helpers/tiny_reference.js';

const DEMO = fileURLToPath(new URL('../../../demo', import.meta.url));
const MODEL = path.join(DEMO, 'model');
const OPTIONS = { verbose: 0, resizing: false, postprocessing: null } as const;

let pictures: ke.Tensor;
let digits: number[][];
let full: ke.Model;
let half: ke.Model;

beforeAll(async () => {
  const files = await ke.data.imageFiles(path.join(DEMO, 'images', '*-digit-*'), {
    size: [96, 96],
    batchSize: 32,
  });
  digits = files.paths.map((each) => [Number(/digit-(\d)/.exec(each)?.[1])]);
  full = await ke.loadModel(MODEL);
  half = await ke.loadModel(MODEL, { precision: 'bfloat16' });
  pictures = (await files.at(0)).x as ke.Tensor;
});
afterAll(() => {
  full?.close();
  half?.close();
});

const explain = async (method: ke.AnyMethod, model: ke.Model) => {
  const { logits, maps } = await ke.explain(
    method as ke.Method,
    ke.inspection.expose(model),
    pictures,
    digits,
    OPTIONS,
  );
  return { logits: logits.data as Float32Array, maps: maps as ke.Tensor };
};

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] as number;

describe.each(Object.entries(METHODS))('%s', (_, method) => {
  test('ranks positions as in float32', async () => {
    const [expected, received] = [await explain(method, full), await explain(method, half)];
    expect(received.maps.shape).toEqual(expected.maps.shape);
    const samples = expected.maps.shape[0] as number;
    const size = expected.maps.data.length / samples;
    const rowsOf = ({ data }: ke.Tensor, i: number) =>
      (data as Float32Array).subarray(i * size, (i + 1) * size);
    const all = Array.from({ length: samples }, (_, i) =>
      spearman(rowsOf(received.maps, i), rowsOf(expected.maps, i)),
    );
    expect(median(all)).toBeGreaterThan(0.99);
  });
});

test('logits are in float32, and near', async () => {
  const { gradcam } = ke.methods.cams;
  const [{ logits: expected }, { logits: received }] = [
    await explain(gradcam, full),
    await explain(gradcam, half),
  ];
  const range = Math.max(...expected) - Math.min(...expected);
  for (const [i, value] of received.entries())
    expect(Math.abs(value - (expected[i] as number)) / range).toBeLessThan(0.02);
  const bits = new Uint32Array(received.buffer, received.byteOffset, received.length);
  expect(bits.some((each) => (each & 0xffff) !== 0)).toBe(true);
});

test('predictions are in float32, and say the same', async () => {
  const top = ({ data, shape }: ke.Tensor) => {
    const units = shape[1] as number;
    const rows = Array.from({ length: shape[0] as number }, (_, i) =>
      (data as Float32Array).slice(i * units, (i + 1) * units),
    );
    return rows.map((row) => row.indexOf(Math.max(...row)));
  };
  const [expected, received] = (await Promise.all([full.predict(pictures), half.predict(pictures)])) as [
    ke.Tensor,
    ke.Tensor,
  ];
  expect(received.dtype).toBe('float32');
  expect(top(received)).toEqual(top(expected));
});

test('maps do not depend on where they are computed', async () => {
  const { gradcam } = ke.methods.cams;
  const expected = await explain(gradcam, half);
  const workers = await ke.distribute.localWorkers(1, { threads: 1 });
  try {
    for (const strategy of [
      ke.distribute.mirrored({ devices: ['CPU:0', 'CPU:1'] }),
      ke.distribute.multiWorker({ workers }),
    ]) {
      using model = await ke.loadModel(MODEL, { precision: 'bfloat16', strategy });
      const { logits, maps } = await explain(gradcam, model);
      expect(spearman(logits, expected.logits)).toBeGreaterThan(0.999);
      const [a, b] = [maps.data, expected.maps.data] as Float32Array[];
      expect(spearman(a as Float32Array, b as Float32Array)).toBeGreaterThan(0.999);
    }
  } finally {
    await workers.close();
  }
});

test('repeated runs are equal to the bit', async () => {
  const { gradients } = ke.methods.gradient;
  const [first, second] = [await explain(gradients, half), await explain(gradients, half)];
  expect(second.maps.data).toEqual(first.maps.data);
  expect(second.logits).toEqual(first.logits);
});

test('others are refused, and so is runEagerly with it', async () => {
  const load = (options: object) => ke.loadModel(MODEL, options);
  await expect(load({ precision: 'float16' })).rejects.toThrow(
    "'float32' or 'bfloat16' for argument `precision`",
  );
  await expect(load({ precision: 'bfloat16', runEagerly: true })).rejects.toThrow('`precision`');
});
