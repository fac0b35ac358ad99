/** The table of device kinds: both languages have the same, and names, defaults and limits derive from it. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parseDevice } from '../../../lib/distribute/device.js';
import { DEVICE_KINDS, isAccelerator, KIND_NAMES, mostRowsOf } from '../../../lib/distribute/device_kinds.js';

it('is the same in native code', () => {
  const header = readFileSync(new URL('../../../native/tensorflow/device_kind.h', import.meta.url), 'utf8');
  const rows = header.matchAll(/constexpr DeviceKind \w+\{"(\w+)", (true|false)\}/g);
  const native = Array.from(rows, ([, name, accelerator]) => [name, accelerator === 'true']);
  expect(native).toEqual(Object.entries(DEVICE_KINDS).map(([name, traits]) => [name, traits.isAccelerator]));
});

it.each(KIND_NAMES)('has names for %s', (kind) => {
  const device = { name: `/device:${kind}:2`, kind, index: 2 };
  for (const name of [
    `${kind}:2`,
    kind.toLowerCase().concat(':2'),
    `/job:worker/replica:0/task:0/device:${kind}:2`,
  ]) {
    expect(parseDevice('device', name)).toEqual(device);
  }
  expect(parseDevice('device', kind)).toEqual({ ...device, name: `/device:${kind}:0`, index: 0 });
});

it('knows no other kinds', () => {
  for (const name of ['TPU:0', 'XLA_CPU:0', 'toString:0']) {
    expect(() => parseDevice('device', name)).toThrow(name);
    expect(isAccelerator(name.slice(0, -2))).toBe(false);
  }
});

it('takes the fewest rows that any kind wants', () => {
  expect(mostRowsOf(['GPU', 'GPU'])).toBe(Number.POSITIVE_INFINITY);
  expect(mostRowsOf(['GPU', 'CPU'])).toBe(DEVICE_KINDS.CPU.mostRows);
});
