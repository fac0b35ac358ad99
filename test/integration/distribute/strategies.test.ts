import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as ke from '../../../lib/index.js';
import { METHODS as PLAIN, tinyModel, tinySamples, UNITS } from '../helpers/tiny_reference.js';

const MODEL = tinyModel('keras3');
const { cams, gradient, meta } = ke.methods;
const { multiWorker, mirrored, oneDevice } = ke.distribute;
const OPTIONS = { verbose: 0, batchSize: 3 } as const;

const METHODS: Readonly<Record<string, ke.AnyMethod>> = {
  ...PLAIN,
  gradients_smooth: meta.smooth(gradient.gradients, { repetitions: 4, noise: 0.3, seed: 7 }),
  gradcam_tta: meta.tta(cams.gradcam),
  scorecam_smooth: meta.smooth(cams.scorecam, { repetitions: 2, noise: 0.1, seed: 7 }),
};

let x: ke.Tensor;
let workers: ke.distribute.LocalWorkers;
const models = new Map<string, ke.Model>();

const STRATEGIES: Readonly<Record<string, () => ke.distribute.Strategy | undefined>> = {
  default: () => undefined,
  oneDevice: () => oneDevice('CPU:0'),
  'mirrored, 2 replicas': () => mirrored({ replicasPerDevice: 2 }),
  'mirrored, 3 replicas': () => mirrored({ replicasPerDevice: 3 }),
  'mirrored, 2 CPU devices': () => mirrored({ devices: ['CPU:0', '/device:CPU:1'] }),
  '2 workers': () => multiWorker({ workers }),
};
const OTHERS = Object.keys(STRATEGIES).slice(1);

beforeAll(async () => {
  x = tinySamples();
  workers = await ke.distribute.localWorkers(2, { threads: 1 });
  for (const [name, make] of Object.entries(STRATEGIES)) {
    models.set(name, await ke.loadModel(MODEL, { strategy: make(), threads: { interOp: 2 } }));
  }
});
afterAll(async () => {
  for (const model of models.values()) model.close();
  await workers?.close();
  expect(workers.processes.map(({ running }) => running)).toEqual([false, false]);
});

const modelOf = (strategy: string) => models.get(strategy) as ke.Model;
const exposedOf = (strategy: string) => ke.inspection.expose(modelOf(strategy));

function expectClose(received: ke.Tensor | ke.RaggedTensor, expected: ke.Tensor | ke.RaggedTensor): void {
  expect(received.shape).toEqual(expected.shape);
  const [a, b] = [(received as ke.Tensor).data, (expected as ke.Tensor).data] as Float32Array[];
  const most = (b as Float32Array).reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-6);
  const apart = (a as Float32Array).reduce(
    (largest, value, i) => Math.max(largest, Math.abs(value - ((b as Float32Array)[i] as number))),
    0,
  );
  expect(apart / most).toBeLessThan(1e-5);
}

describe.each(Object.entries(METHODS))('%s', (_, method) => {
  test('gives the same maps under every strategy', async () => {
    const explain = (strategy: string) =>
      ke.explain(method as ke.Method, exposedOf(strategy), x, UNITS, OPTIONS);
    const expected = await explain('default');
    for (const strategy of OTHERS) {
      const { logits, maps } = await explain(strategy);
      expectClose(logits, expected.logits);
      expectClose(maps, expected.maps);
    }
  });
});

describe.each(OTHERS)('under %s', (strategy) => {
  test('predict gives the same', async () => {
    expectClose(
      (await modelOf(strategy).predict(x, { batchSize: 2 })) as ke.Tensor,
      (await modelOf('default').predict(x, { batchSize: 2 })) as ke.Tensor,
    );
  });

  test('explainBatches gives the same, in order', async () => {
    const { maps } = await ke.explain(cams.gradcam, exposedOf('default'), x, UNITS, OPTIONS);
    const steps: number[] = [];
    let row = 0;
    const run = ke.explainBatches(cams.gradcam, exposedOf(strategy), x, UNITS, { ...OPTIONS, batchSize: 1 });
    for await (const { step, maps: part } of run) {
      steps.push(step);
      expectClose(part, (maps as ke.Tensor).rows(row, row + 1));
      row += 1;
    }
    expect(steps).toEqual([0, 1, 2, 3, 4]);
  });

  test('createExplainer gives the same', async () => {
    const { maps } = await ke.explain(cams.gradcam, exposedOf('default'), x, UNITS, OPTIONS);
    const explainer = ke.createExplainer(cams.gradcam, exposedOf(strategy));
    const answers = await Promise.all(
      UNITS.map((units, i) => explainer.explain(x.rows(i, i + 1), [units], { timeout: 20_000 })),
    );
    answers.forEach(({ maps: map }, i) => {
      expectClose(map, (maps as ke.Tensor).rows(i, i + 1));
    });
    await explainer.close();
  });

  test('its replicas are up and have shared the work', () => {
    const { strategy: held } = modelOf(strategy);
    const status = held.status();
    expect(status.map(({ state }) => state)).toEqual(status.map(() => 'up'));
    expect(status.every(({ shards }) => shards > 0)).toBe(true);
    expect(status.every(({ failures, lastError }) => failures === 0 && lastError === null)).toBe(true);
  });
});

