/**
 * Workers that are killed, stopped and restarted at random over an endless input, for the build of the package. Every
 * sample must come once, in order, as this process computes it; memory must stay where it is; no process may be left.
 *
 *     npm run test:chaos                                    # two minutes
 *     node test/integration/distribute/chaos.mjs --seconds 15 --seed 3
 *
 * Writes what it does to standard error, and one line of JSON of what it found. Exits with 1 where something is wrong.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { growth, Meter, quarter } from '../endurance/soak/meter.mjs';
import { ke, ROOT } from '../endurance/soak/models.mjs';
import { randomFrom } from '../endurance/soak/random.mjs';

const MODEL = path.join(ROOT, 'test', 'fixtures', 'reference', 'keras3', 'tiny');

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '120' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
    workers: { type: 'string', default: '3' },
  },
});
const SECONDS = Number(values.seconds);
const TIMEOUT_MS = SECONDS < 60 ? 3000 : 5000;
/** A prime number of batches, so that one which comes twice, or not, is seen in all that follow. */
const BATCHES = 31;
const BATCH = 6;
/** Float tolerance: a shard of other rows may be computed by other kernels. */
const TOLERANCE = 1e-5;
const MOST_GROWTH_MB = 30;
/** Some 10 ms a sample. */
const METHOD = ke.methods.meta.smooth(ke.methods.cams.gradcam, { repetitions: 10, noise: 0.1, seed: 3 });

const { next: random, between, oneOf } = randomFrom(Number(values.seed));

const begun = performance.now();
const say = (text) =>
  console.error(`${((performance.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${text}`);

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** A worker at a port, which is begun again and again. */
class Victim {
  static pids = [];
  child = null;
  state = 'gone';

  constructor(number, port) {
    this.number = number;
    this.port = port;
  }

  async start() {
    this.state = 'starting';
    const args = [path.join(ROOT, 'dist', 'cli', 'main.js'), 'worker', '--port', String(this.port)];
    const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' };
    const child = spawn(process.execPath, [...args, '--threads', '1'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env,
    });
    Victim.pids.push(child.pid);
    this.child = child;
    for await (const block of child.stdout) if (String(block).includes('ready')) break;
    // It may have been killed meanwhile.
    if (this.child === child && child.exitCode === null && child.signalCode === null) this.state = 'up';
  }

  signal(name) {
    this.child.kill(name);
    if (name === 'SIGSTOP') this.state = 'stopped';
    else if (name === 'SIGCONT') this.state = 'up';
    else {
      this.state = 'ending';
      once(this.child, 'exit').then(() => {
        this.state = 'gone';
      });
    }
  }
}

const count = { SIGKILL: 0, SIGTERM: 0, SIGSTOP: 0, SIGCONT: 0, starts: 0 };

async function torment(victims, until) {
  while (performance.now() < until) {
    await sleep(between(100, 1200));
    const victim = oneOf(victims);
    // One is always left: that none is ends the run, as another test tells.
    const others = victims.some((other) => other !== victim && other.state === 'up');
    let what = null;
    if (victim.state === 'up' && others)
      what = oneOf(['SIGKILL', 'SIGKILL', 'SIGTERM', 'SIGSTOP', 'SIGSTOP']);
    else if (victim.state === 'stopped') what = oneOf(['SIGCONT', 'SIGCONT', 'SIGKILL']);
    else if (victim.state === 'starting' && random() < 0.05) what = 'SIGKILL';
    if (what !== null) {
      count[what] += 1;
      say(`worker ${victim.number}: ${what}`);
      victim.signal(what);
    } else if (victim.state === 'gone') {
      count.starts += 1;
      say(`worker ${victim.number}: started again`);
      victim.start();
    }
  }
  for (const victim of victims) if (victim.state === 'stopped') victim.signal('SIGCONT');
}

const isGone = (pid) => {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
};

const wrong = [];

