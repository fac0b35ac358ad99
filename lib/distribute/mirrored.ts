import { checkInteger, checkOptions } from '../support/arguments.js';
import { checkDevices, type Device, gpusOf, parseDevice, parseDevices } from './device.js';
import { CPU_ROWS, GPU_ROWS, type Plan, type PlanContext, Strategy } from './strategy.js';

export interface MirroredOptions {
  /** As ['GPU:0', 'GPU:1']. Default: all GPUs that TensorFlow sees; without one, the CPU. */
  readonly devices?: readonly string[];
  /**
   * Parts of a batch that each device computes at once. Default 1 on a GPU; CPU devices share `threads.interOp`. Those
   * of one device share one graph and its weights.
   */
  readonly replicasPerDevice?: number;
}

/** A GPU among CPU devices takes so many of their parts in one go. */
const SHARDS_OF_A_GPU = 4;

/**
 * A model on several devices of this machine, its weights on each: parts of a batch go to whichever is free, and come
 * back in order, as `tf.distribute.MirroredStrategy` does.
 */
export function mirrored(options: MirroredOptions = {}): Strategy {
  checkOptions('options', options, ['devices', 'replicasPerDevice']);
  const { devices, replicasPerDevice } = options;
  const named = devices === undefined ? null : parseDevices('devices', devices);
  if (replicasPerDevice !== undefined) checkInteger('replicasPerDevice', replicasPerDevice, 1, 1024);
  return new Strategy('mirrored', async (context) => {
    if (named !== null) {
      await checkDevices('devices', named, context.addon);
      return planOf(named, replicasPerDevice, context);
    }
    const gpus = (await gpusOf(context.addon)).map((name) => parseDevice('devices', name));
    if (gpus.length > 0) return planOf(gpus, replicasPerDevice, context);
    const callers = replicasPerDevice ?? context.callers;
    return { replicas: [{ target: '', device: '', callers }], mostRows: CPU_ROWS };
  });
}

function planOf(devices: readonly Device[], each: number | undefined, { callers }: PlanContext): Plan {
  const cpus = devices.filter(({ type }) => type === 'CPU').length;
  const shareOf = (type: Device['type']) =>
    each ?? (type === 'GPU' ? 1 : Math.max(1, Math.floor(callers / cpus)));
  return {
    replicas: devices.map(({ name, type }) => ({
      target: '',
      device: name,
      callers: shareOf(type),
      ...(type === 'GPU' && cpus > 0 && { shardsAtOnce: SHARDS_OF_A_GPU }),
    })),
    mostRows: cpus > 0 ? CPU_ROWS : GPU_ROWS,
  };
}
