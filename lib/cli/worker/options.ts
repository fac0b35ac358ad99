import { InvalidArgumentError } from 'commander';

/** What of the machine a worker may use: GPUs by number, or CPU devices alone. */
export type WorkerDevices = { readonly gpus: readonly number[] } | { readonly cpus: number };

/** What `keras-explainable worker` was asked to do, checked. */
export interface WorkerOptions {
  readonly port: number;
  readonly host: string;
  readonly devices?: WorkerDevices;
  readonly threads: number;
}

/** Parses `0,2`, `cpu` or `cpu:2`. */
export function workerDevices(text: string): WorkerDevices {
  const [, cpus] = /^cpu(?::([1-9]\d{0,2}))?$/i.exec(text.trim()) ?? [];
  if (/^cpu/i.test(text.trim()) && (cpus !== undefined || /^cpu$/i.test(text.trim()))) {
    return { cpus: Number(cpus ?? 1) };
  }
  const gpus = text.split(',').map((part) => part.trim());
  if (!gpus.every((gpu) => /^\d{1,3}$/.test(gpu)) || new Set(gpus).size !== gpus.length) {
    throw new InvalidArgumentError(
      "Expected GPUs by number with commas between them, as '0,2', or 'cpu' or 'cpu:2'.",
    );
  }
  return { gpus: gpus.map(Number) };
}
