/** Measures the cost and the gain of distribution, with workers on this machine. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as ke from 'keras-explainable';
import { ROOT } from '../../scripts/setup/process.mjs';
import { noise, openDemo, openResNet } from '../models.mjs';

const BATCH = 8;
const NEEDS = 'ResNet50V2, which `npm run test:reference` builds';
const { gradcam } = ke.methods.cams;

/** Returns the rate of one Grad-CAM call over samples of noise, in batches of 8. */
async function rate(model, x, y) {
  const begun = performance.now();
  const { logits, maps } = await ke.explain(gradcam, model, x, y, {
    batchSize: BATCH,
    verbose: 0,
    force: false,
  });
  const seconds = (performance.now() - begun) / 1000;
  logits.release();
  maps.release();
  return x.shape[0] / seconds;
}

/** Returns a row that loads one model with several strategies and measures the strategies one after another. */
const compare = ({ name, title, metrics, samples, strategies, figures }) => ({
  name,
  title,
  needs: NEEDS,
  metrics,
  async open() {
    const opened = await strategies();
    const close = async () => {
      for (const { model } of opened.models) model.close();
      await opened.workers?.close();
    };
    if (opened.models.some(({ model }) => model === null)) return null;
    const each = opened.models.map(({ model }) => ({
      exposed: ke.inspection.expose(model),
      x: noise(model, samples),
      y: Array.from({ length: samples }, () => [0]),
    }));
    return {
      async measure() {
        const rates = [];
        for (const { exposed, x, y } of each) rates.push(await rate(exposed, x, y));
        return figures(rates);
      },
      close,
    };
  },
});

const replicas = compare({
  name: 'replicas',
  title:
    'Grad-CAM of 32 samples of ResNet50V2, in batches of 8: mirrored over 2 CPU replicas compared with 1',
  samples: 32,
  metrics: {
    '1 replica': { unit: 'samples/s', better: 'higher' },
    '2 replicas': { unit: 'samples/s', better: 'higher' },
    efficiency: { unit: '', better: 'higher' },
  },
  async strategies() {
    const models = [];
    for (const replicasPerDevice of [1, 2]) {
      const strategy = ke.distribute.mirrored({ devices: ['CPU:0'], replicasPerDevice });
      models.push({ model: await openResNet({ strategy }) });
    }
    return { models };
  },
  figures: ([one, two]) => ({ '1 replica': one, '2 replicas': two, efficiency: two / one / 2 }),
});

/** Compares a worker with this process. Both have the same number of threads, so that only the transfer differs. */
const overhead = (threads) =>
  compare({
    name: `worker-${threads}`,
    title: `Grad-CAM of ${4 * BATCH} samples of ResNet50V2, in batches of ${BATCH}: one local worker compared with this process, ${threads} thread${threads === 1 ? '' : 's'} each`,
    samples: 4 * BATCH,
    metrics: {
      'in process': { unit: 'samples/s', better: 'higher' },
      'one worker': { unit: 'samples/s', better: 'higher' },
      overhead: { unit: '%', better: 'lower' },
    },
    async strategies() {
      const here = await openResNet({ threads: { interOp: threads } });
      if (here === null) return { models: [{ model: null }] };
      const workers = await ke.distribute.localWorkers(1, { threads });
      const strategy = ke.distribute.multiWorker({ workers });
      return { models: [{ model: here }, { model: await openResNet({ strategy }) }], workers };
    },
    figures: ([here, there]) => ({
      'in process': here,
      'one worker': there,
      overhead: 100 * (here / there - 1),
    }),
  });

const TIMEOUT_MS = 5000;
/** Throughput counts as full when a window of `WINDOW_MS` reaches the fraction `FULL` of the final throughput. */
const FULL = 0.9;
const WINDOW_MS = 500;

/**
 * Sends a signal to one of two workers that process an endless input. Measures the longest wait and the time until the
 * throughput reaches its final value.
 */
const loss = ({ name, title, signal, restarts = false }) => ({
  name,
  title: `2 local workers, an endless input, Grad-CAM of the demo's model: ${title}`,
  metrics: {
    'before, samples': { unit: '1/s', better: 'higher' },
    'after, samples': { unit: '1/s', better: 'higher' },
    'longest wait for a step': { unit: 'ms', better: 'lower' },
    'time to full throughput': { unit: 'ms', better: 'lower' },
  },
  async open() {
    return {
      async measure() {
        const workers = await ke.distribute.localWorkers(2, { threads: 1 });
        const strategy = ke.distribute.multiWorker({ workers, timeoutMs: TIMEOUT_MS });
        const model = await openDemo({ strategy });
        const x = noise(model, 2 * BATCH);
        let wanted = true;
        const endless = function* () {
          while (wanted) yield { x };
        };
        const times = [];
        let lost = 0;
        let another = null;
        const script = (async () => {
          await sleep(4000);
          lost = performance.now();
          process.kill(workers.processes[0].pid, signal);
          if (restarts) another = startAt(workers.processes[0].address);
          await sleep(TIMEOUT_MS + 4000);
          wanted = false;
        })();
        const exposed = ke.inspection.expose(model);
        for await (const step of ke.explainBatches(gradcam, exposed, endless())) {
          times.push(performance.now());
          step[Symbol.dispose]();
        }
        await script;
        model.close();
        await workers.close();
        another?.kill();
        return figures(times, lost);
      },
      async close() {},
    };
  },
});

/** Starts another worker at the address of a lost worker. */
function startAt(address) {
  const main = path.join(ROOT, 'dist', 'cli', 'main.js');
  const args = [main, 'worker', '--port', address.split(':')[1], '--threads', '1'];
  return spawn(process.execPath, args, { stdio: 'ignore' });
}

function figures(times, lost) {
  const last = times.at(-1);
  const perSecond = (from, to) =>
    (2 * BATCH * 1000 * times.filter((time) => time >= from && time < to).length) / (to - from);
  const end = perSecond(last - 2000, last);
  let full = lost;
  while (full + WINDOW_MS < last && perSecond(full, full + WINDOW_MS) < FULL * end) full += 20;
  const around = times.filter((time) => time >= lost - 200 && time < lost + TIMEOUT_MS + 2000);
  return {
    'before, samples': perSecond(lost - 2000, lost),
    'after, samples': end,
    'longest wait for a step': Math.max(...around.slice(1).map((time, i) => time - around[i])),
    'time to full throughput': full - lost,
  };
}

const LOSSES = [
  { name: 'kill', title: 'a worker is killed', signal: 'SIGKILL' },
  {
    name: 'restart',
    title: 'a worker is killed, and another is started in its place',
    signal: 'SIGKILL',
    restarts: true,
  },
  { name: 'stop', title: `a worker is stopped (SIGSTOP; timeoutMs ${TIMEOUT_MS})`, signal: 'SIGSTOP' },
].map(loss);

export const DISTRIBUTION = [replicas, overhead(1), overhead(2), ...LOSSES];
