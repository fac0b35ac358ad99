// Prints as JSON what ranges of rows, targets and copies of rows give where external buffers are refused:
// `KERAS_EXPLAINABLE_NO_EXTERNAL_BUFFERS=1 node rows.mjs LIBRARY`.
import { doubling, loadAddon } from './addon.mjs';

const addon = loadAddon();
await addon.loadLibrary(process.argv[2]);
const double = await doubling(addon);

const valuesOf = ({ buffer, byteOffset }) => new Float32Array(buffer, byteOffset);
const floats = (rows, fill) => {
  const tensor = addon.allocate('float32', [rows, 4]);
  valuesOf(tensor).set(
    fill === undefined ? Array.from({ length: rows * 4 }, (_, i) => i) : Array(rows * 4).fill(fill),
  );
  return tensor;
};
const copied = () => {
  const { copiedInBytes, copiedOutBytes } = addon.memory();
  return [copiedInBytes, copiedOutBytes];
};
const since = ([into, out]) => [copied()[0] - into, copied()[1] - out];

const x = floats(100);
const target = floats(5, -1);
let before = copied();
const [output] = await double.run([x], {
  shardSize: 2,
  begin: 40,
  rows: 3,
  into: [{ tensor: target, row: 1 }],
});
const run = since(before);

const released = floats(3, -1);
const running = double.run([x], { shardSize: 1, rows: 3, into: [{ tensor: released, row: 0 }] });
released.release();
const [gone] = await running;

const joined = floats(4, 0);
before = copied();
await addon.copyRows(joined, 1, x, 10, 2);
const copy = since(before);

const rows = addon.createRows(6);
const all = await Promise.all(
  [0, 2, 4].map((begin) => double.run([x], { shardSize: 1, begin, rows: 2, into: [{ rows, row: begin }] })),
);

console.log(
  JSON.stringify({
    rows: [...valuesOf(rows.tensor)],
    one: all.every(([whole]) => whole === rows.tensor),
    same: output === target,
    values: [...valuesOf(target)],
    run,
    gone: gone.byteLength,
    joined: [...valuesOf(joined)],
    copy,
  }),
);
