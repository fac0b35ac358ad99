/** The loop over batches: several under way at once, results in order, joined as they come. */
import type { BatchProgress } from '../callbacks/callback.js';
import type { CallbackList } from '../callbacks/callback_list.js';
import type { Batch, DataHandler } from '../data/data_handler.js';
import type { Model } from '../model/model.js';
import { RowJoiner, type Tensor } from '../tensor.js';
import type { StepProgress } from './progress.js';
import type { RunHooks } from './run_function.js';
import { checkSignal, follow } from './signal.js';

/** The outputs of one step, by name. */
export type StepOutputs = Readonly<Record<string, Tensor>>;

export interface LoopOptions {
  readonly callbacks: CallbackList;
  readonly counter: { steps: number };
  readonly signal: AbortSignal | undefined;
  readonly onProgress?: ((progress: StepProgress) => unknown) | undefined;
}

/** Rows that one run of the graph computes at most: small parts keep all replicas busy and memory low. */
const MOST_SHARD_ROWS = 8;

/** Where rows are small, a part may have more of them: what a run costs beside its computation would show. */
const SMALL_SHARD_BYTES = 1 << 20;

/** Rows per part of a batch of `rows` rows of `rowBytes` each, when all replicas compute parts at once. */
export function shardSize(model: Model, rows: number, rowBytes: number): number {
  const fixed = model.inputs[0]?.shape?.[0];
  if (typeof fixed === 'number') return fixed;
  const most = Math.max(MOST_SHARD_ROWS, Math.floor(SMALL_SHARD_BYTES / Math.max(1, rowBytes)));
  return Math.max(1, Math.min(most, Math.ceil(rows / model.core.session.replicas)));
}

/** Batches to have under way, so that no replica waits while the next batch is copied. */
function batchesInFlight(model: Model, handler: DataHandler): number {
  const rows = Math.min(handler.batchSize, handler.samples);
  const shards = Math.ceil(rows / shardSize(model, rows, handler.rowBytes));
  return Math.min(handler.maxQueueSize, Math.ceil(model.core.session.replicas / shards) + 1);
}

/**
 * Runs `step` over all batches and joins what it gives along the samples. Where one fails, the others under way are
 * ended too, and have ended when this throws.
 */
export async function runBatches<Outputs extends StepOutputs>(
  model: Model,
  handler: DataHandler,
  step: (batch: Batch, hooks: RunHooks) => Promise<Outputs>,
  { callbacks, counter, signal: outer, onProgress }: LoopOptions,
): Promise<Outputs> {
  const underWay: { batch: Batch; outputs: Promise<Outputs> }[] = [];
  const joined = new Map<string, RowJoiner>();
  const most = batchesInFlight(model, handler);
  const { signal, abort, dispose } = follow(outer);
  let failed: { readonly reason: unknown } | undefined;

  const reporter = (step: number) => {
    if (onProgress === undefined && !callbacks.watchesProgress) return undefined;
    return async (progress: BatchProgress) => {
      await onProgress?.({ step, ...progress });
      await callbacks.onPredictBatchProgress(step, progress);
    };
  };

  const finishOldest = async () => {
    const oldest = underWay[0];
    if (oldest === undefined) return;
    const outputs = await oldest.outputs;
    underWay.shift();
    oldest.batch.release();
    counter.steps += 1;
    await callbacks.onPredictBatchEnd(oldest.batch.step + 1, { outputs });
    for (const [name, output] of Object.entries(outputs)) {
      let joiner = joined.get(name);
      if (joiner === undefined) {
        joiner = new RowJoiner(handler.samples);
        joined.set(name, joiner);
      }
      // Someone who looked at a step's tensors may have kept them.
      await joiner.append(output, !callbacks.observed);
    }
  };

  try {
    await callbacks.onPredictBegin();
    for await (const batch of handler.batches()) {
      try {
        checkSignal(signal);
        await callbacks.onPredictBatchBegin(batch.step);
      } catch (error) {
        batch.release();
        throw error;
      }
      const outputs = step(batch, { signal, report: reporter(batch.step) });
      // It is awaited in its turn; that shall not wait for what the failure made useless.
      outputs.catch((reason) => {
        failed ??= { reason };
        abort(reason);
      });
      underWay.push({ batch, outputs });
      if (underWay.length >= most) await finishOldest();
    }
    while (underWay.length > 0) await finishOldest();
    await callbacks.onPredictEnd();
  } catch (thrown) {
    const error = failed === undefined ? thrown : failed.reason;
    abort(error);
    await Promise.allSettled(underWay.map(({ outputs }) => outputs));
    for (const { batch } of underWay) batch.release();
    // Whatever a callback makes of it, the caller hears of what went wrong first.
    await callbacks.onPredictError(error).catch(() => undefined);
    throw error;
  } finally {
    dispose();
  }
  return Object.fromEntries([...joined].map(([name, joiner]) => [name, joiner.finish()])) as Outputs;
}
