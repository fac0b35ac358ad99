/** `precision: 'bfloat16'`: what it changes of the demo's trained network, and what it does not. */
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as ke from '../../../lib/index.js';
import { spearman } from '../../../lib/metrics/spearman.js';
import { METHODS } from '../helpers/tiny_reference.js';
import { GraphDef } from '../methods/random/graph_def.js';

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

/** Models of one product, which gives the logits of x (N, 8, 8, 4): its float32 is theirs. */
describe.each(['temperature', 'pooling', 'reshape'] as const)('logits behind a %s', (kind) => {
  const UNITS = 10;
  const wave = (count: number, step: number) => Array.from({ length: count }, (_, i) => Math.sin(i * step));
  const models: Record<string, ke.Model> = {};
  let folder: string;

  function write(): Uint8Array {
    const graph = new GraphDef();
    const float = { T: { type: 'float32' } } as const;
    const reduced = { ...float, Tidx: { type: 'int32' } } as const;
    const x = graph.add('Placeholder', [], {
      dtype: { type: 'float32' },
      shape: { shape: [-1, 8, 8, 4] },
    });
    const bias = graph.constant(wave(UNITS, 0.9), [UNITS], 'float32');
    if (kind === 'temperature') {
      const flat = graph.add('Reshape', [x, graph.constant([-1, 256], [2], 'int32')], float);
      const kernel = graph.constant(wave(256 * UNITS, 0.37), [256, UNITS], 'float32');
      const product = graph.add('BiasAdd', [graph.add('MatMul', [flat, kernel], float), bias], float);
      return graph.encode(
        [graph.add('RealDiv', [product, graph.constant([0.25], [], 'float32')], float)],
        {},
      );
    }
    const kernel = graph.constant(wave(9 * 4 * UNITS, 0.37), [3, 3, 4, UNITS], 'float32');
    const strides = { ...float, strides: [1, 1, 1, 1], padding: 'SAME' } as const;
    if (kind === 'reshape') {
      const whole = graph.constant(wave(256 * UNITS, 0.37), [8, 8, 4, UNITS], 'float32');
      const valid = { ...float, strides: [1, 1, 1, 1], padding: 'VALID' } as const;
      const shape = graph.constant([-1, UNITS], [2], 'int32');
      return graph.encode([graph.add('Reshape', [graph.add('Conv2D', [x, whole], valid), shape], float)], {});
    }
    const map = graph.add('BiasAdd', [graph.add('Conv2D', [x, kernel], strides), bias], float);
    return graph.encode([graph.add('Mean', [map, graph.constant([1, 2], [2], 'int32')], reduced)], {});
  }

  beforeAll(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'ke-precision-'));
    const file = path.join(folder, 'model.pb');
    await fs.writeFile(file, write());
    for (const precision of ['float32', 'bfloat16'] as const) {
      models[precision] = await ke.loadModel(file, { precision });
    }
  });
  afterAll(async () => {
    for (const model of Object.values(models)) model.close();
    await fs.rm(folder, { recursive: true });
  });

  const x = () => ke.tensor(Float32Array.from(wave(4 * 256, 0.11)), [4, 8, 8, 4]);
  const logitsOf = async (run: (model: ke.Model) => Promise<ke.Tensor>) => {
    const [expected, received] = await Promise.all(
      ['float32', 'bfloat16'].map(async (name) => (await run(models[name] as ke.Model)).data as Float32Array),
    );
    return [expected, received] as [Float32Array, Float32Array];
  };
  const expectNear = ([expected, received]: [Float32Array, Float32Array]) => {
    const largest = Math.max(...expected.map(Math.abs));
    for (const [i, value] of received.entries()) {
      // bfloat16 rounds to 4e-3.
      expect(Math.abs(value - (expected[i] as number)) / largest).toBeLessThan(1e-5);
    }
  };

  test('are as in float32 in predictions', async () => {
    expectNear(await logitsOf(async (model) => (await model.predict(x())) as ke.Tensor));
  });
  test.each([
    ['one unit', [[1], [2], [3], [4]]],
    ['several units', [0, 1, 2, 3].map((i) => [i, i + 1, i + 2])],
    ['all units', null],
  ])('are as in float32 in explanations of %s', async (_, units) => {
    const { gradients } = ke.methods.gradient;
    expectNear(
      await logitsOf(
        async (model) => (await ke.explain(gradients, model, x(), units, OPTIONS)).logits as ke.Tensor,
      ),
    );
  });
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
