/** What of its machine a worker may use: GPUs by number, or CPU devices alone. */
export type WorkerDevices = { readonly gpus: readonly number[] } | { readonly cpus: number };

/** What {@link parseWorkerDevices} takes, in words. */
export const WORKER_DEVICES = "GPUs by number with commas between them, as '0,2', or 'cpu' or 'cpu:2'";

/** `0,2`, `cpu` or `cpu:2`; null for anything else. */
export function parseWorkerDevices(text: string): WorkerDevices | null {
  const [cpu, count = '1'] = /^cpu(?::([1-9]\d{0,2}))?$/i.exec(text.trim()) ?? [];
  if (cpu !== undefined) return { cpus: Number(count) };
  const gpus = text.split(',').map((part) => part.trim());
  const fit = gpus.every((gpu) => /^\d{1,3}$/.test(gpu)) && new Set(gpus.map(Number)).size === gpus.length;
  return fit ? { gpus: gpus.map(Number) } : null;
}
