/** What the tests of sources share: a model of small numbers, and batches that say which they are. */
import type { Batch, DataHandler } from '../../lib/data/data_handler.js';
import type { BatchRecord } from '../../lib/data/source.js';
import type { TensorSpec } from '../../lib/graph/layer.js';
import { tensor } from '../../lib/tensor.js';

export const pair: TensorSpec = { name: 'pair', dtype: 'float32', shape: [null, 2] };
export const logits: TensorSpec = { name: 'logits', dtype: 'float32', shape: [null, 10] };
export const model = { inputs: [pair], outputs: [logits] };

/** Batch `step`: every sample is [step, its row]. */
export function numbered(step: number, samples = 2): BatchRecord {
  const rows = Array.from({ length: samples }, (_, row) => [step, row]);
  return { x: tensor(rows), y: rows.map(([, row]) => [(row as number) % 10]) };
}

export interface Taken {
  readonly step: number;
  readonly steps: number;
  readonly x: readonly (readonly number[])[];
  readonly y: readonly number[] | null;
}

/** The rows of a batch, which is released. */
export function take(batch: Batch): Taken {
  const { step, steps, begin, samples, inputs, indices } = batch;
  const [{ data }] = inputs as unknown as [{ data: Float32Array }];
  const x = Array.from({ length: samples }, (_, row) => [
    ...data.subarray((begin + row) * 2, (begin + row) * 2 + 2),
  ]);
  const units = (indices?.shape[1] ?? 0) as number;
  const y = indices && [...(indices.data as Int32Array).subarray(begin * units, (begin + samples) * units)];
  batch.release();
  return { step, steps, x, y };
}

/** All batches of `handler`, each looked at and released; `each` is awaited before the next is asked for. */
export async function takeAll(
  handler: DataHandler,
  each: (taken: Taken) => unknown = () => undefined,
  signal?: AbortSignal,
): Promise<Taken[]> {
  const all: Taken[] = [];
  for await (const batch of handler.batches(signal)) {
    const taken = take(batch);
    all.push(taken);
    await each(taken);
  }
  return all;
}
