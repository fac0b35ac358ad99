// @ts-check
/**
 * Reads batches of a Sequence in a worker thread. This file is JavaScript, so that a thread can start from it when
 * TypeScript runs from its sources (in tests).
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
 * Returns the array's elements in memory that can be transferred: a copy, or the array itself if `transfer` is true and
 * the array covers its whole buffer.
 *
 * @param {import('../tensor/dtype.js').TypedArray} array
 * @param {boolean} owned whether the buffer is JavaScript memory. Memory of TensorFlow cannot be transferred.
 * @param {ArrayBuffer[]} moved the buffers to transfer. The buffer of the result is added.
 */
function packArray(array, owned, moved) {
  const whole = array.byteLength === array.buffer.byteLength && array.buffer instanceof ArrayBuffer;
  const packed = owned && transfer && whole ? array : array.slice();
  const { buffer } = packed;
  if (buffer instanceof ArrayBuffer && !moved.includes(buffer)) moved.push(buffer);
  return packed;
}

/**
 * Returns a batch that can be posted to another thread. Tensors become { data, shape, dtype }. Functions such as
 * `release` are left out.
 *
 * @param {any} value
 * @param {ArrayBuffer[]} moved the buffers to transfer. The buffers of the result are added.
 * @returns {unknown}
 */
function pack(value, moved) {
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value)) return packArray(/** @type {any} */ (value), true, moved);
  if (Array.isArray(value))
    return typeof value[0] === 'number' ? value : value.map((each) => pack(each, moved));
  // Without a `shape` array, `data` and `shape` are names of inputs.
  if ('data' in value && 'shape' in value && Array.isArray(value.shape)) {
    const { data, shape, dtype } = value;
    // The memory of an aligned tensor belongs to TensorFlow and cannot be transferred.
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
  // The exit also ends timers and I/O of the module.
  if (message === 'close') process.exit();
});
