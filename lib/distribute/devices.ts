import { ensureTensorflow, unloadedAddon } from '../binding/loader.js';
import { hasSession, noteSession } from '../binding/sessions.js';
import { checkBoolean, checkOptions, outOfRange, wrongType } from '../support/arguments.js';
import { LoadError, native, nativeAsync } from '../support/errors.js';
import { shortName } from './device.js';

export interface DeviceInfo {
  /** As '/device:CPU:0': a name that `oneDevice` and `mirrored` take. */
  readonly name: string;
  /** 'CPU', 'GPU', ... */
  readonly type: string;
  /** What TensorFlow may use of it. */
  readonly memoryBytes: number;
}

/** The devices that TensorFlow sees in this process. */
export async function devices(): Promise<readonly DeviceInfo[]> {
  const addon = await ensureTensorflow();
  noteSession();
  const all = await nativeAsync(() => addon.listDevices());
  return all.map((device) => ({ ...device, name: shortName(device.name) }));
}

export interface GpuOptions {
  /** Take memory as it is needed instead of all at once. Default true. */
  readonly memoryGrowth?: boolean;
  /** Of each GPU's memory, at most: above 0, at most 1. Default: all. */
  readonly memoryFraction?: number;
  /** The GPUs that TensorFlow may see, by number; it numbers those from 0. None: []. Default: all. */
  readonly visibleDevices?: readonly number[];
}

/**
 * What TensorFlow does with the GPUs of this process. It asks once, before its first session: call this before the
 * first model is loaded.
 *
 * @throws LoadError (`FAILED_PRECONDITION`) where it is too late.
 */
export function configureGpus(options: GpuOptions): void {
  checkOptions('options', options, ['memoryGrowth', 'memoryFraction', 'visibleDevices']);
  const { memoryGrowth, memoryFraction, visibleDevices } = options;
  if (memoryGrowth !== undefined) checkBoolean('memoryGrowth', memoryGrowth);
  if (memoryFraction !== undefined) {
    const expected = 'a number above 0, at most 1';
    if (typeof memoryFraction !== 'number') throw wrongType('memoryFraction', expected, memoryFraction);
    if (!(memoryFraction > 0 && memoryFraction <= 1))
      throw outOfRange('memoryFraction', expected, memoryFraction);
  }
  if (visibleDevices !== undefined) checkNumbers(visibleDevices);
  if (hasSession()) {
    throw new LoadError(
      'FAILED_PRECONDITION',
      'TensorFlow has looked at the GPUs already. Call `configureGpus` before the first model or picture is loaded.',
    );
  }
  // TensorFlow takes an empty list for all.
  if (visibleDevices?.length === 0) process.env.CUDA_VISIBLE_DEVICES = '-1';
  native(() =>
    unloadedAddon().configureGpus({
      memoryGrowth,
      memoryFraction,
      visibleDevices: visibleDevices?.join(','),
    }),
  );
}

function checkNumbers(value: unknown): void {
  const expected = 'an array of different numbers of GPUs, as [0, 1]';
  const fits = Array.isArray(value) && value.every((each) => Number.isInteger(each) && each >= 0);
  if (!fits || new Set(value).size !== value.length) throw wrongType('visibleDevices', expected, value);
}
