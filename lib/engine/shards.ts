/** Into how many parts a batch is divided, and how many batches are under way at once. */
import type { Batch } from '../data/batch.js';
import type { Model } from '../model/model.js';

/** Where rows are small, a part may have more of them: what a run costs beside its computation would show. */
const SMALL_SHARD_BYTES = 1 << 20;

/** Workers that are lost and parts that take long are common among many: docs/scaling.md says what is gained. */
const SHARDS_OF_A_WORKER = 4;

/** Rows per part of `batch`, when all replicas compute parts at once. */
export function shardSize(model: Model, { samples, batchSize, inputs, files }: Batch): number {
  const fixed = model.inputs[0]?.shape?.[0];
  if (typeof fixed === 'number') return fixed;
  const fedBytes = inputs.reduce((sum, { byteLength, shape }) => sum + byteLength / (shape[0] ?? 1), 0);
  const rowBytes = files?.feed.rowBytes ?? fedBytes;
  const { strategy } = model.core;
  const most = Math.max(strategy.mostRows, Math.floor(SMALL_SHARD_BYTES / Math.max(1, rowBytes)));
  return Math.max(1, Math.min(most, batchSize, Math.ceil(samples / strategy.replicas)));
}

/**
 * Batches like `batch` to have under way, so that no replica waits while the next batch is made, nor, of many, for the
 * slowest: results come in order.
 */
export function batchesInFlight(model: Model, batch: Batch): number {
  const { replicas, remote } = model.core.strategy;
  const shards = Math.ceil(batch.samples / shardSize(model, batch));
  return Math.ceil((replicas * (remote ? SHARDS_OF_A_WORKER : 1)) / shards) + 1;
}
