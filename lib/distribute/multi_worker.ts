import type { NativeReplica } from '../binding/contract.js';
import { checkInteger, checkOptions, refused, wrongType } from '../support/arguments.js';
import { parseDevices } from './device.js';
import { type DeviceKind, mostRowsOf, traitsOf } from './device_kinds.js';
import { LocalWorkers } from './local_workers.js';
import { Strategy } from './strategy.js';

export interface MultiWorkerOptions {
  /** Where workers listen, as ['10.0.0.5:2222'], or those of `localWorkers`. */
  readonly workers: readonly string[] | LocalWorkers;
  /**
   * Milliseconds for which a worker may be silent before its samples are given to another, and a run may wait while no
   * worker is up. Default 30 000.
   */
  readonly timeoutMs?: number;
  /** How often, at most, samples are computed again because the worker that had them was lost. Default 3. */
  readonly retries?: number;
  /**
   * Parts of a batch that each worker (each device of it) computes at once. Default: the worker's `--threads`; 1 on a
   * GPU.
   */
  readonly replicasPerWorker?: number;
  /**
   * The devices of each worker that compute, as ['GPU:0', 'GPU:1']; a worker without one of them is refused for it.
   * Default: one, its first GPU or its CPU.
   */
  readonly devices?: readonly string[];
}

/** It is known once a worker has answered. */
const AS_THE_WORKER_SAYS = 0;
const OPTIONS = ['workers', 'timeoutMs', 'retries', 'replicasPerWorker', 'devices'] as const;
const MOST_MILLISECONDS = 2 ** 30;
const ADDRESS = /^(?:grpc:\/\/)?(\[[0-9a-f:.]+\]|[\w.-]+):(\d{1,5})$/i;

/**
 * A model on workers: other processes, of this machine or others, each started by `npx keras-explainable worker`. Parts
 * of a batch go to whichever worker is free and come back in order; those of a worker that is lost are computed by
 * another. They are connected to with the first run.
 *
 * TensorFlow's servers ask for no credentials: use them in a private network or through a tunnel only.
 */
export function multiWorker(options: MultiWorkerOptions): Strategy {
  checkOptions('options', options, OPTIONS);
  const { workers, timeoutMs = 30_000, retries = 3, replicasPerWorker, devices } = options;
  const addresses = checkWorkers(workers);
  checkInteger('timeoutMs', timeoutMs, 1, MOST_MILLISECONDS);
  checkInteger('retries', retries, 0, MOST_MILLISECONDS);
  if (replicasPerWorker !== undefined) checkInteger('replicasPerWorker', replicasPerWorker, 1, 1024);
  const named = devices === undefined ? null : parseDevices('devices', devices);
  const threads = workers instanceof LocalWorkers ? workers.threads : AS_THE_WORKER_SAYS;
  const callersOn = (kind: DeviceKind) => replicasPerWorker ?? traitsOf(kind).callers ?? threads;
  const replicas = addresses.flatMap((address): NativeReplica[] => {
    const target = `grpc://${address}`;
    if (named === null) return [{ target, device: '', callers: callersOn('CPU') }];
    return named.map(({ name, kind }) => ({ target, device: name, callers: callersOn(kind) }));
  });
  const plan = {
    replicas,
    timeoutMs,
    retries,
    mostRows: mostRowsOf(named?.map(({ kind }) => kind) ?? ['CPU']),
  };
  return new Strategy('multiWorker', () => plan);
}

function checkWorkers(workers: unknown): readonly string[] {
  const expected = "addresses as ['10.0.0.5:2222'], or the result of `localWorkers`";
  if (workers instanceof LocalWorkers) {
    if (workers.closed) throw refused('workers', 'workers that run', 'ones that were closed');
    return workers.addresses;
  }
  if (!Array.isArray(workers)) throw wrongType('workers', expected, workers);
  if (workers.length === 0) throw refused('workers', expected, 'none');
  const addresses = workers.map((worker, i) => checkAddress(`workers[${i}]`, worker));
  addresses.forEach((address, i) => {
    const first = addresses.indexOf(address);
    if (first !== i)
      throw refused(`workers[${i}]`, 'each worker once', `'${address}', which is workers[${first}], too`);
  });
  return addresses;
}

/** @internal 'host:port', without the scheme. */
export function checkAddress(name: string, value: unknown): string {
  const expected = "an address as 'host:2222'";
  if (typeof value !== 'string') throw wrongType(name, expected, value);
  const [, host, port] = ADDRESS.exec(value) ?? [];
  if (host === undefined || !(Number(port) >= 1 && Number(port) <= 65535)) {
    throw refused(name, expected, `'${value}'`);
  }
  return `${host.toLowerCase()}:${Number(port)}`;
}
