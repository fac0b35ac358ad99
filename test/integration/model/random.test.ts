/**
 * Models that draw random numbers when they run (scripts/fixtures/make_random.py). They are refused without
 * `allowRandom`. With it, the numbers follow from `seed` and are those of one sample, whatever its batch.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { gradient } from '../../../lib/graph/gradient.js';
import { expandDims } from '../../../lib/graph/ops/array.js';
import { reduceSum } from '../../../lib/graph/ops/reduction.js';
import * as ke from '../../../lib/index.js';
import { elementsOf } from '../../../lib/tensor/nested_arrays.js';

const pathOf = (name: string) => fileURLToPath(new URL(`../../fixtures/random/${name}`, import.meta.url));

/** Three replicas, so that a batch of several samples is cut into shards. */
const load = (name: string, options: ke.LoadModelOptions = {}) =>
  ke.loadModel(pathOf(name), { threads: { interOp: 3 }, allowRandom: true, ...options });

/** `samples` equal samples for the first input of `model`. */
function equalSamples(model: ke.Model, samples: number, value = 1): ke.Tensor {
  const shape = [samples, ...(model.inputs[0]?.shape ?? []).slice(1).map(Number)];
  return ke.tensor(new Float32Array(elementsOf(shape)).fill(value), shape);
}

async function outputsOf(
  model: ke.Model,
  x: ke.Tensor,
  options: ke.PredictOptions = {},
): Promise<Record<string, number[]>> {
  const outputs = await model.predict(x, options);
  const list = (Array.isArray(outputs) ? outputs : [outputs]) as ke.Tensor[];
  return Object.fromEntries(
    list.map(({ data }, i) => [model.outputs[i]?.name as string, [...data].map(Number)]),
  );
}

const onlyOutput = async (...args: Parameters<typeof outputsOf>) =>
  Object.values(await outputsOf(...args))[0] as number[];

const rowOf = (values: readonly number[], samples: number, row: number) =>
  values.slice((values.length / samples) * row, (values.length / samples) * (row + 1));

function moments(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(square) };
}

const PER_SAMPLE = ['dropout_k2', 'dropout_k3', 'augmentation_k3', 'sampling_k3', 'stateful', 'generator'];
const OF_BATCH = ['loop', 'product', 'branch', 'categorical', 'sizes'];

describe('without `allowRandom`', () => {
  test.each([...PER_SAMPLE, ...OF_BATCH, 'shuffled'])('%s is refused with the way out', async (name) => {
    const error = await ke.loadModel(pathOf(name)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ke.UnsupportedOpError);
    expect((error as Error).message).toContain('`allowRandom: true`');
    expect((error as Error).message).toContain('training=False');
  });

  test('a value that is no boolean is refused', async () => {
    await expect(ke.loadModel(pathOf('stateful'), { allowRandom: 1 as never })).rejects.toThrow(
      /allowRandom/,
    );
  });
});

describe.each(PER_SAMPLE)('%s', (name) => {
  test('draws the same numbers for every sample, in every batch and in every run', async () => {
    using model = await load(name);
    expect(model.mixesSamples).toBe(false);
    expect(model.inputs).toHaveLength(1);
    const alone = await outputsOf(model, equalSamples(model, 1));
    for (const options of [{}, { batchSize: 2 }, { batchSize: 1, seed: 0 }]) {
      const outputs = await outputsOf(model, equalSamples(model, 5), options);
      for (const [output, values] of Object.entries(outputs)) {
        for (let row = 0; row < 5; row++) expect(rowOf(values, 5, row)).toEqual(alone[output]);
      }
    }
  });

  test('draws other numbers for another seed', async () => {
    using model = await load(name);
    // A gradient of positions: a picture of one colour looks the same after a rotation.
    const x = ke.tensor(
      Float32Array.from(equalSamples(model, 1).data as Float32Array, (_, i) => Math.sin(i)),
      [1, ...(model.inputs[0]?.shape ?? []).slice(1).map(Number)],
    );
    const first = await outputsOf(model, x, { seed: 7 });
    const again = await outputsOf(model, x, { seed: 7 });
    const other = await outputsOf(model, x, { seed: -8 });
    expect(again).toEqual(first);
    for (const [output, values] of Object.entries(other)) expect(values).not.toEqual(first[output]);
  });
});

