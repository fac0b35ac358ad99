/**
 * The client's side of network.test.ts, for the build of the package:
 *
 *     node client.mjs '{ "workers": ["10.91.0.2:2222"], "timeoutMs": 3000, "afterwards": "stream" }'
 *
 * Compares maps with those of this process, then explains without an end ("stream"), or does nothing ("wait"), until
 * its input ends; by default it ends at once. Writes a line of JSON per event.
 */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const ke = await import(path.join(ROOT, 'dist', 'index.js'));

const { workers, timeoutMs, afterwards } = JSON.parse(process.argv[2]);
const say = (event) => console.log(JSON.stringify(event));
const MODEL = path.join(ROOT, 'demo', 'model');
if (!existsSync(MODEL)) throw new Error('there is no demo');

await ke.ready();
const rows = 16;
const x = ke.allocate([rows, 96, 96, 3]);
for (let i = 0; i < x.data.length; i++) x.data[i] = 128 + 127 * Math.sin(i);
const y = Array.from({ length: rows }, (_, i) => [i % 10]);
const options = { verbose: 0, batchSize: rows };

const here = await ke.loadModel(MODEL);
const expected = (
  await ke.explain(ke.methods.cams.gradcam, ke.inspection.expose(here), x, y, options)
).maps.data.slice();
here.close();

const difference = (data) => {
  let most = data.length === expected.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < expected.length; i++) most = Math.max(most, Math.abs(data[i] - expected[i]));
  return most;
};

const strategy = ke.distribute.multiWorker({ workers, timeoutMs, replicasPerWorker: 1 });
const model = await ke.loadModel(MODEL, { strategy });
const exposed = ke.inspection.expose(model);
const states = () => model.strategy.status().map(({ name, state, failures }) => ({ name, state, failures }));

try {
  const { maps } = await ke.explain(ke.methods.cams.gradcam, exposed, x, y, options);
  say({ event: 'compared', difference: difference(maps.data), states: states() });
  if (afterwards === 'wait') await once(process.stdin, 'data');
  let wanted = afterwards === 'stream';
  process.stdin.on('data', () => {
    wanted = false;
  });
  const endless = function* () {
    while (wanted) yield { x, y };
  };
  let steps = 0;
  let worst = 0;
  let last = performance.now();
  let longest = 0;
  const timer = setInterval(() => say({ event: 'streaming', steps, states: states() }), 200);
  for await (const step of ke.explainBatches(ke.methods.cams.gradcam, exposed, endless())) {
    if (step.step !== steps) throw new Error(`step ${step.step} came in place of ${steps}`);
    worst = Math.max(worst, difference(step.maps.data));
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
    steps++;
    step[Symbol.dispose]();
  }
  clearInterval(timer);
  say({ event: 'ended', steps, difference: worst, longestMs: Math.round(longest), states: states() });
} catch (error) {
  say({ event: 'failed', name: error.name, code: error.code, message: error.message });
}
model.close();
process.exit(0);
