// Prints as JSON what becomes of tensors that JavaScript drops: `node --expose-gc memory.mjs LIBRARY`.
import { setImmediate as macrotask } from 'node:timers/promises';
import { doubling, loadAddon } from './addon.mjs';

const MB = 1 << 20;
const addon = loadAddon();
await addon.loadLibrary(process.argv[2]);

/** Until five rounds in a row have freed nothing: on a busy machine finalizers come late. */
async function collect() {
  for (let idle = 0; idle < 5; ) {
    const live = addon.memory().liveTensors;
    globalThis.gc();
    await macrotask();
    idle = addon.memory().liveTensors < live ? 0 : idle + 1;
  }
}

function viewOfDropped() {
  const tensor = addon.allocate('float32', [2, 4]);
  return new Float32Array(tensor.buffer, tensor.byteOffset).fill(7);
}

const before = process.memoryUsage();
const probe = addon.allocate('uint8', [MB]);
// Node counts only its own ArrayBuffers there.
const external = process.memoryUsage().arrayBuffers - before.arrayBuffers < MB;
probe.release();

const view = viewOfDropped();
await collect();
const run = await doubling(addon);
const x = addon.allocate('float32', [2, 4]);
new Float32Array(x.buffer, x.byteOffset).fill(7);
const copied = addon.memory().copiedInBytes;
const [output] = await run.run([x], { shardSize: 2 });
const doubled = new Float32Array(output.buffer, output.byteOffset)[7];
const copies = addon.memory().copiedInBytes > copied;
output.release();

// What takes a buffer away from its tensor: Node lets only its own ArrayBuffers be transferred so.
structuredClone(x.buffer, { transfer: [x.buffer] });
const detached = await run.run([x], { shardSize: 2 }).then(
  ([each]) => {
    each.release();
    return 'ran';
  },
  (error) => error.code,
);
x.release();

for (let i = 0; i < 100; i++) addon.allocate('uint8', [MB]);
const held = addon.memory().liveTensors;
await collect();
const after = addon.memory().liveTensors;

// Outputs of 4 MB each, released: their memory must not pile up. Where Node owns it, it goes back when V8 collects.
const memoryInUse = () => process.memoryUsage()[external ? 'rss' : 'arrayBuffers'];
const large = addon.allocate('float32', [MB / 4, 4]);
let peak = 0;
for (let i = 0; i < 200; i++) {
  const [each] = await run.run([large], { shardSize: MB });
  each.release();
  if (i === 20) peak = memoryInUse();
}
await collect();
const grown = memoryInUse() - peak > 100 * MB;

console.log(
  JSON.stringify({ external, view: view[7], doubled, before: held, after, copied: copies, detached, grown }),
);
