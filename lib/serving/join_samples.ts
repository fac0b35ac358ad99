/** From the samples of several calls to one batch, and from its results to each call's own. */
import type { Batch } from '../data/batch.js';
import type { ExplainResult } from '../engine/make_explain_function.js';
import { byName, fromNames } from '../engine/method_results.js';
import { allocate, joinRows, type Tensor } from '../tensor/tensor.js';
import type { Sample } from './sample.js';

/** `count` samples as a batch of one step. */
function batchOf(
  inputs: readonly Tensor[],
  indices: Tensor | null,
  count: number,
  release: () => void,
): Batch {
  return { step: 0, steps: 1, begin: 0, samples: count, batchSize: count, inputs, indices, release };
}

/**
 * The samples as one batch. A single one is fed where it lies; several are copied into memory of the batch's own, once.
 *
 * @param lost told of the samples that cannot be read any more: their rows hold anything.
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
    const whole = allocate([samples.length, ...shape.slice(1)], dtype);
    made.push(whole);
    return whole;
  };
  try {
    const inputs = first.inputs.map(memory);
    const indices = first.indices === null ? null : memory(first.indices);
    for (const [row, sample] of samples.entries()) {
      // First the units, which are nobody else's: a row of anything might be out of range.
      if (indices !== null) await joinRows(indices, row, sample.indices as Tensor, 'in');
      try {
        for (const [i, whole] of inputs.entries()) {
          await joinRows(whole, row, sample.inputs[i] as Tensor, 'in');
        }
      } catch (error) {
        // Released or transferred by its caller. The others are not to suffer.
        lost(row, error);
      }
    }
    return batchOf(inputs, indices, samples.length, release);
  } catch (error) {
    release();
    throw error;
  }
}

/** One sample of a batch as a batch of its own, over the same memory. */
export function singleOf(batch: Batch, position: number): Batch {
  return { ...batch, begin: batch.begin + position, samples: 1, batchSize: 1, release: () => undefined };
}

/**
 * One call's rows of a batch's result, in memory of their own: a view would show its owner what others asked for, and
 * keep the whole batch alive.
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