test('replicas are named as their users name them', () => {
  expect(
    modelOf('2 workers')
      .strategy.status()
      .map(({ name }) => name),
  ).toEqual(workers.addresses);
  expect(
    modelOf('mirrored, 2 CPU devices')
      .strategy.status()
      .map(({ name }) => name),
  ).toEqual(['/device:CPU:0', '/device:CPU:1']);
  expect(modelOf('mirrored, 3 replicas').strategy.replicas).toBe(3);
});

test('a run on workers is cancelled at once', async () => {
  const controller = new AbortController();
  const slow = meta.smooth(cams.scorecam, { repetitions: 100_000, noise: 0.1 });
  const run = ke.explain(slow, exposedOf('2 workers'), x, UNITS, { ...OPTIONS, signal: controller.signal });
  setTimeout(() => controller.abort(), 1500);
  const begun = performance.now();
  await expect(run).rejects.toBeInstanceOf(ke.CancelledError);
  expect(performance.now() - begun).toBeLessThan(4000);
  const { maps } = await ke.explain(cams.gradcam, exposedOf('2 workers'), x, UNITS, OPTIONS);
  expect(maps.shape[0]).toBe(UNITS.length);
});

describe('refused, in words', () => {
  const load = (options: object) => ke.loadModel(MODEL, options as ke.LoadModelOptions);

  test.each<[string, () => unknown, string]>([
    ['no options', () => multiWorker(undefined as never), 'argument `options`'],
    ['no workers', () => multiWorker({ workers: [] }), 'for argument `workers` but received none'],
    [
      'no address',
      () => multiWorker({ workers: ['gpu-3'] }),
      "an address such as 'host:2222' for argument `workers[0]`",
    ],
    ['no port', () => multiWorker({ workers: ['gpu-3:99999'] }), '`workers[0]`'],
    ['twice', () => multiWorker({ workers: ['a:1', 'grpc://A:1'] }), 'which is also workers[0]'],
    ['a timeout', () => multiWorker({ workers: ['a:1'], timeoutMs: 0 }), '`timeoutMs`'],
    ['retries', () => multiWorker({ workers: ['a:1'], retries: -1 }), '`retries`'],
    ['replicas', () => multiWorker({ workers: ['a:1'], replicasPerWorker: 1.5 }), '`replicasPerWorker`'],
    ['a misspelling', () => multiWorker({ workers: ['a:1'], timeout: 5 } as never), '"timeoutMs"'],
    ['a device', () => oneDevice('TPU:0'), "but received 'TPU:0'"],
    ['a number', () => oneDevice(1 as never), '`device`'],
    ['no devices', () => mirrored({ devices: [] }), '`devices`'],
    ['devices twice', () => mirrored({ devices: ['CPU:0', '/cpu:0'] }), 'which is also devices[0]'],
    ['replicasPerDevice', () => mirrored({ replicasPerDevice: 0 }), '`replicasPerDevice`'],
    ['a share', () => ke.distribute.configureGpus({ memoryFraction: 0 }), '`memoryFraction`'],
    ['GPUs', () => ke.distribute.configureGpus({ visibleDevices: [0, 0] }), '`visibleDevices`'],
    ['late GPUs', () => ke.distribute.configureGpus({ memoryGrowth: true }), 'before the first model'],
  ])('%s', (_, call, message) => {
    expect(call).toThrow(message);
  });

  test('a GPU that is not there', async () => {
    await expect(load({ strategy: oneDevice('GPU:7') })).rejects.toThrow("received '/device:GPU:7'");
    await expect(load({ strategy: mirrored({ devices: ['CPU:0', 'GPU:7'] }) })).rejects.toThrow('`devices`');
  });

  test('what is no strategy, and runEagerly with workers', async () => {
    await expect(load({ strategy: 'mirrored' })).rejects.toThrow('argument `strategy`');
    const strategy = multiWorker({ workers });
    await expect(load({ strategy, runEagerly: true })).rejects.toThrow('load the model without `strategy`');
  });

  test('a count of workers', async () => {
    await expect(ke.distribute.localWorkers(0)).rejects.toThrow('`count`');
    await expect(ke.distribute.localWorkers(1, { devices: 'tpu' })).rejects.toThrow('`devices`');
  });
});

test('the devices of this process', async () => {
  const devices = await ke.distribute.devices();
  expect(devices[0]).toMatchObject({ name: '/device:CPU:0', type: 'CPU' });
});
