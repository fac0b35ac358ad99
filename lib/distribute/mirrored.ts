import { checkInteger, checkOptions } from '../support/arguments.js';
import { acceleratorsOf, checkDevices, type Device, parseDevice, parseDevices } from './device.js';
import { mostRowsOf, traitsOf } from './device_kinds.js';
import { type Plan, type PlanContext, Strategy } from './strategy.js';

export interface MirroredOptions {
  /** For example ['GPU:0', 'GPU:1']. Default: all GPUs that TensorFlow sees, or the CPU if there is no GPU. */
  readonly devices?: readonly string[];
  /**
   * The number of parts of a batch that each device computes at once. Default 1 on a GPU; CPU devices share
   * `threads.interOp`. The replicas of one device share one graph and its weights.
   */
  readonly replicasPerDevice?: number;
}

/**
 * Returns a strategy that computes a model on several devices of this machine. Each device holds the weights. A free
 * device takes the next part of a batch, and results keep the order of the batch. Corresponds to
 * `tf.distribute.MirroredStrategy`.
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
    const accelerators = (await acceleratorsOf(context.addon)).map((name) => parseDevice('devices', name));
    if (accelerators.length > 0) return planOf(accelerators, replicasPerDevice, context);
    const callers = replicasPerDevice ?? context.callers;
    return { replicas: [{ target: '', device: '', callers }], mostRows: mostRowsOf(['CPU']) };
  });
}

function planOf(devices: readonly Device[], each: number | undefined, { callers }: PlanContext): Plan {
  // The devices that share the threads of the process.
  const sharing = devices.filter(({ kind }) => traitsOf(kind).callers === null).length;
  const share = Math.max(1, Math.floor(callers / sharing));
  return {
    replicas: devices.map(({ name, kind }) => {
      const traits = traitsOf(kind);
      return {
        target: '',
        device: name,
        callers: each ?? traits.callers ?? share,
        ...(traits.shardsAtOnce > 1 && sharing > 0 && { shardsAtOnce: traits.shardsAtOnce }),
      };
    }),
    mostRows: mostRowsOf(devices.map(({ kind }) => kind)),
  };
}
