/** `keras-explainable worker`, and commands that compute on one. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as ke from '../../../lib/index.js';
import { cli, MAIN, start } from '../helpers/cli_process.js';
import { freePort, ready, until } from '../helpers/worker_process.js';

const PREDICT = ['predict', '--model', 'm', '--images', 'i'];
const port = 20_000 + (process.pid % 20_000);
let worker: ReturnType<typeof start>;
let log = '';
beforeAll(async () => {
  worker = start(['worker', '--port', String(port), '--threads', '1']);
  worker.child.stdout?.on('data', (text: string) => {
    log += text;
  });
  await ready(worker.child);
});
afterAll(() => worker.child.kill('SIGKILL'));

test('predicts on workers what it predicts here', async () => {
  const args = ['predict', '--model', 'demo/model', '--images', 'demo/images/01*', '--json'];
  const [there, here] = await Promise.all([cli(...args, '--workers', `localhost:${port}`), cli(...args)]);
  expect(there.err).toBe('');
  expect(there.out).toBe(here.out);
});

test('refuses a port in use, and flags that do not go together', async () => {
  const used = await cli('worker', '--port', String(port));
  expect(used.code).toBe(1);
  expect(used.err).toContain(`Port ${port} is in use`);
  const mixed = await cli(...PREDICT, '--strategy', 'mirrored', '--workers', 'a:1');
  expect(mixed.code).toBe(2);
  expect(mixed.err).toContain('--workers: it goes with --strategy multiWorker');
  const bad = await cli(...PREDICT, '--workers', 'a');
  expect(bad.code).toBe(2);
  expect(bad.err).toContain("as '10.0.0.5:2222,10.0.0.6:2222'");
});

test.runIf(process.platform === 'linux')('logs who connects and leaves', async () => {
  const strategy = ke.distribute.multiWorker({ workers: [`localhost:${port}`] });
  const model = await ke.loadModel('demo/model', { strategy });
  await model.predict(ke.tensor(new Float32Array(96 * 96 * 3), [1, 96, 96, 3]));
  // Of a machine that has much to do it may see a knock at the port, too.
  const named = (event: string) =>
    [...log.matchAll(new RegExp(`client (\\S+) ${event}`, 'g'))].map((m) => m[1]);
  const there = () => named('connected').filter((client) => !named('left').includes(client));
  await until(() => there().length > 0);
  expect(there()[0]).toMatch(/^(127\.0\.0\.1|\[::1\]):\d+$/);
  model.close();
  await until(() => there().length === 0);
});

test.runIf(existsSync('/dev/full'))('a worker whose output cannot be written ends', async () => {
  const full = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, [MAIN, 'worker', '--port', String(await freePort())], {
    stdio: ['ignore', full, 'ignore'],
  });
  closeSync(full);
  expect(await once(child, 'exit')).toEqual([1, null]);
});

test('a worker whose parent is gone before it listens ends', async () => {
  const child = spawn(process.execPath, [MAIN, 'worker', '--port', String(await freePort())], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  child.disconnect();
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('refuses GPUs that are not there', async () => {
  const { code, err } = await cli('worker', '--port', String(await freePort()), '--devices', '97');
  expect(code).toBe(1);
  expect(err).toMatch(/GPUs of this machine for argument `--devices` but received 97|visible_device_list/);
});

test('says what a worker is, and ends it by SIGTERM', async () => {
  worker.child.kill('SIGTERM');
  const { code, out } = await worker.ended;
  expect(code).toBe(0);
  const lines = out
    .trimEnd()
    .split('\n')
    .filter((line) => !/ client \S+ (connected|left)$/.test(line));
  expect(lines[0]).toMatch(/no credentials and listens on every address/);
  expect(lines.slice(1).map((line) => line.replace(/^\S+Z /, ''))).toEqual([
    `starting on port ${port}`,
    expect.stringMatching(
      `^ready at localhost:${port} \\(keras-explainable .*, TensorFlow .*, 1 thread, /device:.*\\)$`,
    ),
    'ended: received SIGTERM',
  ]);
});
