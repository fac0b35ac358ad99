/** Measures the time from the start of a process to the first map, and the peak memory of a run. */
import { network } from '../../scripts/bench/models.mjs';
import { startOwn } from '../peers/own.mjs';
import { startPython } from '../peers/python.mjs';
import { checkEqual } from './against.mjs';

const SAMPLES = 32;

export const START = {
  name: 'start',
  title: `a new process, ResNet50V2: time to the first Grad-CAM map, and peak memory for ${SAMPLES} samples in batches of 8`,
  metrics: {
    'first map, here': { unit: 's', better: 'lower' },
    'first map, Python library': { unit: 's', better: 'lower' },
    'time, ratio': {
      ratio: ['first map, here', 'first map, Python library'],
      unit: 'x',
      better: 'lower',
      target: { atMost: 0.25 },
    },
    'peak memory, here': { unit: 'MB', better: 'lower' },
    'peak memory, Python library': { unit: 'MB', better: 'lower' },
    'memory, ratio': {
      ratio: ['peak memory, here', 'peak memory, Python library'],
      unit: 'x',
      better: 'lower',
      target: { atMost: 0.7 },
    },
  },
  async open() {
    const job = { model: await network('ResNet50V2'), method: 'gradcam', samples: 1, batchSize: 8 };
    // Throws a Failure if the Python library is unavailable.
    await (await startPython()).close();
    return {
      async measure() {
        const ours = await once(startOwn, job);
        const theirs = await once(startPython, job);
        checkEqual('start', ours.map, theirs.map);
        return {
          'first map, here': ours.seconds,
          'first map, Python library': theirs.seconds,
          'peak memory, here': ours.memory / 1e6,
          'peak memory, Python library': theirs.memory / 1e6,
        };
      },
      async close() {},
    };
  },
};

async function once(start, job) {
  const peer = await start();
  try {
    const map = await (await peer.open(job)).maps();
    const seconds = (performance.now() - peer.begun) / 1000;
    await (await peer.open({ ...job, samples: SAMPLES })).rate();
    return { map, seconds, memory: await peer.memory() };
  } finally {
    await peer.close();
  }
}
