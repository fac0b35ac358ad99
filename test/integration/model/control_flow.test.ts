/** Models with loops and branches, against float64 (scripts/fixtures/make_control_flow.py). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as ke from '../../../lib/index.js';
import { difference, FIXTURES, load, read, repeated, sample } from '../helpers/control_flow.js';

describe.each(FIXTURES)('%s', (fixture) => {
  let model: ke.Model;
  let x: ke.Tensor;
  let y: ke.Tensor;
  beforeAll(async () => {
    model = await load(fixture);
    x = await read(fixture, 'x');
    y = await read(fixture, 'y');
  });
  afterAll(() => model?.close());

  it('predicts as TensorFlow does', async () => {
    expect(difference((await model.predict(x)) as ke.Tensor, y)).toBeLessThan(1e-6);
  });

  it('predicts one sample as among others', async () => {
    expect(difference((await model.predict(sample(x, 1))) as ke.Tensor, sample(y, 1))).toBeLessThan(1e-6);
  });

  it('predicts a batch of several shards', async () => {
    const result = (await model.predict(repeated(x, 7), { batchSize: 10 })) as ke.Tensor;
    expect(difference(result, repeated(y, 7))).toBeLessThan(1e-6);
  });

  it('predicts in numerics checks', async () => {
    const checked = await load(fixture, { runEagerly: true });
    expect(difference((await checked.predict(x)) as ke.Tensor, y)).toBeLessThan(1e-6);
    checked.close();
  });
});

const RECURRENT = {
  lstm: ['kernel', 'recurrent_kernel', 'bias'],
  gru: ['kernel', 'recurrent_kernel', 'bias'],
  simple_rnn: ['kernel', 'recurrent_kernel', 'bias'],
  conv_lstm: ['kernel', 'recurrent_kernel', 'bias'],
};

describe.each(['k2', 'k3'])('the layers of Keras %s', (keras) => {
  it.each(Object.entries(RECURRENT))(
    'have %s with the weights that only a body reads',
    async (name, weights) => {
      const model = await load(`${name}_${keras}`);
      const layer = model.layers.find((each) => each.name === name);
      expect(layer?.calls).toHaveLength(1);
      expect(layer?.output).toHaveLength(1);
      const below = model.layers.filter(({ path }) => path[0] === name);
      const found = new Set(
        below.flatMap((each) => each.weights.map((weight) => weight.name.split('/').at(-1))),
      );
      expect([...found].sort()).toEqual([...weights].sort());
      model.close();
    },
  );

  it('exposes the output of a recurrent layer', async () => {
    const model = await load(`lstm_${keras}`);
    const exposed = ke.inspection.expose(model, [['lstm']]);
    const [, hidden] = (await exposed.predict(await read(`lstm_${keras}`, 'x'))) as unknown as ke.Tensor[];
    expect(hidden?.shape).toEqual([3, 5]);
    model.close();
  });
});

it('refuses a signal of another length than a loop was made for', async () => {
  const model = await load('lstm_k3');
  const longer = ke.tensor(new Float32Array(2 * 9 * 4), [2, 9, 4]);
  await expect(model.predict(longer)).rejects.toThrow(/baked in|shape|size/);
  model.close();
});

it('takes a signal of any length where the length is unknown', async () => {
  const model = await load('length_k3');
  const x = ke.tensor(new Float32Array(2 * 31 * 4).fill(0.1), [2, 31, 4]);
  const y = (await model.predict(x)) as ke.Tensor;
  expect(y.shape).toEqual([2, 3]);
  expect(difference(sample(y, 0), sample(y, 1))).toBe(0);
  model.close();
});

it('keeps a batch whole whose branch depends on all samples', async () => {
  const model = await load('cond_k3');
  expect(model.mixesSamples).toBe(true);
  const x = await read('cond_k3', 'x');
  // Alone, the small sample takes the other branch.
  const data = (x.data as Float32Array).map((value, i) => (i < 8 * 8 * 3 ? Math.tanh(value) : value));
  const small = sample(ke.tensor(data, x.shape as number[]), 0);
  const among = (await model.predict(ke.tensor(data, x.shape as number[]), { batchSize: 3 })) as ke.Tensor;
  expect(difference(sample(among, 0), (await model.predict(small)) as ke.Tensor)).toBeGreaterThan(1e-2);
  model.close();
});

it('reports the loop whose body computed what is not finite', async () => {
  const model = await load('map_fn_k3', { runEagerly: true });
  const x = ke.tensor(new Float32Array(8 * 8 * 3).fill(3e38), [1, 8, 8, 3]);
  const error = await model.predict(x).catch((reason) => reason);
  expect(error).toBeInstanceOf(ke.NumericsError);
  expect(error.op).toContain('map_1/map');
  model.close();
});

describe('elsewhere', () => {
  const NAMES = ['lstm_k3', 'nested_k3', 'cond_k2'];
  let workers: ke.distribute.LocalWorkers;
  beforeAll(async () => {
    workers = await ke.distribute.localWorkers(1, { threads: 1 });
  });
  afterAll(() => workers?.close());

  it.each(NAMES)('%s predicts on a worker and on a named device', async (name) => {
    const x = repeated(await read(name, 'x'), 4);
    const y = repeated(await read(name, 'y'), 4);
    for (const strategy of [
      ke.distribute.multiWorker({ workers }),
      ke.distribute.mirrored({ devices: ['CPU:0', 'CPU:1'] }),
    ]) {
      const model = await load(name, { strategy });
      expect(difference((await model.predict(x, { batchSize: 5 })) as ke.Tensor, y)).toBeLessThan(1e-6);
      model.close();
    }
  });
});
