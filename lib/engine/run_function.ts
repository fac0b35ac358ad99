/** One run of a compiled function over one batch. */
import { loadedAddon } from '../binding/loader.js';
import type { Batch } from '../data/data_handler.js';
import { nativeAsync } from '../errors.js';
import type { Lease } from '../model/function_cache.js';
import type { Model } from '../model/model.js';
import { Tensor } from '../tensor.js';
import { shardSize } from './run_batches.js';
import { cancelled, checkSignal, untilAborted } from './signal.js';

/** The fetches for `batch`, over TensorFlow's memory. Throws CancelledError once `signal` is aborted. */
export async function runFunction(
  model: Model,
  lease: Promise<Lease>,
  batch: Batch,
  signal: AbortSignal | undefined,
): Promise<Tensor[]> {
  model.checkOpen();
  const { function: compiled } = await untilAborted(lease, signal);
  model.checkOpen();
  const feeds = await Promise.all(
    [...batch.inputs, ...(batch.indices === null ? [] : [batch.indices])].map((feed) => feed.toAligned()),
  );
  checkSignal(signal);
  const run = signal === undefined ? null : loadedAddon().createRun();
  const abort = () => run?.cancel();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const bytes = batch.inputs.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const rows = shardSize(model, batch.samples, bytes / batch.samples);
    const outputs = await nativeAsync(() => compiled.run(feeds, rows, run));
    return outputs.map((output) => Tensor.fromNative(output));
  } catch (error) {
    throw signal?.aborted === true ? cancelled(signal) : error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
