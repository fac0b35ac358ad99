import { checkDevices, parseDevice } from './device.js';
import { mostRowsOf, traitsOf } from './device_kinds.js';
import { Strategy } from './strategy.js';

/**
 * All of a model on one device: 'GPU:0', 'CPU:0', ... Default: the first GPU where TensorFlow sees one, else the CPU.
 * On the CPU, `threads.interOp` parts of a batch are computed at once; on a GPU one after the other.
 *
 * @throws RangeError where it is no device's name; `loadModel` throws it where this process lacks that device.
 */
export function oneDevice(device?: string): Strategy {
  if (device === undefined) {
    return new Strategy('oneDevice', ({ callers }) => ({
      replicas: [{ target: '', device: '', callers }],
      mostRows: mostRowsOf(['CPU']),
    }));
  }
  const parsed = parseDevice('device', device);
  return new Strategy('oneDevice', async ({ addon, callers }) => {
    await checkDevices('device', [parsed], addon);
    return {
      replicas: [{ target: '', device: parsed.name, callers: traitsOf(parsed.kind).callers ?? callers }],
      mostRows: mostRowsOf([parsed.kind]),
    };
  });
}
