import { describe, expect, test } from 'vitest';
import { gridSize } from '../../../lib/image/grid.js';
import { figureLayout, fitInto, gridShape } from '../../../lib/visualize/grid_layout.js';
import { resizeMethod } from '../../../lib/visualize/paint.js';

describe('the shape of a grid is that of the Python library', () => {
  test.each([
    // count, { rows, cols }: expected rows, cols
    [1, {}, [1, 1]],
    [5, {}, [1, 5]],
    [8, {}, [1, 8]],
    [9, {}, [2, 8]],
    [17, {}, [3, 8]],
    [10, { cols: 4 }, [3, 4]],
    [10, { rows: 3 }, [3, 4]],
    [2, { rows: 5 }, [5, 1]],
    // `cols` counts for nothing where `rows` is given.
    [10, { rows: 2, cols: 3 }, [2, 5]],
  ] as const)('%i pictures, %o', (count, options, expected) => {
    expect(gridShape(count, options)).toEqual(expected);
  });

  test('refuses what is no number of rows', () => {
    for (const rows of [0, -1, 1.5, '2']) {
      expect(() => gridShape(4, { rows: rows as number })).toThrow(/`rows`/);
      expect(() => gridShape(4, { cols: rows as number })).toThrow(/`cols`/);
    }
  });
});

describe('figureLayout', () => {
  test('gives a cell 4 inches of 100 pixels, without gaps', () => {
    const layout = figureLayout(10, {});
    expect(layout).toMatchObject({ rows: 2, columns: 8, height: 400, width: 400 });
    expect(gridSize(layout)).toEqual([800, 3200]);
  });

  test('spaces are a share of a cell, as matplotlib counts them', () => {
    // 3 cells and 2 gaps of half a cell: 4 cells in 400 pixels.
    const layout = figureLayout(3, { figsize: [4, 1], subplotsWs: 0.5 });
    expect(layout).toMatchObject({ width: 100, height: 100, gap: { horizontal: 50, vertical: 0 } });
    expect(gridSize(layout)).toEqual([100, 400]);
  });

  test('what does not divide is white on both sides', () => {
    const layout = figureLayout(3, { figsize: [1, 0.5] });
    expect(layout).toMatchObject({ width: 33, height: 50, margin: { left: 0, right: 1, top: 0, bottom: 0 } });
    expect(gridSize(layout)).toEqual([50, 100]);
  });

  test('a single cell is kept away from nothing', () => {
    expect(figureLayout(1, { subplotsWs: 1e9, subplotsHs: 3 })).toEqual(figureLayout(1, {}));
  });

  test.each([
    [{ figsize: [0, 4] }, /`figsize\[0\]`/],
    [{ figsize: [4, Number.NaN] }, /`figsize\[1\]`/],
    [{ figsize: 4 }, /\[width, height\] in inches/],
    [{ figsize: [0.01, 4] }, /leaves 3 cells a pixel each/],
    [{ figsize: [400, 400] }, /at most \d+ pixels.*40000 x 40000/],
    [{ subplotsWs: -0.1 }, /`subplotsWs`/],
    [{ subplotsHs: '1' }, /`subplotsHs`/],
  ])('refuses %o', (options, message) => {
    expect(() => figureLayout(3, options as never)).toThrow(message);
  });
});

test('pictures fill their box as far as their proportions let them', () => {
  expect(fitInto([100, 200], [10, 10])).toEqual([100, 100]);
  expect(fitInto([100, 200], [10, 40])).toEqual([50, 200]);
  expect(fitInto([100, 200], [1000, 1])).toEqual([100, 1]);
});

test('values are squares where matplotlib shows them as squares', () => {
  expect(resizeMethod([10, 10], [10, 10])).toBe('nearest');
  expect(resizeMethod([10, 10], [20, 20])).toBe('nearest');
  expect(resizeMethod([10, 10], [30, 30])).toBe('bilinear');
  expect(resizeMethod([10, 10], [31, 31])).toBe('nearest');
  expect(resizeMethod([10, 10], [15, 15])).toBe('bilinear');
  expect(resizeMethod([10, 10], [9, 9])).toBe('area');
});
