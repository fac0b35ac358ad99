import { once } from 'node:events';
import { expect, test } from 'vitest';
import { cli, inProcess, objects, start } from '../helpers/cli_process.js';

const TINY = 'test/fixtures/tiny/saved_model';

test('bench measures predict and explain at each batch size', async () => {
  const args = ['--model', TINY, '--batch-size', '1,4', '--seconds', '0.05', '--threads', '1', '--json'];
  const { code, out, err } = await cli('bench', ...args);
  expect(err).toBe('');
  expect(code).toBe(0);
  const [setup, ...rest] = objects(out);
  const summary = rest.pop();
  expect(setup).toMatchObject({ type: 'setup', method: 'gradcam', inputs: [[1, 2, 2, 2]], threads: 1 });
  const { library, load, firstMap, total } = setup.milliseconds;
  expect(library + load + firstMap).toBeCloseTo(total, 5);
  expect(rest.map(({ call, batchSize }) => [call, batchSize])).toEqual([
    ['predict', 1],
    ['explain', 1],
    ['predict', 4],
    ['explain', 4],
  ]);
  for (const { runs, millisecondsPerImage: ms, imagesPerSecond } of rest) {
    expect(runs).toBeGreaterThanOrEqual(3);
    expect(ms.minimum).toBeGreaterThan(0);
    expect(ms.median).toBeGreaterThanOrEqual(ms.minimum);
    expect(imagesPerSecond).toBeCloseTo(1000 / ms.median, 5);
  }
  expect(summary).toMatchObject({ type: 'summary', interrupted: false });
  expect(summary.peakMemoryBytes).toBeGreaterThan(50e6);
});

test('bench takes models of other ranks, and says where one cannot be explained', async () => {
  const quick = ['--batch-size', '1', '--seconds', '0.01'];
  const volumes = await cli('bench', '--model', 'test/fixtures/tiny/volumes', ...quick);
  expect(volumes.err).toBe('');
  expect(volumes.code).toBe(0);
  expect(volumes.out).toMatch(/^explain +1 +[\d.]+ +[\d.]+ +[\d.]+ +\d+$/m);
  const module = await inProcess('bench', '--model', 'test/fixtures/models/module/model', ...quick);
  expect(module.err).toMatch(/^error: The model has no layer of type Flatten or /);
  expect(module.code).toBe(1);
});

test('bench refuses a size that the model does not take', async () => {
  const quick = ['--model', TINY, '--batch-size', '1', '--seconds', '0.01'];
  const { code, err } = await inProcess('bench', ...quick, '--size', '32');
  expect(err).toMatch(/^error: --size: the model takes no other sizes than its own, \(any, 2, 2, 2\)/);
  expect(code).toBe(2);
  expect((await inProcess('bench', ...quick, '--size', '2')).code).toBe(0);
});

test('bench that is interrupted prints what it has', async () => {
  const { child, ended } = start(['bench', '--model', TINY, '--seconds', '600', '--json']);
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  child.kill('SIGINT');
  const { code, out } = await ended;
  expect(code).toBe(130);
  const [setup, ...rest] = objects(out);
  expect(setup).toMatchObject({ type: 'setup' });
  expect(rest.pop()).toMatchObject({ type: 'summary', interrupted: true });
  // Calls that were never measured are left out: JSON has no number for them.
  for (const measurement of rest) {
    expect(measurement.runs).toBeGreaterThan(0);
    expect(measurement.imagesPerSecond).toBeGreaterThan(0);
  }
});
