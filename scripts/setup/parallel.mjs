/** Works through many jobs, as many at once as there are cores. */
import os from 'node:os';

/** The results of `jobs`, which are functions that return promises, in their order. */
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
