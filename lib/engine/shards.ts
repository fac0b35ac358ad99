/** Determines the number of parts (shards) of a batch and the number of batches in flight. */
import type { Batch } from '../data/batch.js';
import { fixedBatchSize } from '../graph/layer.js';
import type { Model } from '../model/model.js';

/**
 * A shard of small rows may exceed `mostRows` up to this size. The fixed cost of a run would dominate smaller shards.
 */
const SMALL_SHARD_BYTES = 1 << 20;

/** Shards in flight per worker. Among many workers, lost workers and slow shards are common; see docs/scaling.md. */
const SHARDS_OF_A_WORKER = 4;

/**
 * Returns the number of rows per shard of `batch`. All replicas compute shards at once. A model that mixes the samples
 * of a batch computes each batch of the caller whole, because a part of the batch has other results.
 */
export function shardSize(model: Model, { samples, batchSize, inputs, files }: Batch): number {
  const fixed = fixedBatchSize(model.inputs);
  if (fixed !== null) return fixed;
  if (model.mixesSamples) return batchSize;
  const fedBytes = inputs.reduce((sum, { byteLength, shape }) => sum + byteLength / (shape[0] ?? 1), 0);
  const rowBytes = files?.feed.rowBytes ?? fedBytes;
  const { strategy } = model.core;
  const most = Math.max(strategy.mostRows, Math.floor(SMALL_SHARD_BYTES / Math.max(1, rowBytes)));
  return Math.max(1, Math.min(most, batchSize, Math.ceil(samples / strategy.replicas)));
}

/**
 * Returns the number of steps that one execution of the model joins: 1 for a model that mixes the samples of a batch,
 * because the steps of a source may differ in size.
 */
export function stepsPerExecution(model: Model): number {
  return model.mixesSamples ? 1 : model.core.stepsPerExecution;
}

/**
 * Returns the number of batches in flight. No replica then waits while the next batch is prepared. On workers, no
 * replica waits for the slowest shard either, although results are delivered in order.
 */
export function batchesInFlight(model: Model, batch: Batch): number {
  const { replicas, remote } = model.core.strategy;
  const shards = Math.ceil(batch.samples / shardSize(model, batch));
  return Math.ceil((replicas * (remote ? SHARDS_OF_A_WORKER : 1)) / shards) + 1;
}
