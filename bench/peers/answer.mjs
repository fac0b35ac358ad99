/** The question loop of peers that are written in JavaScript. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** The number of samples whose maps are compared. */
export const CHECKED = 8;

/**
 * Answers questions until the standard input ends.
 *
 * @param {(job: object) => Promise<(samples: number) => Promise<{ shape: number[], data: Float32Array }>>} open returns
 *   a function that runs a job for its first samples. The returned values are read before the next run.
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

/** Returns the peak memory in bytes. On Linux, `maxRSS` includes the parent's memory before exec; the file does not. */
function peakMemory() {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
}
