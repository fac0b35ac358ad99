import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { strategyOf } from '../../../lib/cli/shared/strategy_options.js';
import { peersIn } from '../../../lib/cli/worker/clients.js';
import { hostName, workerDevices } from '../../../lib/cli/worker/options.js';
import { fingerprintOf } from '../../../lib/distribute/fingerprint.js';

test('the devices that a worker uses', () => {
  expect(workerDevices('cpu')).toEqual({ cpus: 1 });
  expect(workerDevices('CPU:2')).toEqual({ cpus: 2 });
  expect(workerDevices('0, 2')).toEqual({ gpus: [0, 2] });
  for (const text of ['', 'tpu', 'cpu:0', 'cpu:', '0,0', '0,00', '-1']) {
    expect(() => workerDevices(text)).toThrow("as '0,2', or 'cpu' or 'cpu:2'");
  }
});

test("a host's name", () => {
  for (const name of ['gpu-3.internal', '10.0.0.5', '[fd00::3]']) expect(hostName(name)).toBe(name);
  for (const name of ['', 'a b', 'gpu-3:2222', 'a\n']) {
    expect(() => hostName(name)).toThrow('Expected a name or an address without a port');
  }
});

test('who is connected to a port, by the tables of the kernel', () => {
  const head =
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
  const line = (local: string, remote: string, state: string) =>
    `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000     0        0 1 1 0000000000000000 100`;
  const ANY = '00000000:08AE';
  const table = [
    head,
    line(ANY, '00000000:0000', '0A'),
    line('0500000A:08AE', '0700000A:C822', '01'),
    line('0500000A:08AF', '0800000A:C822', '01'),
    line('0500000A:08AE', '0900000A:C822', '06'),
    line('0000000000000000FFFF00000500000A:08AE', '0000000000000000FFFF00000A00000A:C823', '01'),
    line('000000FD000000000000000005000000:08AE', '000000FD000000000000000007000000:C824', '01'),
    '',
  ].join('\n');
  expect(peersIn(table, 2222)).toEqual(['10.0.0.7:51234', '10.0.0.10:51235', '[fd00::7]:51236']);
  expect(peersIn('', 2222)).toEqual([]);
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
    expect(await fingerprintOf(join(second, 'saved_model.pb'))).toBe(print);
    writeFileSync(join(second, 'variables', 'data'), 'weightz');
    expect(await fingerprintOf(second)).not.toBe(print);
    expect(await fingerprintOf(join(second, 'saved_model.pb'))).not.toBe(print);
    await expect(fingerprintOf(first)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
