/** Joins the samples of several calls into one batch, and divides the results of the batch among the calls. */
import type { Batch } from '../data/batch.js';
import type { ExplainResult } from '../engine/make_explain_function.js';
import { byName, fromNames } from '../engine/method_results.js';
import { allocate, joinRows, type Tensor } from '../tensor/tensor.js';
import type { Sample } from './sample.js';

/** Returns `count` samples as a batch of one step. */
function batchOf(
  inputs: readonly Tensor[],
  indices: Tensor | null,
  count: number,
  release: () => void,
): Batch {
  return { step: 0, steps: 1, begin: 0, samples: count, batchSize: count, inputs, indices, release };
}

/**
 * Returns the samples as one batch. A single sample is fed without a copy. Several samples are copied once, into new
 * memory.
 *
 * @param lost called for a sample that can no longer be read. The contents of its rows are undefined.
 */
export async function joinSamples(
  samples: readonly Sample[],
  lost: (position: number, error: unknown) => void,
): Promise<Batch> {
  const [first, ...others] = samples as [Sample];
  if (others.length === 0) return batchOf(first.inputs, first.indices, 1, () => undefined);
  const made: Tensor[] = [];
  const release = () => {
    for (const each of made) each.release();
  };
  const memory = ({ shape, dtype }: Tensor): Tensor => {
    // All samples share a scalar.
    const whole = allocate(shape.length === 0 ? [] : [samples.length, ...shape.slice(1)], dtype);
    made.push(whole);
    return whole;
  };
  try {
    const inputs = first.inputs.map(memory);
    const indices = first.indices === null ? null : memory(first.indices);
    for (const [row, sample] of samples.entries()) {
      // Units are copied first, and an error fails the batch: a row of undefined units could be out of range.
      if (indices !== null) await joinRows(indices, row, sample.indices as Tensor, 'in');
      try {
        for (const [i, whole] of inputs.entries()) {
          await joinRows(whole, whole.shape.length === 0 ? 0 : row, sample.inputs[i] as Tensor, 'in');
        }
      } catch (error) {
        // The caller has released or transferred the sample. The other calls must not fail.
        lost(row, error);
      }
    }
    return batchOf(inputs, indices, samples.length, release);
  } catch (error) {
    release();
    throw error;
  }
}

/** Returns one sample of a batch as a separate batch over the same memory. */
export function singleOf(batch: Batch, position: number): Batch {
  return { ...batch, begin: batch.begin + position, samples: 1, batchSize: 1, release: () => undefined };
}

/**
 * Copies the rows of one call from the result of a batch. A view would show the results of other callers, and would
 * keep the memory of the whole batch.
 */
export async function ownResult(result: ExplainResult, position: number): Promise<ExplainResult> {
  const own: Record<string, Tensor> = {};
  for (const [name, whole] of Object.entries(byName(result))) own[name] = await ownRow(whole, position);
  return fromNames(own);
}

async function ownRow(whole: Tensor, position: number): Promise<Tensor> {
  const own = allocate([1, ...whole.shape.slice(1)], whole.dtype);
  await joinRows(own, 0, whole.rows(position, position + 1));
  return own;
}
