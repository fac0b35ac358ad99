import type { Inputs } from '../../../data/index.js';
import { explain } from '../../../engine/explain.js';
import type { Filter } from '../../../graph/method.js';
import { cast } from '../../../graph/ops/array.js';
import { SPATIAL_AXIS } from '../../../inspection/index.js';
import type { GridSize } from '../../../metrics/pointing_game.js';
import type { Model } from '../../../model/model.js';
import { commonFloat, type NumericDType } from '../../../tensor/dtype.js';
import { type Tensor, tensor } from '../../../tensor/tensor.js';
import type { NamedMethod } from './vocabulary.js';

/** Called with the progress of a method's loops (mask batches, repetitions) within one batch, from 0 to 1. */
export type OnShare = (share: number) => void;

export interface BatchOptions {
  readonly batchSize: number;
  readonly signal: AbortSignal;
  readonly onShare?: OnShare;
  /** The axes of positions. Default: those of pictures, with or without an axis of channels. */
  readonly spatialAxis?: readonly number[];
}

/** Filters with float32 results, by the filter that they apply. Equal functions are then compiled only once. */
const inFloat32 = new WeakMap<Filter, Filter>();

/**
 * Returns `filter` with float32 maps for overlays, sheets and metrics. Otherwise maps would have the dtype of the
 * model. float16 and bfloat16 are cast before the filter, because differences would overflow. float64 is cast after the
 * filter, because small gradients would vanish.
 */
function toFloat32(filter: Filter): Filter {
  const known = inFloat32.get(filter);
  if (known !== undefined) return known;
  const casting: Filter = (maps, axis) =>
    cast(filter(cast(maps, commonFloat(maps.dtype, 'float32')), axis), 'float32');
  inFloat32.set(filter, casting);
  return casting;
}

/** Returns the axes of positions of pictures (N, height, width, channels) or (N, height, width). */
function pictureAxes({ inputs: [input] }: Model): readonly number[] {
  return input?.shape?.length === 3 ? [1, 2] : SPATIAL_AXIS;
}

/**
 * Returns the maps of one batch, `(N, height, width, units)`. They equal those of the method's shortcut, but are
 * float32 for every model.
 */
export async function explainBatch(
  { method, postprocessing, resizing, params }: NamedMethod,
  explained: Model,
  inputs: Inputs,
  units: readonly (readonly number[])[],
  { batchSize, signal, onShare, spatialAxis = pictureAxes(explained) }: BatchOptions,
): Promise<Tensor<'float32'>> {
  let share = 0;
  const onProgress = ({ done, total }: { done: number; total: number }) => {
    // The total grows if one loop starts after another has ended. The bar must not go back.
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
    postprocessing: toFloat32(postprocessing),
    resizing,
    spatialAxis,
  });
  logits.release();
  return maps as Tensor<'float32'>;
}

/** Copies row `i` of a batch into a new batch. */
export function rowOf<D extends NumericDType>(batch: Tensor<D>, i: number): Tensor<D> {
  const [, ...shape] = batch.shape;
  const size = shape.reduce((product, each) => product * each, 1);
  return tensor(batch.data.slice(i * size, (i + 1) * size), [1, ...shape], batch.dtype) as Tensor<D>;
}

/** Returns the map of the first unit of the first sample, and its size. */
export function firstMap({ shape, data }: Tensor<'float32'>): { values: Float32Array; size: GridSize } {
  const [, height, width, units] = shape as [number, number, number, number];
  const values = Float32Array.from({ length: height * width }, (_, i) => data[i * units] as number);
  return { values, size: [height, width] };
}
