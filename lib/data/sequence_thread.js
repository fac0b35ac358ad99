// @ts-check
/**
 * Reads batches of a Sequence in a thread of its own. JavaScript, so that a thread can begin with it where TypeScript
 * runs from its sources, as in tests.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { packError } from './packed_error.js';

/** @type {import('./sequence_pool.js').SequenceJob} */
const { url, args, transfer } = workerData;
const port = /** @type {import('node:worker_threads').MessagePort} */ (parentPort);

/** @type {Promise<import('./source.js').Sequence> | undefined} */
let opened;

async function open() {
  const module = await import(url);
  return module.default(args);
}

/**
 * An array's elements in memory that can be handed over: memory of its own, unless `transfer` gives the whole away.
 *
 * @param {import('../tensor/dtype.js').TypedArray} array
 * @param {boolean} owned is it known that nobody else has the memory?
 * @param {ArrayBuffer[]} moved
 */
function packArray(array, owned, moved) {
  const whole = array.byteLength === array.buffer.byteLength && array.buffer instanceof ArrayBuffer;
  const packed = owned && transfer && whole ? array : array.slice();
  const { buffer } = packed;
  if (buffer instanceof ArrayBuffer && !moved.includes(buffer)) moved.push(buffer);
  return packed;
}

/**
 * A batch as what threads can tell each other: tensors become { data, shape, dtype }, `release` is left behind.
 *
 * @param {any} value
 * @param {ArrayBuffer[]} moved memory that goes to the other thread
 * @returns {unknown}
 */
function pack(value, moved) {
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value)) return packArray(/** @type {any} */ (value), true, moved);
  if (Array.isArray(value))
    return typeof value[0] === 'number' ? value : value.map((each) => pack(each, moved));
  // Else these are inputs that a model calls so.
  if ('data' in value && 'shape' in value && Array.isArray(value.shape)) {
    const { data, shape, dtype } = value;
    // A tensor's memory may be TensorFlow's, which no thread can hand over.
    const owned = !('aligned' in value) || value.aligned === null;
    return {
      data: ArrayBuffer.isView(data) ? packArray(/** @type {any} */ (data), owned, moved) : data,
      shape,
      dtype,
    };
  }
  const entries = Object.entries(value).filter(([, each]) => typeof each !== 'function');
  return Object.fromEntries(entries.map(([key, each]) => [key, pack(each, moved)]));
}

/** @param {number} index */
async function read(index) {
  opened ??= open();
  const sequence = await opened;
  const batch = /** @type {any} */ (await sequence.at(index));
  /** @type {ArrayBuffer[]} */
  const moved = [];
  const packed = pack(batch, moved);
  if (typeof batch?.release === 'function' && 'x' in batch) batch.release();
  port.postMessage({ index, batch: packed }, moved);
}

async function close() {
  const sequence = await opened;
  await sequence?.close?.();
}

port.on('message', async (/** @type {number | 'close'} */ message) => {
  try {
    if (message !== 'close') return await read(message);
    await close();
  } catch (error) {
    port.postMessage({ error: packError(error) });
  }
  // Whatever else the module has begun is to end, too.
  if (message === 'close') process.exit();
});
