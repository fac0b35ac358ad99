import type { OutputActivation } from '../../../inspection/index.js';

/** A unit of the model's output and its value for one picture. */
export interface Prediction {
  readonly unit: number;
  readonly label: string;
  /** A score from 0 to 1. */
  readonly score: number;
}

/** The function that turns the model's output into the shown scores. */
export type ScoreKind = 'probability' | 'softmax' | 'sigmoid';

/** The explanations of the scores for the user. */
export const SCORE_TEXTS: Readonly<Record<ScoreKind, string>> = {
  probability: "Scores are the model's outputs.",
  softmax: "Scores are the softmax of the model's logits.",
  sigmoid: "Scores are the sigmoid of the model's logit.",
};

/**
 * Determines the kind of scores. The outputs of a network that ends in softmax or sigmoid are its probabilities. Of
 * other networks, for example with several softmax heads that are joined, the outputs of a batch decide: probabilities
 * are in [0, 1], and the logits of a trained network are hardly ever all inside. A single logit needs a sigmoid.
 */
export function scoreKindOf(
  outputs: ArrayLike<number>,
  units: number,
  activation: OutputActivation | null,
): ScoreKind {
  if (activation !== null) return 'probability';
  if (Array.prototype.every.call(outputs, (value: number) => value >= 0 && value <= 1)) return 'probability';
  return units === 1 ? 'sigmoid' : 'softmax';
}

/** Returns the scores of one row of outputs, from 0 to 1. */
export function scoresOf(row: ArrayLike<number>, kind: ScoreKind): Float64Array {
  const values = Float64Array.from(row);
  if (kind === 'softmax') return softmax(values);
  return kind === 'sigmoid' ? values.map((value) => 1 / (1 + Math.exp(-value))) : values;
}

/** Returns `exp(x - max) / Σ exp(x - max)`, which does not overflow for large logits. */
function softmax(values: Float64Array): Float64Array {
  const max = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = values.map((value) => Math.exp(value - max));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/**
 * Returns the indices of the `count` largest values, largest first. Among equal values, the lower index comes first.
 * NaN comes after all numbers.
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

/**
 * Returns the labels of the units. The only unit of an output stands for class 1, so that of two labels the second one
 * is the unit's.
 */
export function labelsOfUnits(labels: readonly string[], units: number | null): readonly string[] {
  return units === 1 && labels.length === 2 ? labels.slice(1) : labels;
}

/** Returns `labels[unit]`, or for example `unit 3` if the unit has no label. */
export function labelOf(unit: number, labels: readonly string[]): string {
  return labels[unit] ?? `unit ${unit}`;
}

/** Returns the `count` units with the highest scores, best first. */
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
