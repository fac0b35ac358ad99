/** One run of a compiled function over one batch. */
import type { NativeTensor } from '../binding/contract.js';
import { loadedAddon } from '../binding/loader.js';
import type { BatchProgress } from '../callbacks/callback.js';
import type { Batch } from '../data/data_handler.js';
import { nativeAsync } from '../errors.js';
import type { Lease } from '../model/function_cache.js';
import type { Model } from '../model/model.js';
import { Tensor } from '../tensor.js';
import { ProgressWatch } from './progress.js';
import { shardSize } from './run_batches.js';
import { cancelled, checkSignal, untilAborted } from './signal.js';

/** What goes in and out of a run while it is under way. */
export interface RunHooks {
  /** Ends the run before the next turn of a loop in it, or before its next shard. */
  readonly signal?: AbortSignal | undefined;
  /** Told how far the loops in it are, now and then; what it throws ends the run. */
  readonly report?: ((progress: BatchProgress) => unknown) | undefined;
}

/** The fetches for `batch`, over TensorFlow's memory. Throws CancelledError once `signal` is aborted. */
export async function runFunction(
  model: Model,
  lease: Promise<Lease>,
  batch: Batch,
  { signal, report }: RunHooks,
): Promise<Tensor[]> {
  model.checkOpen();
  const { function: compiled } = await untilAborted(lease, signal);
  model.checkOpen();
  const feeds = await Promise.all(
    [...batch.inputs, ...(batch.indices === null ? [] : [batch.indices])].map((feed) => feed.toAligned()),
  );
  checkSignal(signal);
  const run = loadedAddon().createRun();
  const abort = () => run.cancel();
  signal?.addEventListener('abort', abort, { once: true });
  const watch = report === undefined ? null : new ProgressWatch(run, report);
  let outputs: NativeTensor[] = [];
  try {
    const bytes = batch.inputs.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const rows = shardSize(model, batch.samples, bytes / batch.samples);
    outputs = await nativeAsync(() => compiled.run(feeds, { shardSize: rows, run }));
    await watch?.finish();
    return outputs.map((output) => Tensor.fromNative(output));
  } catch (error) {
    for (const output of outputs) output.release();
    watch?.throwFailure();
    throw signal?.aborted === true ? cancelled(signal) : error;
  } finally {
    watch?.stop();
    signal?.removeEventListener('abort', abort);
  }
}
