/** The side of a peer that is written in JavaScript. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** Samples whose maps are compared. */
export const CHECKED = 8;

/**
 * Answers questions until there are no more.
 *
 * @param {(job: object) => Promise<(samples: number) => Promise<{ shape: number[], data: Float32Array }>>} open what
 * runs a job for its first samples; the values are read before it runs again
 */
export async function answer(open) {
  const jobs = new Map();
  const does = {
    async open({ key, job }) {
      jobs.set(key, { run: await open(job), samples: job.samples });
      return {};
    },
    async maps({ key }) {
      const { run, samples } = jobs.get(key);
      const { shape, data } = await run(Math.min(samples, CHECKED));
      return { shape, data: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64') };
    },
    async measure({ key }) {
      const { run, samples } = jobs.get(key);
      const begun = performance.now();
      await run(samples);
      return { seconds: (performance.now() - begun) / 1000 };
    },
    async memory() {
      return { bytes: peakMemory() };
    },
  };
  for await (const line of createInterface({ input: process.stdin })) {
    const question = JSON.parse(line);
    let answered;
    try {
      answered = await does[question.do](question);
    } catch (error) {
      answered = { error: String(error.stack ?? error) };
    }
    process.stdout.write(`${JSON.stringify(answered)}\n`);
  }
}

/** Linux counts into `maxRSS` what the process was forked from; the file counts what is this program's. */
function peakMemory() {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
}