describe('the distributions are those of the file', () => {
  test.each(['dropout_k2', 'dropout_k3'])('%s keeps half of the values, doubled', async (name) => {
    using model = await load(name);
    const values = await onlyOutput(model, equalSamples(model, 1));
    expect(new Set(values)).toEqual(new Set([0, 2]));
    const kept = values.filter((value) => value === 2).length / values.length;
    expect(Math.abs(kept - 0.5)).toBeLessThan(0.06);
  });

  test('normal, truncated and uniform numbers, integers', async () => {
    using model = await load('stateful');
    const { normal, truncated, uniform, integers } = await outputsOf(model, equalSamples(model, 1));
    for (const [values, mean, deviation] of [
      [normal, 0, 1],
      [truncated, 0, 0.88],
      [uniform, 0.5, 0.289],
      [integers, 4.5, 2.87],
    ] as const) {
      const found = moments(values as number[]);
      expect(Math.abs(found.mean - mean)).toBeLessThan(deviation / 4);
      expect(Math.abs(found.deviation / deviation - 1)).toBeLessThan(0.15);
    }
    expect(Math.max(...(truncated as number[]).map(Math.abs))).toBeLessThan(2);
    expect(new Set(integers)).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
  });

  test('two draws of one generator, and of the turns of a loop, are different numbers', async () => {
    using generator = await load('generator');
    const { first, second } = await outputsOf(generator, equalSamples(generator, 1));
    using loop = await load('loop');
    const turns = await onlyOutput(loop, equalSamples(loop, 1));
    const draws = [first as number[], second as number[], ...[0, 1, 2, 3, 4].map((i) => rowOf(turns, 5, i))];
    for (const [i, draw] of draws.entries()) {
      expect(Math.abs(moments(draw).mean)).toBeLessThan(0.25);
      expect(Math.abs(moments(draw).deviation - 1)).toBeLessThan(0.2);
      for (const other of draws.slice(0, i)) {
        const product = moments(draw.map((value, k) => value * (other[k] as number))).mean;
        expect(Math.abs(product)).toBeLessThan(0.25);
      }
    }
  });

  test('a branch draws only if it runs', async () => {
    using model = await load('branch');
    expect(await onlyOutput(model, equalSamples(model, 1, -1))).toEqual(new Array(256).fill(-1));
    const drawn = moments(await onlyOutput(model, equalSamples(model, 1, 1)));
    expect(Math.abs(drawn.mean - 1)).toBeLessThan(0.25);
    expect(Math.abs(drawn.deviation - 1)).toBeLessThan(0.2);
  });
});

describe('numbers that cannot be drawn per sample', () => {
  test.each(OF_BATCH)('%s counts as mixing samples and repeats', async (name) => {
    using model = await load(name);
    expect(model.mixesSamples).toBe(true);
    const x = equalSamples(model, 4);
    const first = await outputsOf(model, x);
    expect(await outputsOf(model, x)).toEqual(first);
    expect(await outputsOf(model, x, { seed: 3 })).not.toEqual(first);
  });

  test('numbers of a constant seed are those of TensorFlow in Python, and the batch stays whole', async () => {
    using model = await ke.loadModel(pathOf('fixed'), { threads: { interOp: 3 } });
    expect(model.mixesSamples).toBe(true);
    const { data } = (await ke.data.readNpy(pathOf('fixed/y.npy'))) as ke.Tensor;
    const y = await onlyOutput(model, equalSamples(model, 4, 0));
    expect(y).toHaveLength(4 * 256);
    for (const [i, value] of y.entries()) expect(Math.abs(value - (data[i] as number))).toBeLessThan(1e-6);
  });

  test.each([
    ['shuffled', /RandomShuffle.*no seed can repeat/],
    ['counter', /uses the variable for something else than drawing random numbers/],
    ['seed_as_value', /uses the variable for something else than drawing random numbers/],
  ])('%s is refused', async (name, message) => {
    await expect(load(name)).rejects.toThrow(message);
  });
});

