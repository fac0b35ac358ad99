export { configureGpus, type DeviceInfo, devices, type GpuOptions } from './devices.js';
export {
  type LocalWorker,
  type LocalWorkers,
  type LocalWorkersOptions,
  localWorkers,
} from './local_workers.js';
export { type MirroredOptions, mirrored } from './mirrored.js';
export { type MultiWorkerOptions, multiWorker } from './multi_worker.js';
export { oneDevice } from './one_device.js';
export type { HeldStrategy, ReplicaStatus, Strategy } from './strategy.js';
