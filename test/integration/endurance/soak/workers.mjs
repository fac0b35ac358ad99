/** Threads with the package in them that are killed. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

const VICTIM = new URL('victim.mjs', import.meta.url);
const WAYS = ['start', 'load', 'compile', 'explain', 'loop', 'batches', 'explainer', 'done', 'exit', 'throw'];

/** Begun, and killed as soon as it says that it is where it shall be killed; some end by themselves. */
async function kill(way, random) {
  const worker = new Worker(VICTIM, { workerData: { way } });
  let failure = null;
  worker.on('error', (error) => {
    failure = error;
  });
  const exit = new Promise((resolve) => {
    worker.on('exit', resolve);
  });
  if (way === 'done' || way === 'exit' || way === 'throw') await exit;
  else {
    if (way !== 'start') await Promise.race([once(worker, 'message'), exit]);
    await sleep(random.between(0, 4));
    await worker.terminate();
    await exit;
  }
  const expected = way === 'throw' ? 'of the worker' : undefined;
  if (failure?.message !== expected) throw failure ?? new Error(`the worker did not fail: ${way}`);
}

async function startsAndKills({ random }) {
  return {
    /** Two at once, of which one may wait for what the other computes. */
    async step(i) {
      await Promise.all([2 * i, 2 * i + 1].map((n) => kill(WAYS[n % WAYS.length], random)));
      return 2;
    },
    end: async () => undefined,
  };
}

export const workers = { 'workers killed': { count: 200, begin: startsAndKills } };
