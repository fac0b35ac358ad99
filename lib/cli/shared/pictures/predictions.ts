/** A unit of the model's output and its value for one picture. */
export interface Prediction {
  readonly unit: number;
  readonly label: string;
  /** From 0 to 1. */
  readonly score: number;
}

/** How the shown scores follow from the model's output. */
export type ScoreKind = 'probability' | 'softmax' | 'sigmoid';

/** What scores are, for a person. */
export const SCORE_TEXTS: Readonly<Record<ScoreKind, string>> = {
  probability: "Scores are the model's outputs.",
  softmax: "Scores are the softmax of the model's logits.",
  sigmoid: "Scores are the sigmoid of the model's logit.",
};

/**
 * A network that ends in softmax or sigmoid gives nothing outside [0, 1]; logits of a trained network hardly ever
 * stay inside, for all classes of a batch at once. One logit alone is taken through a sigmoid.
 */
export function scoreKindOf(outputs: ArrayLike<number>, units: number): ScoreKind {
  if (Array.prototype.every.call(outputs, (value: number) => value >= 0 && value <= 1)) return 'probability';
  return units === 1 ? 'sigmoid' : 'softmax';
}

/** The scores of one row of outputs, from 0 to 1. */
export function scoresOf(row: ArrayLike<number>, kind: ScoreKind): Float64Array {
  const values = Float64Array.from(row);
  if (kind === 'softmax') return softmax(values);
  return kind === 'sigmoid' ? values.map((value) => 1 / (1 + Math.exp(-value))) : values;
}

/** `exp(x - max) / Σ exp(x - max)`: safe for large logits. */
function softmax(values: Float64Array): Float64Array {
  const max = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = values.map((value) => Math.exp(value - max));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/**
 * The indices of the `count` largest values, largest first; the lower index first where values are equal. NaN comes
 * after all numbers.
 */
export function topUnits(row: ArrayLike<number>, count: number): number[] {
  const descending = (a: number, b: number) =>
    Number.isNaN(a) || Number.isNaN(b)
      ? Number(Number.isNaN(a)) - Number(Number.isNaN(b))
      : Number(a < b) - Number(a > b);
  return Array.from(row, (value, unit) => ({ value, unit }))
    .sort((a, b) => descending(a.value, b.value) || a.unit - b.unit)
    .slice(0, count)
    .map(({ unit }) => unit);
}

/** `labels[unit]`, or `unit 3` where the file of labels has none. */
export function labelOf(unit: number, labels: readonly string[]): string {
  return labels[unit] ?? `unit ${unit}`;
}

/** The `count` units of the highest score, best first. */
export function topPredictions(
  scores: ArrayLike<number>,
  count: number,
  labels: readonly string[],
): Prediction[] {
  return topUnits(scores, count).map((unit) => predictionOf(scores, unit, labels));
}

export function predictionOf(scores: ArrayLike<number>, unit: number, labels: readonly string[]): Prediction {
  return { unit, label: labelOf(unit, labels), score: scores[unit] as number };
}

/** A score as it is shown to a person, by two digits of a percentage. */
export function formatScore(score: number): string {
  return `${(score * 100).toFixed(score > 0.9995 || score < 0.0005 ? 2 : 1)} %`;
}
