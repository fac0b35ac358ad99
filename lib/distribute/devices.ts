import { ensureTensorflow, unloadedAddon } from '../binding/loader.js';
import { hasSession, noteSession } from '../binding/sessions.js';
import { checkBoolean, checkOptions, outOfRange, wrongType } from '../support/arguments.js';
import { LoadError, native, nativeAsync } from '../support/errors.js';
import { shortName } from './device.js';

export interface DeviceInfo {
  /** For example '/device:CPU:0'. `oneDevice` and `mirrored` accept this name. */
  readonly name: string;
  /** 'CPU', 'GPU', ... */
  readonly type: string;
  /** The memory of the device that TensorFlow may use, in bytes. */
  readonly memoryBytes: number;
}

/** Returns the devices that TensorFlow sees in this process. */
export async function devices(): Promise<readonly DeviceInfo[]> {
  const addon = await ensureTensorflow();
  noteSession();
  const all = await nativeAsync(() => addon.listDevices());
  return all.map((device) => ({ ...device, name: shortName(device.name) }));
}

export interface GpuOptions {
  /** Whether TensorFlow allocates GPU memory as needed instead of all at once. Default true. */
  readonly memoryGrowth?: boolean;
  /** The maximum fraction of each GPU's memory: above 0 and at most 1. Default: all memory. */
  readonly memoryFraction?: number;
  /** The numbers of the GPUs that TensorFlow may use. TensorFlow renumbers them from 0. No GPU: []. Default: all. */
  readonly visibleDevices?: readonly number[];
}

/**
 * Configures how TensorFlow uses the GPUs of this process. TensorFlow reads the configuration once, before its first
 * session. Call `configureGpus` before the first model is loaded.
 *
 * @throws LoadError (`FAILED_PRECONDITION`) if TensorFlow has already read the configuration.
 */
export function configureGpus(options: GpuOptions): void {
  checkOptions('options', options, ['memoryGrowth', 'memoryFraction', 'visibleDevices']);
  const { memoryGrowth, memoryFraction, visibleDevices } = options;
  if (memoryGrowth !== undefined) checkBoolean('memoryGrowth', memoryGrowth);
  if (memoryFraction !== undefined) {
    const expected = 'a number above 0 and at most 1';
    if (typeof memoryFraction !== 'number') throw wrongType('memoryFraction', expected, memoryFraction);
    if (!(memoryFraction > 0 && memoryFraction <= 1))
      throw outOfRange('memoryFraction', expected, memoryFraction);
  }
  if (visibleDevices !== undefined) checkNumbers(visibleDevices);
  if (hasSession()) {
    throw new LoadError(
      'FAILED_PRECONDITION',
      'TensorFlow has already configured the GPUs. Call `configureGpus` before the first model or picture is loaded.',
    );
  }
  // TensorFlow interprets an empty list as all GPUs.
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
  const expected = 'an array of different GPU numbers, for example [0, 1]';
  const fits = Array.isArray(value) && value.every((each) => Number.isInteger(each) && each >= 0);
  if (!fits || new Set(value).size !== value.length) throw wrongType('visibleDevices', expected, value);
}
