import { describe, expect, test } from 'vitest';
import { pointingChance, pointingGame, scaleBox } from '../../../lib/metrics/pointing_game.js';

describe('pointingGame', () => {
  // 2 x 3 cells, the largest in row 1 and column 2: its centre is x = 2.5, y = 1.5.
  const map = [0, 1, 2, 3, 4, 5];

  test.each([
    ['that holds the centre', [2, 1, 3, 2], 1],
    ['that begins at the centre', [2.5, 1.5, 3, 2], 1],
    ['that ends at the centre in x', [2, 1, 2.5, 2], 0],
    ['that ends at the centre in y', [2, 1, 3, 1.5], 0],
    ['that begins behind the centre in x', [2.6, 1, 3, 2], 0],
    ['that begins behind the centre in y', [2, 1.6, 3, 2], 0],
    ['that is the grid', [0, 0, 3, 2], 1],
  ] as const)('of a box %s', (_, box, score) => {
    expect(pointingGame(map, [2, 3], box)).toBe(score);
  });

  test('of equal values takes that of the lowest index', () => {
    expect(pointingGame([7, 7, 0, 7], [2, 2], [0, 0, 1, 1])).toBe(1);
    expect(pointingGame([0, 0, 0, 0], [2, 2], [0, 0, 1, 1])).toBe(1);
    expect(pointingGame([-0, 0], [1, 2], [0, 0, 1, 1])).toBe(1);
  });

  test('takes infinities as numbers', () => {
    expect(pointingGame([5, Number.POSITIVE_INFINITY], [1, 2], [1, 0, 2, 1])).toBe(1);
    expect(pointingGame([Number.NEGATIVE_INFINITY, -5], [1, 2], [1, 0, 2, 1])).toBe(1);
  });

  test.each([
    ['at the first position', [Number.NaN, 1, 2, 3]],
    ['at another position', [0, 1, Number.NaN, 3]],
    ['everywhere', [Number.NaN, Number.NaN, Number.NaN, Number.NaN]],
  ])('with a NaN %s is NaN', (_, values) => {
    expect(pointingGame(values, [2, 2], [0, 0, 2, 2])).toBeNaN();
  });
});

describe('scaleBox', () => {
  test('scales each axis by its own factor', () => {
    // A picture of 20 x 40 pixels (height x width) over 5 x 4 cells: a cell has 4 x 10 pixels.
    expect(scaleBox([10, 4, 20, 8], [20, 40], [5, 4])).toEqual([1, 1, 2, 2]);
    expect(scaleBox([-10, 2, 45, 30], [20, 40], [5, 4])).toEqual([-1, 0.5, 4.5, 7.5]);
  });

  test('is exact if the quotient is exact', () => {
    // 3 cells over 10 pixels: the boundary of the second cell is none of whole pixels, its centre is 5.
    expect(scaleBox([5, 0, 10, 1], [1, 10], [1, 3])).toEqual([1.5, 0, 3, 1]);
  });
});

describe('pointingChance', () => {
  test('is the share of the area', () => {
    expect(pointingChance([20, 40], [30, 15, 32, 16])).toBe(2 / 800);
  });

  test('counts only the part of a box inside of the grid', () => {
    expect(pointingChance([10, 10], [-5, 5, 5, 15])).toBe(0.25);
    expect(pointingChance([10, 10], [20, 20, 30, 30])).toBe(0);
    expect(pointingChance([10, 10], [-9, 2, -1, 4])).toBe(0);
  });
});
