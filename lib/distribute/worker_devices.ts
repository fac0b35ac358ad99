/** The devices that a worker may use: GPUs by number, or a number of CPU devices. */
export type WorkerDevices = { readonly gpus: readonly number[] } | { readonly cpus: number };

/** The texts that {@link parseWorkerDevices} accepts, in words for an error message. */
export const WORKER_DEVICES = "comma-separated GPU numbers such as '0,2', or 'cpu' or 'cpu:2'";

/** Parses texts such as `0,2`, `cpu` or `cpu:2`. Returns null for any other text. */
export function parseWorkerDevices(text: string): WorkerDevices | null {
  const [cpu, count = '1'] = /^cpu(?::([1-9]\d{0,2}))?$/i.exec(text.trim()) ?? [];
  if (cpu !== undefined) return { cpus: Number(count) };
  const gpus = text.split(',').map((part) => part.trim());
  const fit = gpus.every((gpu) => /^\d{1,3}$/.test(gpu)) && new Set(gpus.map(Number)).size === gpus.length;
  return fit ? { gpus: gpus.map(Number) } : null;
}
