/** The pointing game: whether a map's maximum is inside the box of the explained object. */

/** A box in cells or pixels of a grid: `[x0, y0, x1, y1]`; `x1` and `y1` are exclusive. */
export type Box = readonly [x0: number, y0: number, x1: number, y1: number];

/** Rows and columns of a grid: `[height, width]`. */
export type GridSize = readonly [height: number, width: number];

/**
 * Scores one map: 1 if the centre of the map's largest cell is inside the box, otherwise 0.
 *
 * Range: 0 or 1. Direction: higher is better. The mean over samples is the accuracy, to be compared with {@link
 * pointingChance}. Ties: the cell of the lowest index counts. NaN: a map with a NaN has no maximum, and its score is
 * NaN.
 *
 * Source: Zhang et al., "Top-Down Neural Attention by Excitation Backprop", 2016, https://arxiv.org/abs/1608.00507;
 * without its tolerance of 15 pixels.
 *
 * @param map values `(height, width)`, row-major.
 * @param size the size of the map.
 * @param box the box in cells of the map. {@link scaleBox} converts a box in pixels of the picture.
 */
export function pointingGame(map: ArrayLike<number>, [, width]: GridSize, box: Box): number {
  const place = argmax(map);
  if (place === null) return Number.NaN;
  const y = Math.floor(place / width) + 0.5;
  const x = (place % width) + 0.5;
  const [x0, y0, x1, y1] = box;
  return x >= x0 && x < x1 && y >= y0 && y < y1 ? 1 : 0;
}

/**
 * Returns the expected score of a point drawn uniformly from the grid: the area of the box inside the grid, divided by
 * the area of the grid.
 */
export function pointingChance([height, width]: GridSize, [x0, y0, x1, y1]: Box): number {
  const across = Math.min(x1, width) - Math.max(x0, 0);
  const down = Math.min(y1, height) - Math.max(y0, 0);
  return (Math.max(across, 0) * Math.max(down, 0)) / (height * width);
}

/** Converts a box of a grid of size `from` to a grid of size `to`. Both grids must cover the same picture. */
export function scaleBox([x0, y0, x1, y1]: Box, from: GridSize, to: GridSize): Box {
  // The product comes first. For integers, only the quotient is then rounded.
  const down = (y: number) => (y * to[0]) / from[0];
  const across = (x: number) => (x * to[1]) / from[1];
  return [across(x0), down(y0), across(x1), down(y1)];
}

/** Returns the lowest index of the largest value, or null if there is a NaN or no value. */
function argmax(values: ArrayLike<number>): number | null {
  let best: number | null = null;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (Number.isNaN(value)) return null;
    if (best === null || value > (values[best] as number)) best = i;
  }
  return best;
}
