import { checkDevices, parseDevice } from './device.js';
import { CPU_ROWS, GPU_ROWS, Strategy } from './strategy.js';

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
      mostRows: CPU_ROWS,
    }));
  }
  const parsed = parseDevice('device', device);
  return new Strategy('oneDevice', async ({ addon, callers }) => {
    await checkDevices('device', [parsed], addon);
    const gpu = parsed.type === 'GPU';
    return {
      replicas: [{ target: '', device: parsed.name, callers: gpu ? 1 : callers }],
      mostRows: gpu ? GPU_ROWS : CPU_ROWS,
    };
  });
}
