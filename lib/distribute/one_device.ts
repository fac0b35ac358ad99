import { checkDevices, parseDevice } from './device.js';
import { mostRowsOf, traitsOf } from './device_kinds.js';
import { Strategy } from './strategy.js';

/**
 * Returns a strategy that computes a model on one device. On the CPU, `threads.interOp` parts of a batch are computed
 * at once. On a GPU the parts are computed one after another.
 *
 * @param device for example 'GPU:0' or 'CPU:0'. Default: the first GPU that TensorFlow sees, or the CPU if there is
 *   none.
 * @throws RangeError if `device` is not the name of a device. `loadModel` throws if this process lacks the device.
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
