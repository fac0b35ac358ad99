import type { Tensor } from '../../../tensor/tensor.js';
import { numbersOf } from '../values.js';
import { type ScoreKind, scoreKindOf, scoresOf } from './predictions.js';
import type { Target } from './target.js';

export interface Scores {
  readonly kind: ScoreKind;
  /** A row of scores per picture. */
  readonly rows: readonly Float64Array[];
}

/**
 * Returns the model's scores for a batch. `kind` is the kind of scores from an earlier batch of the same run, or null.
 */
export async function predictScores(
  { model, units, activation }: Target,
  inputs: Tensor,
  batchSize: number,
  kind: ScoreKind | null,
  signal: AbortSignal,
): Promise<Scores> {
  const predicted = await model.predict(inputs, { batchSize, signal });
  const outputs = Array.isArray(predicted) ? (predicted as Tensor[]) : [predicted as Tensor];
  const values = numbersOf(outputs[0] as Tensor);
  for (const output of outputs) output.release();
  const settled = kind ?? scoreKindOf(values, units, activation);
  const rows = Array.from({ length: values.length / units }, (_, i) =>
    scoresOf(values.subarray(i * units, (i + 1) * units), settled),
  );
  return { kind: settled, rows };
}
