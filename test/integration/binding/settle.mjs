// A worker that ends while N-API resolves a promise of the addon: `then` of what it resolves with is read for that.
import { parentPort, workerData } from 'node:worker_threads';
import { doubling, loadAddon } from './addon.mjs';

const addon = loadAddon();
await addon.loadLibrary(workerData.library);
const double = await doubling(addon);
const x = addon.allocate('float32', [2, 4]);
await double.run([x], { shardSize: 1 });
Object.defineProperty(Object.prototype, 'then', {
  configurable: true,
  get() {
    delete Object.prototype.then;
    parentPort.postMessage('ends');
    process.exit(7);
  },
});
// Several, so that results are delivered behind the one that ends it.
for (let i = 0; i < 50; i++) double.run([x], { shardSize: 1 });
