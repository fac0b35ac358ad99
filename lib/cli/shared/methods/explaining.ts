import type { Inputs } from '../../../data/index.js';
import { explain } from '../../../engine/explain.js';
import { SPATIAL_AXIS } from '../../../inspection/index.js';
import type { Model } from '../../../model/model.js';
import { type Tensor, tensor } from '../../../tensor/tensor.js';
import type { NamedMethod } from './named.js';

/** How far the turns of a method's loops (mask batches, repetitions) are, within one batch: from 0 to 1. */
export type OnShare = (share: number) => void;

export interface BatchOptions {
  readonly batchSize: number;
  readonly signal: AbortSignal;
  readonly onShare?: OnShare;
  /** Where positions stand, for other inputs than pictures. */
  readonly spatialAxis?: readonly number[];
}

/** Maps of one batch, float32 `(N, height, width, units)`, as the method's shortcut gives them. */
export async function explainBatch(
  { method, postprocessing, resizing, params }: NamedMethod,
  explained: Model,
  inputs: Inputs,
  units: readonly (readonly number[])[],
  { batchSize, signal, onShare, spatialAxis = SPATIAL_AXIS }: BatchOptions,
): Promise<Tensor> {
  let share = 0;
  const onProgress = ({ done, total }: { done: number; total: number }) => {
    // The total grows where a loop begins after another has ended; a bar that goes back would puzzle.
    share = Math.max(share, total > 0 ? done / total : 0);
    onShare?.(share);
  };
  const { logits, maps } = await explain(method, explained, inputs, units, {
    ...params,
    batchSize,
    verbose: 0,
    force: false,
    signal,
    onProgress,
    postprocessing,
    resizing,
    spatialAxis,
  });
  logits.release();
  return maps;
}

/** Row `i` of a batch as a batch of its own, copied. */
export function rowOf(batch: Tensor, i: number): Tensor {
  const [, ...shape] = batch.shape;
  const size = shape.reduce((product, each) => product * each, 1);
  return tensor(batch.data.slice(i * size, (i + 1) * size), [1, ...shape], batch.dtype);
}

/** The map of the first unit, row-major. */
export function firstMap(maps: Tensor): Float32Array {
  const units = maps.shape.at(-1) as number;
  const values = maps.data as Float32Array;
  return Float32Array.from({ length: values.length / units }, (_, i) => values[i * units] as number);
}
