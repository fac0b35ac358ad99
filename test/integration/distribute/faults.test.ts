/** Workers that are killed, stopped, restarted, of another version, or gone; and what is left of processes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import * as ke from '../../../lib/index.js';
import { ROOT, start } from '../helpers/cli_process.js';
import { tinyModel, tinySamples } from '../helpers/tiny_reference.js';
import { freePort, gone, ready, until } from '../helpers/worker_process.js';

const MODEL = tinyModel('keras3');
const DIST = pathToFileURL(path.join(ROOT, 'dist')).href;
const SAMPLES = 60;
const BATCH = 2;
const OPTIONS = { verbose: 0, batchSize: BATCH, maxQueueSize: 3 } as const;
/** Some 20 ms a sample. */
const METHOD = ke.methods.meta.smooth(ke.methods.cams.gradcam, { repetitions: 20, noise: 0.1, seed: 3 });
const UNITS = Array.from({ length: SAMPLES }, (_, i) => [i % 5]);

let x: ke.Tensor;
let expected: Float32Array;
const open: (() => unknown)[] = [];

beforeAll(async () => {
  const { data, shape } = tinySamples();
  const size = data.length / (shape[0] as number);
  const values = Float32Array.from(
    { length: SAMPLES * size },
    (_, i) => (data[i % data.length] as number) * (1 + (i % 7) / 9),
  );
  x = ke.tensor(values, [SAMPLES, ...shape.slice(1)]);
  const model = await ke.loadModel(MODEL);
  const { maps } = await ke.explain(METHOD, ke.inspection.expose(model), x, UNITS, OPTIONS);
  expected = (maps as ke.Tensor).data.slice() as Float32Array;
  model.close();
});
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function local(count: number): Promise<ke.distribute.LocalWorkers> {
  const workers = await ke.distribute.localWorkers(count, { threads: 1 });
  open.push(async () => {
    await workers.close();
    expect(workers.processes.every(({ pid }) => gone(pid))).toBe(true);
  });
  return workers;
}

async function exposedOn(options: ke.distribute.MultiWorkerOptions): Promise<ke.Model> {
  const model = await ke.loadModel(MODEL, { strategy: ke.distribute.multiWorker(options) });
  open.push(() => model.close());
  return ke.inspection.expose(model);
}

/** Explains all samples, and calls `at` when a step is there. Each sample must come once, in order. */
async function explainAll(model: ke.Model, at: (step: number) => unknown): Promise<void> {
  let row = 0;
  const rowSize = expected.length / SAMPLES;
  for await (const { step, maps } of ke.explainBatches(METHOD, model, x, UNITS, OPTIONS)) {
    expect(step).toBe(row / BATCH);
    const { data, shape } = maps as ke.Tensor;
    for (const [i, value] of (data as Float32Array).entries()) {
      const wanted = expected[row * rowSize + i] as number;
      if (Math.abs(value - wanted) > 1e-4) expect(value).toBe(wanted);
    }
    row += shape[0] as number;
    await at(step);
  }
  expect(row).toBe(SAMPLES);
}

const stateOf = (model: ke.Model, i: number) => model.strategy.status()[i]?.state;

test('a worker that is killed in the middle loses nothing', async () => {
  const workers = await local(2);
  const model = await exposedOn({ workers, timeoutMs: 5000 });
  await explainAll(
    model,
    (step) => step === 5 && process.kill(workers.processes[0]?.pid as number, 'SIGKILL'),
  );
  const [first, second] = model.strategy.status();
  expect(first).toMatchObject({ state: 'down' });
  expect(first?.lastError).not.toBeNull();
  expect(second?.state).toBe('up');
  // And the runs after it.
  await explainAll(model, () => undefined);
});

test('a worker that is stopped is given up after the timeout, and taken back', async () => {
  const workers = await local(2);
  const model = await exposedOn({ workers, timeoutMs: 1000 });
  const pid = workers.processes[1]?.pid as number;
  await explainAll(model, (step) => step === 5 && process.kill(pid, 'SIGSTOP'));
  expect(stateOf(model, 1)).toBe('down');
  process.kill(pid, 'SIGCONT');
  await until(() => stateOf(model, 1) === 'up');
  const before = model.strategy.status()[1]?.shards as number;
  await explainAll(model, () => undefined);
  expect(model.strategy.status()[1]?.shards).toBeGreaterThan(before);
});

test('a worker that is restarted is taken back', async () => {
  const port = await freePort();
  const begin = async () => {
    const { child, ended } = start(['worker', '--port', String(port), '--threads', '1']);
    open.push(async () => {
      child.kill('SIGKILL');
      await ended;
    });
    await ready(child);
    return child;
  };
  const first = await begin();
  const model = await exposedOn({ workers: [`localhost:${port}`], timeoutMs: 20_000 });
  expect(model.strategy.replicas).toBe(availableParallelism());
  let restarted: Promise<unknown> = Promise.resolve();
  await explainAll(model, (step) => {
    if (step !== 5) return;
    first.kill('SIGKILL');
    restarted = once(first, 'exit').then(begin);
  });
  await restarted;
  expect(model.strategy.status()[0]).toMatchObject({ name: `localhost:${port}`, state: 'up' });
  // It has said so.
  expect(model.strategy.replicas).toBe(1);
});

