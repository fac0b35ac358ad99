/** Names of devices, as TensorFlow and Keras write them. */

import type { Addon } from '../binding/contract.js';
import { noteSession } from '../binding/sessions.js';
import { refused, wrongType } from '../support/arguments.js';
import { nativeAsync } from '../support/errors.js';
import { type DeviceKind, isAccelerator, KIND_NAMES, traitsOf } from './device_kinds.js';

export interface Device {
  /** For example '/device:GPU:0'. */
  readonly name: string;
  readonly kind: DeviceKind;
  readonly index: number;
}

const NAME = new RegExp(
  `^(?:/job:[^/]+/replica:\\d+/task:\\d+)?/?(?:device:)?(${KIND_NAMES.join('|')})(?::(\\d{1,4}))?$`,
  'i',
);

/** Returns the device that `value` names. Throws a `TypeError` or a `RangeError` that names the argument `name`. */
export function parseDevice(name: string, value: unknown): Device {
  const expected = "a device such as 'GPU:0' or '/device:CPU:1'";
  if (typeof value !== 'string') throw wrongType(name, expected, value);
  const [, written, number = '0'] = NAME.exec(value) ?? [];
  if (written === undefined) throw refused(name, expected, `'${value}'`);
  const kind = written.toUpperCase() as DeviceKind;
  return { name: `/device:${kind}:${Number(number)}`, kind, index: Number(number) };
}

/** Returns the devices that `value` lists. Throws if a device is listed twice. */
export function parseDevices(name: string, value: unknown): readonly Device[] {
  const expected = "an array of devices, for example ['GPU:0', 'GPU:1']";
  if (!Array.isArray(value) || value.length === 0) throw wrongType(name, expected, value);
  const devices = value.map((each, i) => parseDevice(`${name}[${i}]`, each));
  devices.forEach((device, i) => {
    const first = devices.findIndex((other) => other.name === device.name);
    if (first !== i)
      throw refused(`${name}[${i}]`, 'each device once', `'${value[i]}', which is also ${name}[${first}]`);
  });
  return devices;
}

/** Returns the short names of this process's accelerators. */
export async function acceleratorsOf(addon: Addon): Promise<readonly string[]> {
  noteSession();
  const all = await nativeAsync(() => addon.listDevices());
  return all.filter(({ type }) => isAccelerator(type)).map(({ name }) => shortName(name));
}

/** Returns '/device:CPU:0' for '/job:localhost/replica:0/task:0/device:CPU:0'. */
export function shortName(name: string): string {
  return name.slice(Math.max(0, name.indexOf('/device:')));
}

/** Refuses accelerators that this process does not have. TensorFlow would silently use the CPU instead. */
export async function checkDevices(name: string, devices: readonly Device[], addon: Addon): Promise<void> {
  const asked = devices.filter(({ kind }) => traitsOf(kind).isAccelerator);
  if (asked.length === 0) return;
  const present = await acceleratorsOf(addon);
  const missing = asked.find((device) => !present.includes(device.name));
  if (missing === undefined) return;
  const there =
    present.length === 0 ? `TensorFlow sees no ${missing.kind}` : `TensorFlow sees ${present.join(', ')}`;
  throw refused(
    name,
    'devices of this process',
    `'${missing.name}'`,
    `Choose another device: ${there}. \`npx keras-explainable doctor\` reports the reason.`,
  );
}
