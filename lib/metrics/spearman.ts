/**
 * Returns Spearman's rank correlation: the agreement of two maps in the order of their positions.
 *
 * Range: -1 (reversed order) to 1 (the same order). Direction: higher means more similar. Ties: equal values share the
 * mean of their ranks. NaN: if either array has a NaN, is constant or is empty, no order is defined and the result is
 * NaN.
 *
 * Source: Spearman, "The Proof and Measurement of Association between Two Things", 1904; Pearson's correlation of the
 * ranks, as `scipy.stats.spearmanr` computes it.
 *
 * @param a values of one map.
 * @param b values of the other map, at the same positions.
 * @throws RangeError if the arrays differ in length.
 */
export function spearman(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) {
    throw new RangeError(`Expected arrays of equal length but received ${a.length} and ${b.length} values.`);
  }
  if (holdsNaN(a) || holdsNaN(b)) return Number.NaN;
  const [x, y] = [ranksOf(a), ranksOf(b)];
  const mean = (x.length - 1) / 2;
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const [across, down] = [(x[i] as number) - mean, (y[i] as number) - mean];
    xy += across * down;
    xx += across ** 2;
    yy += down ** 2;
  }
  return xy / Math.sqrt(xx * yy);
}

function holdsNaN(values: ArrayLike<number>): boolean {
  return Array.prototype.some.call(values, Number.isNaN);
}

/** Returns ranks from 0. Equal values share the mean of their ranks. */
function ranksOf(values: ArrayLike<number>): Float64Array {
  const at = (place: number) => values[place] as number;
  const order = Array.from({ length: values.length }, (_, i) => i);
  // The difference of two equal infinities is NaN, so values are compared without subtraction.
  order.sort((i, j) => (at(i) < at(j) ? -1 : at(i) > at(j) ? 1 : 0));
  const ranks = new Float64Array(values.length);
  for (let begin = 0; begin < order.length; ) {
    let end = begin + 1;
    while (end < order.length && at(order[end] as number) === at(order[begin] as number)) end++;
    for (let i = begin; i < end; i++) ranks[order[i] as number] = (begin + end - 1) / 2;
    begin = end;
  }
  return ranks;
}