test('the last worker gone is a WorkerError, with what was done', async () => {
  const workers = await local(1);
  const model = await exposedOn({ workers, timeoutMs: 1000 });
  let steps = 0;
  const callback = new (class extends ke.callbacks.Callback {
    override onPredictBatchEnd() {
      steps += 1;
      if (steps === 4) process.kill(workers.processes[0]?.pid as number, 'SIGKILL');
    }
  })();
  const options = { ...OPTIONS, callbacks: [callback] };
  const error = await ke.explain(METHOD, model, x, UNITS, options).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(ke.WorkerError);
  expect(error.code).toBe('UNAVAILABLE');
  expect(error.message).toContain(workers.addresses[0]);
  const finished = ke.finishedSteps(error);
  expect(finished?.steps).toBe(steps);
  expect(error.samples.first).toBe(steps * BATCH);
  const { maps } = (finished as ke.FinishedSteps).outputs as { maps: ke.Tensor };
  const rowSize = expected.length / SAMPLES;
  (maps.data as Float32Array).forEach((value, i) => {
    if (Math.abs(value - (expected[i] as number)) > 1e-4) expect(value).toBe(expected[i]);
  });
  expect(maps.data.length).toBe(steps * BATCH * rowSize);
});

test('without retries the samples and their worker are named', async () => {
  const workers = await local(2);
  const model = await exposedOn({ workers, timeoutMs: 2000, retries: 0 });
  const slow = ke.methods.meta.smooth(ke.methods.cams.gradcam, { repetitions: 15_000, noise: 0.1 });
  const run = ke.explain(slow, model, x.rows(0, 4), UNITS.slice(0, 4), OPTIONS).catch((thrown) => thrown);
  await until(() => stateOf(model, 0) === 'up');
  await sleep(500);
  process.kill(workers.processes[0]?.pid as number, 'SIGKILL');
  const error = await run;
  expect(error).toBeInstanceOf(ke.WorkerError);
  expect(error).toMatchObject({ worker: workers.addresses[0], attempts: 1 });
  expect(error.samples.count).toBeGreaterThan(0);
  expect(error.message).toMatch(/^Samples? \d/);
});

describe('no worker', () => {
  test('that listens: each is named', async () => {
    const port = await freePort();
    const model = await exposedOn({ workers: [`localhost:${port}`], timeoutMs: 300 });
    const begun = performance.now();
    const error = await model.predict(x.rows(0, 1)).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(ke.WorkerError);
    expect(error).toMatchObject({
      worker: `localhost:${port}`,
      samples: { first: 0, count: 1 },
      attempts: 0,
    });
    expect(error.message).toMatch(
      new RegExp(`^No worker computes sample 0: no worker has been up for 300 ms: localhost:${port}: `),
    );
    expect(performance.now() - begun).toBeLessThan(3000);
  });

  test('of this version: both are named', async () => {
    const port = await freePort();
    const child = spawn(process.execPath, [
      '--input-type=module',
      '-e',
      `import { ensureTensorflow } from '${DIST}/binding/loader.js';
       await (await ensureTensorflow()).startServer({ port: ${port}, package: '9.9.9' });
       console.log('ready'); setInterval(() => {}, 1000);`,
    ]);
    open.push(async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    await ready(child);
    const model = await exposedOn({ workers: [`localhost:${port}`], timeoutMs: 5000 });
    await expect(model.predict(x.rows(0, 1))).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringMatching(/keras-explainable 9\.9\.9 .* this is keras-explainable \d/),
    });
    expect(stateOf(model, 0)).toBe('refused');
  });
});

describe('processes', () => {
  test.each(['SIGKILL', 'exit'])('workers end with the process that started them: %s', async (how) => {
    const child = spawn(process.execPath, [
      '--input-type=module',
      '-e',
      `import { distribute } from '${DIST}/index.js';
       const workers = await distribute.localWorkers(2, { threads: 1 });
       console.log('ready', workers.processes.map(({ pid }) => pid).join());
       ${how === 'exit' ? '' : 'setInterval(() => {}, 1000);'}`,
    ]);
    const pids = (await ready(child)).split(' ')[1]?.split(',').map(Number) as number[];
    expect(pids).toHaveLength(2);
    if (how === 'SIGKILL') child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    await until(() => pids.every(gone), 5000);
  });

  test('stopped workers are ended, too', async () => {
    const workers = await local(1);
    process.kill(workers.processes[0]?.pid as number, 'SIGSTOP');
    await workers.close();
    expect(gone(workers.processes[0]?.pid as number)).toBe(true);
    await workers.close();
    expect(() => ke.distribute.multiWorker({ workers })).toThrow('closed workers');
  });
});