async function main() {
  // Parts of the same size as there: only so results may be equal to the bit.
  const quiet = await ke.loadModel(MODEL, { threads: { interOp: Number(values.workers) } });
  const shape = [BATCHES * BATCH, ...quiet.inputs[0].shape.slice(1)];
  const size = shape.slice(1).reduce((a, b) => a * b, 1);
  const x = ke.tensor(
    Float32Array.from(
      { length: BATCHES * BATCH * size },
      (_, i) => Math.sin(i) * (1 + Math.floor(i / size) / 50),
    ),
    shape,
  );
  const y = Array.from({ length: BATCHES * BATCH }, (_, i) => [i % 5]);
  const { maps } = await ke.explain(METHOD, ke.inspection.expose(quiet), x, y, {
    verbose: 0,
    batchSize: BATCH,
  });
  const expected = maps.data.slice();
  quiet.close();
  const mapSize = expected.length / (BATCHES * BATCH);

  const victims = [];
  for (let i = 0; i < Number(values.workers); i++) victims.push(new Victim(i, await freePort()));
  await Promise.all(victims.map((victim) => victim.start()));
  const strategy = ke.distribute.multiWorker({
    workers: victims.map(({ port }) => `localhost:${port}`),
    timeoutMs: TIMEOUT_MS,
    retries: 100,
    replicasPerWorker: 1,
  });
  const model = await ke.loadModel(MODEL, { strategy });
  say(`seed ${values.seed}: ${victims.length} workers, ${SECONDS} s, timeoutMs ${TIMEOUT_MS}`);

  const { liveBytes } = ke.memory();
  const until = performance.now() + SECONDS * 1000;
  let made = 0;
  function* endless() {
    for (; performance.now() < until; made++) {
      const first = (made % BATCHES) * BATCH;
      yield { x: x.rows(first, first + BATCH), y: y.slice(first, first + BATCH) };
    }
  }
  const meter = new Meter(ke);
  const sampler = setInterval(() => void meter.sample(), 500);
  const tormented = torment(victims, until - 1000);

  let steps = 0;
  let different = 0;
  let largest = 0;
  let longest = 0;
  let last = performance.now();
  for await (const step of ke.explainBatches(METHOD, ke.inspection.expose(model), endless(), null, {
    verbose: 0,
  })) {
    if (step.step !== steps) wrong.push(`step ${steps} came as ${step.step}`);
    const { data } = step.maps;
    if (data.length !== BATCH * mapSize) wrong.push(`step ${steps} has ${data.length} values`);
    const from = (steps % BATCHES) * BATCH * mapSize;
    let farthest = 0;
    for (let i = 0; i < data.length; i++)
      farthest = Math.max(farthest, Math.abs(data[i] - expected[from + i]));
    if (!(farthest <= TOLERANCE)) wrong.push(`step ${steps} is off by ${farthest}`);
    if (farthest > 0) different += 1;
    largest = Math.max(largest, farthest);
    step[Symbol.dispose]();
    steps += 1;
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }
  if (steps !== made) wrong.push(`${steps} batches came of ${made}`);
  await tormented;
  clearInterval(sampler);
  const status = model.strategy.status();
  model.close();
  for (const victim of victims) if (victim.state !== 'gone') victim.signal('SIGKILL');
  // One that is killed while it loads 800 MB from a busy disk ends when that is read.
  for (const end = performance.now() + 30_000; !Victim.pids.every(isGone) && performance.now() < end; )
    await sleep(50);
  const left = Victim.pids.filter((pid) => !isGone(pid));
  if (left.length > 0) wrong.push(`processes are left: ${left}`);

  const { rss, threads, files } = meter.series;
  const grown = growth(rss);
  // A short run is all warm-up.
  if (SECONDS >= 60 && grown > MOST_GROWTH_MB) wrong.push(`memory grew by ${grown.toFixed(1)} MB`);
  console.log(
    JSON.stringify({
      seed: Number(values.seed),
      seconds: SECONDS,
      samples: steps * BATCH,
      ...count,
      processes: Victim.pids.length,
      shards: status.reduce((sum, { shards }) => sum + shards, 0),
      shardsRunAgain: status.reduce((sum, { failures }) => sum + failures, 0),
      bitEqualBatches: steps - different,
      batches: steps,
      largestDifference: largest,
      longestWaitMs: Math.round(longest),
      megabytes: [1, 2, 3].map((i) => Math.round(quarter(rss, i))),
      threads: [1, 2, 3].map((i) => Math.round(quarter(threads, i))),
      files: [1, 2, 3].map((i) => Math.round(quarter(files, i))),
      liveBytes: ke.memory().liveBytes - liveBytes,
      wrong,
    }),
  );
}

try {
  await main();
} catch (error) {
  wrong.push(String(error));
  console.error(error);
} finally {
  for (const pid of Victim.pids) if (!isGone(pid)) process.kill(pid, 'SIGKILL');
}
for (const each of wrong.slice(0, 20)) say(`wrong: ${each}`);
// Else it ends by itself: nothing must hold it.
if (wrong.length > 0) process.exit(1);
