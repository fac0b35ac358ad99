// An environment that ends in the middle of runs: `busy.mjs LIBRARY exit|throw|end|wait|loop`, as a process or a
// worker.
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { loadAddon, looping, slow } from './addon.mjs';

const [library, ending] = isMainThread ? process.argv.slice(2) : [workerData.library, workerData.ending];
const addon = loadAddon();
await addon.loadLibrary(library);
if (ending === 'loop') {
  // One shard, of minutes.
  const limit = addon.allocate('int32', []);
  new Int32Array(limit.buffer, limit.byteOffset, 1)[0] = 100_000_000;
  const control = addon.createRun();
  const loop = await looping(addon);
  loop.run([limit], { shardSize: 1, run: control }).catch(() => {});
  while (control.progress().done === 0) await new Promise((resolve) => setTimeout(resolve, 1));
}
const run = await slow(addon);
const x = addon.allocate('float32', [ending === 'end' ? 3 : 400, 600]);
await run.run([x], { shardSize: 400 });
const runs = Array.from({ length: 5 }, () => run.run([x], { shardSize: 1 }));
for (const each of runs) each.catch(() => {});
parentPort?.postMessage('busy');
process.send?.('busy');
if (ending === 'exit') setTimeout(() => process.exit(7), 20);
if (ending === 'throw') {
  setTimeout(() => {
    throw new Error('thrown in the middle of a run');
  }, 20);
}
if (ending === 'end') {
  run.close();
  x.release();
  const [last] = await run.run([addon.allocate('float32', [1, 600])], { shardSize: 1 }).catch(() => [null]);
  console.log(last === null ? 'refused' : 'ran');
}
