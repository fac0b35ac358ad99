import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { strategyOf } from '../../../lib/cli/strategy.js';
import { workerDevices } from '../../../lib/cli/worker/options.js';
import { fingerprintOf } from '../../../lib/distribute/fingerprint.js';

test('what of the machine a worker may use', () => {
  expect(workerDevices('cpu')).toEqual({ cpus: 1 });
  expect(workerDevices('CPU:2')).toEqual({ cpus: 2 });
  expect(workerDevices('0, 2')).toEqual({ gpus: [0, 2] });
  for (const text of ['', 'tpu', 'cpu:0', 'cpu:', '0,0', '-1']) {
    expect(() => workerDevices(text)).toThrow("as '0,2', or 'cpu' or 'cpu:2'");
  }
});

test('the strategy that flags name', () => {
  expect(strategyOf({})).toBeUndefined();
  expect(strategyOf({ strategy: 'mirrored' })?.kind).toBe('mirrored');
  expect(strategyOf({ workers: ['a:1'] })?.kind).toBe('multiWorker');
  expect(() => strategyOf({ strategy: 'multiWorker' })).toThrow('it needs --workers');
  expect(() => strategyOf({ strategy: 'oneDevice', workers: ['a:1'] })).toThrow('not oneDevice');
});

test("a model's fingerprint is that of its files, wherever they are", async () => {
  const directory = mkdtempSync(join(tmpdir(), 'ke-print-'));
  try {
    const [first, second] = [join(directory, 'a'), join(directory, 'b')];
    mkdirSync(join(first, 'variables'), { recursive: true });
    writeFileSync(join(first, 'saved_model.pb'), 'graph');
    writeFileSync(join(first, 'variables', 'data'), 'weights');
    const print = await fingerprintOf(first);
    expect(print).toMatch(/^[0-9a-f]{64}$/);
    renameSync(first, second);
    expect(await fingerprintOf(second)).toBe(print);
    writeFileSync(join(second, 'variables', 'data'), 'weightz');
    expect(await fingerprintOf(second)).not.toBe(print);
    await expect(fingerprintOf(first)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
