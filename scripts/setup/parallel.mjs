/** Runs jobs in parallel. */
import os from 'node:os';

/** Runs `jobs`, functions that return promises, `atOnce` at a time. Returns the results in the order of `jobs`. */
export async function inParallel(jobs, atOnce = os.availableParallelism()) {
  const results = new Array(jobs.length);
  let next = 0;
  const worker = async () => {
    while (next < jobs.length) {
      const i = next++;
      results[i] = await jobs[i]();
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, jobs.length) }, worker));
  return results;
}
