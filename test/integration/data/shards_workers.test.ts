/** Pictures that workers read (`autoShard: 'file'`). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, test } from 'vitest';
import * as ke from '../../../lib/index.js';
import { freePort } from '../helpers/worker_process.js';
import {
  at,
  both,
  copy,
  directory,
  expectEqual,
  fixture,
  here,
  LOOK,
  load,
  look,
  open,
  PICTURES,
  predict,
  unitsOf,
} from './shards_fixture.js';

async function on(count: number, options: Partial<ke.distribute.MultiWorkerOptions> = {}) {
  const workers = await ke.distribute.localWorkers(count, { threads: 1 });
  open.push(() => workers.close());
  const strategy = ke.distribute.multiWorker({ workers, timeoutMs: 5000, ...options });
  return { workers, model: await load({ strategy }) };
}

test('maps equal those of pictures that are sent, and errors name the files', async () => {
  const { model } = await on(2);
  const files = await both(PICTURES);
  await expectEqual((x) => ke.explain(look, model, x, null, LOOK), files);
  await expectEqual((x) => ke.gradcam(model, x, unitsOf(x), { verbose: 0 }), files);
  await expectEqual(async (x) => ({ maps: await predict(model, x) }), files);
  expect(model.strategy.status().every(({ shards }) => shards > 0)).toBe(true);

  await writeFile(here('damaged.jpg'), (await readFile(fixture('rgb.jpg'))).subarray(0, 300));
  for (const [name, code] of [
    ['gone.png', 'NOT_FOUND'],
    ['damaged.jpg', 'DATA_LOSS'],
  ] as const) {
    const [, broken] = await both([...files[1].paths.slice(0, 6), here(name)]);
    await expect(ke.explain(look, model, broken, null, LOOK)).rejects.toMatchObject({
      name: 'ImageError',
      code,
      message: expect.stringContaining(here(name)),
    });
  }
});

test('the worker reads files that only the worker has', async () => {
  await copy('rgb.png', 'only.png');
  await writeFile(here('bad.png'), 'no picture');
  const port = await freePort();
  const args = [at('dist/cli/main.js'), 'worker', '--port', String(port), '--threads', '1'];
  const child = spawn(process.execPath, args, { cwd: directory, stdio: 'ignore' });
  open.push(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const strategy = ke.distribute.multiWorker({ workers: [`localhost:${port}`], replicasPerWorker: 1 });
  const model = await load({ strategy });
  const seen = (name: string) => `/proc/self/cwd/${name}`;
  const [here1] = await both([here('only.png')]);
  const [, there] = await both([seen('only.png')]);
  await expectEqual((x) => ke.explain(look, model, x, null, LOOK), [here1, there]);
  for (const [name, code] of [
    ['bad.png', 'DATA_LOSS'],
    ['gone.png', 'NOT_FOUND'],
  ] as const) {
    const [, broken] = await both([seen('only.png'), seen(name)]);
    await expect(ke.explain(look, model, broken, null, LOOK)).rejects.toMatchObject({
      name: 'ImageError',
      code,
      message: expect.stringContaining(seen(name)),
    });
  }
});

test('a worker that is killed during the run loses no map', async () => {
  const { model, workers } = await on(2);
  const [off, file] = await both(PICTURES, { batchSize: 2 });
  const method = ke.methods.meta.smooth(ke.methods.cams.gradcam, { repetitions: 10, noise: 0.1, seed: 3 });
  const expected = (await ke.explain(method, model, off, unitsOf(off), { verbose: 0 })).maps as ke.Tensor;
  let row = 0;
  const options = { verbose: 0, maxQueueSize: 3 } as const;
  for await (const { step, maps } of ke.explainBatches(method, model, file, unitsOf(file), options)) {
    if (step === 4) process.kill(workers.processes[0]?.pid as number, 'SIGKILL');
    const rows = maps.shape[0] as number;
    const wanted = expected.rows(row, row + rows).data as Float32Array;
    for (const [i, value] of (maps.data as Float32Array).entries()) {
      if (Math.abs(value - (wanted[i] as number)) > 1e-4) expect(value).toBe(wanted[i]);
    }
    row += rows;
  }
  expect(row).toBe(30);
  expect(model.strategy.status()[0]?.state).toBe('down');
});

test('only paths are sent to the worker', async () => {
  const workers = await ke.distribute.localWorkers(1, { threads: 1 });
  open.push(() => workers.close());
  const meter = await metered(workers.addresses[0] as string);
  const strategy = ke.distribute.multiWorker({ workers: [meter.address], replicasPerWorker: 1 });
  const model = await load({ strategy });
  const sent = [];
  for (const files of await both(PICTURES)) {
    const explain = () => ke.gradcam(model, files, unitsOf(files), { verbose: 0 });
    await explain();
    const before = meter.sent();
    await explain();
    sent.push((meter.sent() - before) / files.samples);
  }
  const [off = 0, file = 0] = sent;
  expect(off).toBeGreaterThan(96 * 96 * 3);
  expect(file).toBeLessThan(1000);
});

/** A port that leads to `address` and counts what is sent there. */
async function metered(address: string): Promise<{ address: string; sent: () => number }> {
  const [host, port] = address.split(':') as [string, string];
  let bytes = 0;
  const server = createServer((client) => {
    const worker = connect(Number(port), host);
    client.on('data', (chunk) => {
      bytes += chunk.length;
    });
    for (const socket of [client, worker]) socket.on('error', () => undefined);
    client.pipe(worker).pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push(() => server.close());
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, sent: () => bytes };
}
