import type { NativeReplica } from '../binding/contract.js';
import { checkInteger, checkOptions, refused, wrongType } from '../support/arguments.js';
import { parseDevices } from './device.js';
import { type DeviceKind, mostRowsOf, traitsOf } from './device_kinds.js';
import { LocalWorkers } from './local_workers.js';
import { Strategy } from './strategy.js';

export interface MultiWorkerOptions {
  /** The addresses of the workers, for example ['10.0.0.5:2222'], or the result of `localWorkers`. */
  readonly workers: readonly string[] | LocalWorkers;
  /**
   * The maximum silence of a worker in milliseconds. After that time another worker computes the samples. A run also
   * waits at most this time while no worker is up. Default 30 000.
   */
  readonly timeoutMs?: number;
  /** The maximum number of retries of a sample after its worker is lost. Default 3. */
  readonly retries?: number;
  /**
   * The number of parts of a batch that each worker, or each of its `devices`, computes at once. Default: the worker's
   * `--threads` on a CPU, 1 on a GPU.
   */
  readonly replicasPerWorker?: number;
  /**
   * The devices that compute on each worker, for example ['GPU:0', 'GPU:1']. The replica of a device that a worker does
   * not have is refused. Default: the first GPU of the worker, or its CPU.
   */
  readonly devices?: readonly string[];
}

/** The worker reports its number of threads when it answers for the first time. */
const AS_THE_WORKER_SAYS = 0;
const OPTIONS = ['workers', 'timeoutMs', 'retries', 'replicasPerWorker', 'devices'] as const;
const MOST_MILLISECONDS = 2 ** 30;
const ADDRESS = /^(?:grpc:\/\/)?(\[[0-9a-f:.]+\]|[\w.-]+):(\d{1,5})$/i;

/**
 * Returns a strategy that computes a model on workers. A worker is another process, of this machine or another, started
 * by `npx keras-explainable worker`. A free worker takes the next part of a batch, and results keep the order of the
 * batch. The parts of a lost worker are computed by another worker. The first run connects to the workers.
 *
 * TensorFlow's servers have no authentication. Use workers only in a private network or through a tunnel.
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
  const expected = "addresses such as ['10.0.0.5:2222'], or the result of `localWorkers`";
  if (workers instanceof LocalWorkers) {
    if (workers.closed) throw refused('workers', 'running workers', 'closed workers');
    return workers.addresses;
  }
  if (!Array.isArray(workers)) throw wrongType('workers', expected, workers);
  if (workers.length === 0) throw refused('workers', expected, 'none');
  const addresses = workers.map((worker, i) => checkAddress(`workers[${i}]`, worker));
  addresses.forEach((address, i) => {
    const first = addresses.indexOf(address);
    if (first !== i)
      throw refused(`workers[${i}]`, 'each worker once', `'${address}', which is also workers[${first}]`);
  });
  return addresses;
}

/** @internal Returns 'host:port' without the scheme. Throws if `value` is not an address. */
export function checkAddress(name: string, value: unknown): string {
  const expected = "an address such as 'host:2222'";
  if (typeof value !== 'string') throw wrongType(name, expected, value);
  const [, host, port] = ADDRESS.exec(value) ?? [];
  if (host === undefined || !(Number(port) >= 1 && Number(port) <= 65535)) {
    throw refused(name, expected, `'${value}'`);
  }
  return `${host.toLowerCase()}:${Number(port)}`;
}
