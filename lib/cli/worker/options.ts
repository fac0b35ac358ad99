import { InvalidArgumentError } from 'commander';
import { parseWorkerDevices, WORKER_DEVICES, type WorkerDevices } from '../../distribute/worker_devices.js';

/** The checked options of `keras-explainable worker`. */
export interface WorkerOptions {
  readonly port: number;
  readonly host: string;
  readonly devices?: WorkerDevices;
  readonly threads: number;
}

/** Parses devices: `0,2`, `cpu` or `cpu:2`. */
export function workerDevices(text: string): WorkerDevices {
  const devices = parseWorkerDevices(text);
  if (devices === null) throw new InvalidArgumentError(`Expected ${WORKER_DEVICES}.`);
  return devices;
}

/** Parses the name or address of a host. */
export function hostName(text: string): string {
  if (!/^(\[[0-9a-f:.]+\]|[\w.-]+)$/i.test(text)) {
    throw new InvalidArgumentError(
      "Expected a name or an address without a port, as 'gpu-3.internal' or '[fd00::3]'.",
    );
  }
  return text;
}
