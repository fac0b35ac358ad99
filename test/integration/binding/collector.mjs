// Prints as JSON what thousands of outputs of 4 MB weigh that nobody releases, and what remains of a run's target
// that nobody holds: `node --expose-gc collector.mjs LIBRARY`.
import { setImmediate as macrotask } from 'node:timers/promises';
import { doubling, loadAddon } from './addon.mjs';

const MB = 1 << 20;
const RUNS = 3000;
const addon = loadAddon();
await addon.loadLibrary(process.argv[2]);
const run = await doubling(addon);

const x = addon.allocate('float32', [MB / 4, 4]);
new Float32Array(x.buffer, x.byteOffset).fill(1);
let [most, live, sum] = [0, 0, 0];
let first = 0;
for (let i = 0; i < RUNS; i++) {
  const [output] = await run.run([x], { shardSize: MB });
  sum += new Float32Array(output.buffer, output.byteOffset)[i];
  live = Math.max(live, addon.memory().liveBytes);
  const { rss } = process.memoryUsage();
  if (i === 0) first = rss;
  most = Math.max(most, rss - first);
}

/** Until five rounds in a row have freed nothing: on a busy machine finalizers come late. */
async function collect() {
  for (let idle = 0; idle < 5; ) {
    const before = addon.memory().liveTensors;
    globalThis.gc();
    await macrotask();
    idle = addon.memory().liveTensors < before ? 0 : idle + 1;
  }
}

// Targets are held while their run is in flight, and no longer, whether the run succeeds or fails.
async function targets() {
  const small = addon.allocate('float32', [4, 4]);
  new Float32Array(small.buffer, small.byteOffset).fill(1);
  for (let i = 0; i < 50; i++) {
    const running = run.run([small], {
      shardSize: 1,
      into: [{ tensor: addon.allocate('float32', [4, 4]), row: 0 }],
    });
    globalThis.gc();
    const [output] = await running;
    sum += new Float32Array(output.buffer, output.byteOffset)[15];
    const control = addon.createRun();
    control.cancel();
    const into = [{ tensor: addon.allocate('float32', [4, 4]), row: 0 }];
    await run.run([small], { shardSize: 1, run: control, into }).catch(() => {});
  }
  small.release();
}
await collect();
const before = addon.memory().liveTensors;
await targets();
await collect();

console.log(
  JSON.stringify({
    sum,
    most: Math.round(most / MB),
    live: Math.round(live / MB),
    left: addon.memory().liveTensors - before,
  }),
);