describe('explaining', () => {
  const { gradients } = ke.methods.gradient;

  test('the gradient of a dropout is its mask', async () => {
    using model = await load('dropout_k3');
    const x = equalSamples(model, 2);
    const mask = await onlyOutput(model, equalSamples(model, 1), { seed: 5 });
    const sum: ke.Method = ({ model: called, inputs }) => {
      const [output] = called(inputs);
      const logits = reduceSum(output, [1, 2, 3]);
      return { logits: expandDims(logits, 1), maps: gradient(logits, inputs) };
    };
    const { maps } = await ke.explain(sum, model, x, [[[0, 0, 0]], [[0, 0, 0]]], {
      verbose: 0,
      seed: 5,
      resizing: false,
    });
    expect([...maps.data].map(Number)).toEqual([...mask, ...mask]);
  });

  test('the gradient of a loop reads the numbers that the loop drew', async () => {
    using model = await load('product');
    const x = equalSamples(model, 2);
    const y = await onlyOutput(model, x, { seed: 6 });
    const sum: ke.Method = ({ model: called, inputs }) => {
      const logits = expandDims(reduceSum(called(inputs)[0], 1), 1);
      return { logits, maps: gradient(logits, inputs) };
    };
    const { maps } = await ke.explain(sum, model, x, [[0], [0]], { verbose: 0, seed: 6, resizing: false });
    const slopes = [...maps.data].map(Number);
    expect(slopes).toHaveLength(2 * 256);
    for (const [i, slope] of slopes.entries()) expect(Math.abs(slope - (y[i] as number))).toBeLessThan(1e-5);
  });

  test('explanations repeat, by seed, also in an explainer, in `smooth` and with `runEagerly`', async () => {
    using model = await load('augmentation_k3');
    const shape = [3, 12, 12, 3];
    const x = ke.tensor(
      Float32Array.from({ length: elementsOf(shape) }, (_, i) => Math.sin(i) ** 2),
      shape,
    );
    const run = async (of: ke.Model, options: { seed?: number; batchSize?: number } = {}) => {
      const { maps } = await ke.explain(gradients, of, x, [[1], [1], [1]], { verbose: 0, ...options });
      return [...maps.data].map(Number);
    };
    const first = await run(model);
    expect(await run(model, { seed: 0, batchSize: 1 })).toEqual(first);
    expect(await run(model, { seed: 1 })).not.toEqual(first);

    const explainer = ke.createExplainer(gradients, model, { seed: 1 });
    const { maps } = await explainer.explain(x.rows(2, 3), [[1]]);
    expect([...maps.data].map(Number)).toEqual(rowOf(await run(model, { seed: 1 }), 3, 2));
    await explainer.close();

    const smooth = ke.methods.meta.smooth(gradients, { repetitions: 3, noise: 0.1 });
    const noisy = async (seed: number) => {
      const result = await ke.explain(smooth, model, x, [[1], [1], [1]], { verbose: 0, seed });
      return [...result.maps.data].map(Number);
    };
    expect(await noisy(2)).toEqual(await noisy(2));
    expect(await noisy(2)).not.toEqual(await noisy(3));

    const eager = await load('augmentation_k3', { runEagerly: true });
    const checked = await run(eager);
    for (const [i, value] of checked.entries())
      expect(Math.abs(value - (first[i] as number))).toBeLessThan(1e-5);
    eager.close();
  });

  test('a part of the model draws what the whole draws', async () => {
    using model = await load('augmentation_k3');
    const part = ke.inspection.subModel(model, { outputs: ['conv'] });
    const tensor = model.layers.find(({ name }) => name === 'conv')?.calls[0]?.outputs[0];
    const whole = model.withOutputs([tensor as ke.TensorSpec]);
    const values = await onlyOutput(part, equalSamples(part, 2), { seed: 4 });
    expect(values).toEqual(await onlyOutput(whole, equalSamples(model, 2), { seed: 4 }));
  });

  test.each([1.5, 2 ** 31, '1'])('the seed %j is refused', async (seed) => {
    using model = await load('sampling_k3');
    await expect(model.predict(equalSamples(model, 1), { seed: seed as number })).rejects.toThrow(/seed/);
    const exposed = ke.explain(gradients, model, equalSamples(model, 1), [[0]], { seed: seed as number });
    await expect(exposed).rejects.toThrow(/seed/);
  });

  test('a model that draws nothing ignores the seed', async () => {
    using model = await load('fixed');
    const x = equalSamples(model, 2);
    expect(await outputsOf(model, x, { seed: 9 })).toEqual(await outputsOf(model, x));
  });
});
