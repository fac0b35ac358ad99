import { explain } from '../../engine/explain.js';
import type { Model } from '../../model/model.js';
import { type Tensor, tensor } from '../../tensor.js';
import type { NamedMethod } from './methods.js';
import { type ScoreKind, scoreKindOf, scoresOf } from './predictions.js';
import type { Target } from './target.js';

/** How far the turns of a method's loops (mask batches, repetitions) are, within one batch: from 0 to 1. */
export type OnShare = (share: number) => void;

export interface Scores {
  readonly kind: ScoreKind;
  /** A row of scores per picture. */
  readonly rows: readonly Float64Array[];
}

/** The model's scores for a batch. `kind` is what an earlier batch of the same run has settled. */
export async function predictScores(
  { model, units }: Target,
  inputs: Tensor,
  batchSize: number,
  kind: ScoreKind | null,
  signal: AbortSignal,
): Promise<Scores> {
  const predicted = await model.predict(inputs, { batchSize, signal });
  const outputs = Array.isArray(predicted) ? (predicted as Tensor[]) : [predicted as Tensor];
  const values = Float32Array.from(outputs[0]?.data as Float32Array);
  for (const output of outputs) output.release();
  const settled = kind ?? scoreKindOf(values, units);
  const rows = Array.from({ length: values.length / units }, (_, i) =>
    scoresOf(values.subarray(i * units, (i + 1) * units), settled),
  );
  return { kind: settled, rows };
}

/** Maps of one batch, float32 `(N, height, width, units)`, as the method's shortcut gives them. */
export async function explainBatch(
  { method, postprocessing, resizing, params }: NamedMethod,
  explained: Model,
  inputs: Tensor,
  units: readonly (readonly number[])[],
  { batchSize, signal, onShare }: { batchSize: number; signal: AbortSignal; onShare?: OnShare },
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
