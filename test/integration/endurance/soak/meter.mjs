/**
 * What a process uses, over a run: one harness for all tests that watch memory. Needs `--expose-gc`, and Linux' /proc.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';

const status = (key) =>
  Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))[1]);

const SERIES = {
  /**
   * Megabytes that are resident, files' pages (as of libtensorflow) among them, and those that are the process's own.
   */
  rss: () => (status('VmRSS') * 1024) / 1e6,
  anonymous: () => (status('RssAnon') * 1024) / 1e6,
  heap: () => process.memoryUsage().heapUsed / 1e6,
  external: () => process.memoryUsage().external / 1e6,
  arrayBuffers: () => process.memoryUsage().arrayBuffers / 1e6,
  /** Megabytes of tensors that JavaScript holds, as the package counts them. */
  live: null,
  threads: () => status('Threads'),
  files: () => readdirSync('/proc/self/fd').length,
};

/** Garbage is no leak: when V8 collects it is its own affair. What its finalizers give back goes in later turns. */
export async function collect() {
  for (let i = 0; i < 2; i++) {
    gc();
    await turn();
  }
}

export class Meter {
  /** By name, a number per sample. */
  series = Object.fromEntries(Object.keys(SERIES).map((name) => [name, []]));
  #ke;

  constructor(ke) {
    this.#ke = ke;
  }

  async sample({ collecting = true } = {}) {
    if (collecting) await collect();
    for (const [name, read] of Object.entries(SERIES)) {
      this.series[name].push(read === null ? this.#ke.memory().liveBytes / 1e6 : read());
    }
  }
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The median of the `i`th quarter, from 0. */
export const quarter = (values, i) =>
  median(values.slice((values.length * i) / 4, (values.length * (i + 1)) / 4));

/** From the second quarter to the last. */
export const growth = (values) => quarter(values, 3) - quarter(values, 1);
