import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { image, memory, type NestedArray, type Tensor, tensor, utils } from '../../../lib/index.js';

const PAINTED = new URL('../../fixtures/colormaps/painted.json', import.meta.url);

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ke-visualize-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

type Options = Parameters<typeof utils.visualize>[0];
type Pixel = [number, number, number];

/** The figure's pixels, as rows. */
async function draw(options: Options): Promise<Pixel[][]> {
  const { shape, data } = await image.decodeImage(await utils.visualize(options));
  const [, height, width] = shape as [number, number, number, number];
  return Array.from({ length: height }, (_, y) =>
    Array.from(
      { length: width },
      (_, x) => [...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)] as Pixel,
    ),
  );
}

const viridis = image.colormapTable('viridis');
const colour = (level: number, table = viridis): Pixel =>
  [...table.subarray(level * 3, level * 3 + 3)] as Pixel;
const W: Pixel = [255, 255, 255];
const values = (rows: NestedArray, dtype: 'float32' | 'uint8' | 'int32' = 'float32'): Tensor =>
  tensor(rows, undefined, dtype);

/** Of 2 x 2 pixels, four times as large as `small`'s cells. */
const RGB: Pixel[][] = [
  [
    [255, 0, 0],
    [0, 255, 0],
  ],
  [
    [0, 0, 255],
    [10, 20, 30],
  ],
];
const rgb = values(RGB, 'uint8');

/** Cells of 4 x 4 pixels: each of 2 x 2 values is a square of two. */
const small = (cells: number) => ({ cols: cells, figsize: [0.04 * cells, 0.04] as const });
const doubled = (rows: Pixel[][]) =>
  rows.flatMap((row) => [row, row]).map((row) => row.flatMap((pixel) => [pixel, pixel]));

describe('the pixels of a grid', () => {
  test('two cells, colours and values, by hand', async () => {
    // Values from -1 to 3: shares 0, 0.25, 0.5 and 1, which are levels 0, 64, 128 and 255 of 256.
    const map = values([
      [-1, 0],
      [1, 3],
    ]);
    const grid = await draw({ images: [rgb, map], ...small(2) });
    const left = doubled(RGB);
    const right = doubled([
      [colour(0), colour(64)],
      [colour(128), colour(255)],
    ]);
    expect(grid).toEqual(left.map((row, y) => [...row, ...(right[y] as Pixel[])]));
  });

  test('an overlay takes its share of each pixel', async () => {
    const map = values([
      [0, 1],
      [2, 4],
    ]);
    const grid = await draw({ images: rgb, overlays: [map], overlayAlpha: 0.25, ...small(1) });
    const levels = [0, 64, 128, 255].map((level) => colour(level));
    const mixed = RGB.map((row, y) =>
      row.map((pixel, x) =>
        pixel.map((value, c) => {
          const exact = 0.75 * value + 0.25 * ((levels[2 * y + x] as Pixel)[c] as number);
          // Halves go to the even number.
          return exact % 1 === 0.5 ? 2 * Math.round(exact / 2) : Math.round(exact);
        }),
      ),
    ) as Pixel[][];
    expect(grid).toEqual(doubled(mixed));
  });

  test('the share is 0.75 and the map viridis by default, as there', async () => {
    const map = values([
      [0, 1],
      [1, 0],
    ]);
    const given = { images: rgb, overlays: [map], ...small(1) };
    expect(await draw(given)).toEqual(await draw({ ...given, overlayAlpha: 0.75, overlayCmap: 'viridis' }));
    const opaque = await draw({ ...given, overlayAlpha: 1, overlayCmap: 'jet', cmap: 'grey' });
    const jet = image.colormapTable('jet');
    expect(opaque[0]?.[0]).toEqual(colour(0, jet));
    expect(opaque[0]?.[3]).toEqual(colour(255, jet));
  });

  test('keeps proportions: a wide picture has white above and below', async () => {
    const wide = values([[RGB[0] as Pixel[]]].flat(), 'uint8');
    const grid = await draw({ images: [wide], ...small(1) });
    const row = doubled([RGB[0] as Pixel[]]);
    expect(grid).toEqual([Array(4).fill(W), ...row, Array(4).fill(W)]);
  });

  test('gaps are white, and so are cells without a picture', async () => {
    // 2 cells of 4 pixels with a gap of half a cell: 10 pixels; the second row's second cell has nothing.
    const dot = values([[[9, 9, 9]]], 'uint8');
    const grid = await draw({
      images: [dot, null, dot],
      cols: 2,
      figsize: [0.1, 0.1],
      subplotsWs: 0.5,
      subplotsHs: 0.5,
    });
    const D: Pixel = [9, 9, 9];
    const filled = [...Array(4).fill(D), ...Array(6).fill(W)];
    const white = Array(10).fill(W);
    expect(grid).toEqual([...Array(4).fill(filled), white, white, ...Array(4).fill(filled)]);
  });

  test('pixels that do not divide lie on both sides', async () => {
    const dots = [5, 6, 7].map((grey) => values([[[grey, grey, grey]]], 'uint8'));
    // 3 cells in 11 pixels: 3 each, 1 before and 1 after.
    const grid = await draw({ images: dots, figsize: [0.11, 0.03] });
    expect(grid[0]?.map(([red]) => red)).toEqual([255, 5, 5, 5, 6, 6, 6, 7, 7, 7, 255]);
  });
});

describe('values are read as matplotlib reads them', () => {
  const pixel = async (given: Tensor, options: Partial<Options> = {}) =>
    (await draw({ images: [given], figsize: [0.01, 0.01], ...options }))[0]?.[0];

  test('floats of three channels count from 0 to 1, integers to 255', async () => {
    expect(await pixel(values([[[0, 0.2, 1]]]))).toEqual([0, 51, 255]);
    expect(await pixel(values([[[-3, 0.5, 7]]]))).toEqual([0, 128, 255]);
    expect(await pixel(values([[[Number.NaN, 1, 0]]]))).toEqual([0, 255, 0]);
    expect(await pixel(values([[[-3, 51, 999]]], 'int32'))).toEqual([0, 51, 255]);
  });

  test('a fourth channel is opacity, on white', async () => {
    expect(await pixel(values([[[0, 100, 255, 255]]], 'uint8'))).toEqual([0, 100, 255]);
    expect(await pixel(values([[[0, 100, 255, 0]]], 'uint8'))).toEqual(W);
    // 0.4 · 100 + 0.6 · 255 = 193
    expect(await pixel(values([[[0, 100, 255, 102]]], 'uint8'))).toEqual([153, 193, 255]);
  });

  test('a constant channel is the map’s first colour', async () => {
    expect(await pixel(values([[7]]))).toEqual(colour(0));
    expect(await pixel(values([[7]]), { cmap: 'gray' })).toEqual([0, 0, 0]);
  });

  test('what is not finite is white, and does not stretch the rest', async () => {
    const holes = values([[0, Number.NaN, 1, Number.POSITIVE_INFINITY]]);
    const grid = await draw({ images: [holes], figsize: [0.04, 0.01] });
    expect(grid).toEqual([[colour(0), W, colour(255), W]]);
    const nothing = values([[Number.NaN]]);
    expect(await pixel(nothing)).toEqual(W);
  });

  test('an overlay that is not finite shows the picture', async () => {
    const row = values(
      [
        [
          [1, 2, 3],
          [1, 2, 3],
          [1, 2, 3],
        ],
      ],
      'uint8',
    );
    const map = values([[0, Number.NaN, 1]]);
    const grid = await draw({ images: [row], overlays: [map], overlayAlpha: 1, figsize: [0.03, 0.01] });
    expect(grid).toEqual([[colour(0), [1, 2, 3], colour(255)]]);
  });

  test.each(['viridis', 'jet'] as const)(
    'each value has the colour that matplotlib gives it: %s',
    async (cmap) => {
      const { shape, values: listed, levels } = JSON.parse(await readFile(PAINTED, 'utf8'));
      const given = tensor(
        Float32Array.from(listed, (value: number | null) => value ?? Number.NaN),
        shape,
      );
      const figsize = [shape[1] / 100, shape[0] / 100] as const;
      const grid = await draw({ images: given, cmap, figsize });
      const laid = await draw({
        images: tensor(new Uint8Array(given.size * 3).fill(255), [...shape, 3], 'uint8'),
        overlays: [given],
        overlayAlpha: 1,
        overlayCmap: cmap,
        figsize,
      });
      // Half a level is what rounding may be off, and half a thousandth what the fixture is.
      const near = (actual: number[]) =>
        actual.every((level, i) => {
          // Matplotlib shows nothing where a value is not finite: white is behind it.
          const expected = listed[Math.floor(i / 3)] === null ? 255 : levels[cmap][i];
          return Math.abs(level - expected) <= 0.501;
        });
      expect(grid.flat(2)).toSatisfy(near);
      expect(laid).toEqual(grid);
    },
  );

  test.each(['uint8', 'int32', 'int64', 'float64', 'float16', 'bool'] as const)('takes %s', async (dtype) => {
    const grid = await draw({ images: [tensor([[0, 1]], undefined, dtype)], figsize: [0.02, 0.01] });
    expect(grid).toEqual([[colour(0), colour(255)]]);
  });
});

describe('shapes', () => {
  test('a batch is its pictures, whatever they are handed over as', async () => {
    const batch = values(
      [
        RGB,
        doubled(RGB)
          .slice(0, 2)
          .map((row) => row.slice(0, 2)),
      ],
      'uint8',
    );
    const one = (i: number) => tensor(batch.data.slice(i * 12, i * 12 + 12), [2, 2, 3], 'uint8');
    const single = tensor(one(1).data, [1, 2, 2, 3], 'uint8');
    expect(await draw({ images: [one(0), single], ...small(2) })).toEqual(
      await draw({ images: batch, ...small(2) }),
    );
  });

  test('of one channel, with and without its axis', async () => {
    const flat = values([
      [1, 2],
      [3, 4],
    ]);
    const grid = await draw({ images: flat, ...small(1) });
    for (const shape of [
      [2, 2, 1],
      [1, 2, 2, 1],
    ]) {
      expect(await draw({ images: [tensor(flat.data, shape)], ...small(1) })).toEqual(grid);
    }
  });

  test('overlays are chosen by their unit, and enlarged smoothly', async () => {
    const black = values([Array(4).fill([0, 0, 0])], 'uint8');
    const maps = tensor(Float32Array.of(5, 0, 5, 1), [1, 1, 2, 2]);
    const figsize = [0.04, 0.01] as const;
    const laid = await draw({ images: [black], overlays: maps, overlayUnit: 1, overlayAlpha: 1, figsize });
    // Between two values, sampled at pixel centres: 0, 0.25, 0.75 and 1.
    expect(laid).toEqual([[0, 64, 192, 255].map((level) => colour(level))]);
    const flat = await draw({ images: [black], overlays: maps, overlayAlpha: 1, figsize });
    expect(flat).toEqual([Array(4).fill(colour(0))]);
  });

  test('an overlay that is missing leaves the picture alone', async () => {
    const map = values([
      [0, 1],
      [1, 0],
    ]);
    const [plain] = [await draw({ images: rgb, ...small(1) })];
    const grid = await draw({ images: [rgb, rgb, rgb], overlays: [null, map], overlayAlpha: 1, ...small(3) });
    for (const [y, row] of grid.entries()) {
      expect(row.slice(0, 4)).toEqual(plain?.[y]);
      expect(row.slice(4, 8)).not.toEqual(plain?.[y]);
      expect(row.slice(8)).toEqual(plain?.[y]);
    }
  });
});

describe('titles', () => {
  const HEIGHT = 28;
  const figsize = [1, 1] as const;
  const grey = values([[[90, 90, 90]]], 'uint8');
  /** The darkest pixels of a figure's strip of titles, by column. */
  const strip = (grid: Pixel[][], from = 0, to = 100) =>
    grid.slice(0, HEIGHT).map((row) => row.slice(from, to));
  const inked = (rows: Pixel[][]) => rows.flat().some(([red]) => red < 100);

  test('stand above their picture, black on white', async () => {
    const grid = await draw({ images: [grey], titles: ['Ag'], figsize });
    expect(grid).toHaveLength(100);
    // 72 pixels are left of the height, in the middle of the width.
    for (const row of grid.slice(HEIGHT)) {
      expect(row.slice(0, 14)).toEqual(Array(14).fill(W));
      expect(row.slice(14, 86)).toEqual(Array(72).fill([90, 90, 90]));
    }
    const title = strip(grid);
    expect(inked(title)).toBe(true);
    for (const [red, green, blue] of title.flat()) expect([green, blue]).toEqual([red, red]);
    // In the middle: as much white on the left as on the right, to a pixel.
    const columns = Array.from({ length: 100 }, (_, x) => title.some((row) => (row[x] as Pixel)[0] < 200));
    const [first, last] = [columns.indexOf(true), columns.lastIndexOf(true)];
    expect(Math.abs(first - (99 - last))).toBeLessThanOrEqual(2);
  });

  test('equal titles are equal pixels, others are not', async () => {
    const grid = await draw({ images: [grey, grey, grey], titles: ['cat', 'dog', 'cat'], figsize: [3, 1] });
    expect(strip(grid, 200, 300)).toEqual(strip(grid, 0, 100));
    expect(strip(grid, 100, 200)).not.toEqual(strip(grid, 0, 100));
  });

  test('are drawn where there is no picture, and not where there is no title', async () => {
    const grid = await draw({ images: [null, grey, grey], titles: ['none', null, ''], figsize: [3, 1] });
    expect(inked(strip(grid, 0, 100))).toBe(true);
    expect(inked(strip(grid, 100, 300))).toBe(false);
    expect(grid.slice(HEIGHT).every((row) => row.slice(0, 100).every(([red]) => red === 255))).toBe(true);
  });

  test('are drawn in other scripts; what the font lacks is a box', async () => {
    const titles = ['žluť', 'αβγδ', 'Жира', '漢字'];
    const grid = await draw({ images: [grey, grey, grey, grey], titles, figsize: [4, 1] });
    const strips = titles.map((_, i) => JSON.stringify(strip(grid, 100 * i, 100 * i + 100)));
    for (const [i] of titles.entries()) expect(inked(strip(grid, 100 * i, 100 * i + 100))).toBe(true);
    expect(new Set(strips).size).toBe(4);
  });

  test('of more lines make room for them', async () => {
    const grid = await draw({ images: [grey, grey], titles: ['one\ntwo', 'two'], figsize: [2, 1] });
    const lower = grid.slice(20, 48);
    // The last lines stand next to their pictures, at one height.
    expect(lower.map((row) => row.slice(0, 100))).toEqual(lower.map((row) => row.slice(100)));
    expect(inked(grid.slice(0, 20).map((row) => row.slice(0, 100)))).toBe(true);
    expect(inked(grid.slice(0, 20).map((row) => row.slice(100)))).toBe(false);
  });

  test('that are too wide are shortened, at no character’s expense', async () => {
    const long = 'n'.repeat(500);
    const grid = await draw({ images: [grey], titles: [long], figsize });
    const title = strip(grid);
    expect(inked(title)).toBe(true);
    // White is left on both sides, so that nothing is cut off.
    expect(title.every((row) => [0, 1, 98, 99].every((x) => (row[x] as Pixel)[0] === 255))).toBe(true);
    // An ellipsis is the same wherever the rest of the title ends.
    const other = await draw({ images: [grey], titles: [`${long}mmmm`], figsize });
    expect(other).toEqual(grid);
  });
});

test('gives back all memory but that of the file', async () => {
  const images = Array.from({ length: 4 }, () => rgb);
  const options = { images, overlays: images, titles: ['a', 'b'] };
  await utils.visualize(options);
  const before = memory().liveBytes;
  const { byteLength } = await utils.visualize(options);
  // A cell alone takes 480 kB; what remains are numbers that were fed.
  expect(memory().liveBytes - before).toBeLessThan(byteLength + 10_000);
});

describe('files', () => {
  const options = { images: rgb, ...small(1) };

  test('hold what is returned', async () => {
    const toFile = join(directory, 'grid.PNG');
    const png = await utils.visualize({ ...options, toFile });
    expect(await readFile(toFile)).toEqual(Buffer.from(png));
    expect(await readdir(directory)).toEqual(['grid.PNG']);
    await rm(toFile);
  });

  test('replace what was there, and only when they are whole', async () => {
    const toFile = join(directory, 'old.png');
    await writeFile(toFile, 'old');
    await expect(utils.visualize({ images: [] as never, toFile })).rejects.toThrow();
    expect(await readFile(toFile, 'utf8')).toBe('old');
    const [one, other] = await Promise.all([
      utils.visualize({ ...options, toFile }),
      utils.visualize({ ...options, toFile }),
    ]);
    expect(Buffer.from(one)).toEqual(Buffer.from(other));
    expect(await readFile(toFile)).toEqual(Buffer.from(one));
    expect(await readdir(directory)).toEqual(['old.png']);
    await rm(toFile);
  });

  test('in a directory that does not exist are refused, and nothing is left', async () => {
    const toFile = join(directory, 'none', 'grid.png');
    await expect(utils.visualize({ ...options, toFile })).rejects.toMatchObject({
      name: 'RangeError',
      message: expect.stringMatching(/a directory that exists.*`toFile`.*Make .*none first/),
    });
    expect(await readdir(directory)).toEqual([]);
  });

  test('of other kinds are refused', async () => {
    await expect(utils.visualize({ ...options, toFile: join(directory, 'a.jpg') })).rejects.toThrow(
      /\.png file/,
    );
    await expect(utils.visualize({ ...options, toFile: 7 as never })).rejects.toThrow(TypeError);
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('refuses', () => {
  const ok = { images: rgb, figsize: [1, 1] as const };
  test.each([
    ['no options', undefined, /an object of options/],
    ['a misspelt option', { ...ok, overlay_alpha: 1 }, /"overlayAlpha"/],
    ['no pictures', { images: [] }, /at least one picture/],
    ['numbers', { images: [[1, 2]] }, /`images\[0\]`/],
    ['a batch that is none', { images: values([1, 2]) }, /a picture \(H, W\)/],
    ['a batch in an array', { images: [tensor(new Uint8Array(6), [2, 1, 1, 3], 'uint8')] }, /`images\[0\]`/],
    ['two channels', { images: values([[[1, 2]]]) }, /C = 1, 3 \(RGB\) or 4/],
    ['pictures without pixels', { images: [tensor(new Float32Array(0), [0, 4, 3])] }, /`images\[0\]`/],
    ['an alpha above 1', { ...ok, overlayAlpha: 1.5 }, /`overlayAlpha`/],
    ['an alpha that is no number', { ...ok, overlayAlpha: '1' }, /`overlayAlpha`/],
    ['an unknown map', { ...ok, cmap: 'rainbow' }, /viridis.*`cmap`/s],
    ['an unknown overlay map', { ...ok, overlayCmap: 'rainbow' }, /viridis.*`overlayCmap`/s],
    ['more titles than pictures', { ...ok, titles: ['a', 'b'] }, /`titles`/],
    ['titles that are no strings', { ...ok, titles: [7] }, /`titles\[0\]`/],
    ['one title for all', { ...ok, titles: 'a' }, /an array of strings/],
    [
      'more overlays than pictures',
      { ...ok, overlays: tensor(new Float32Array(2), [2, 1, 1]) },
      /`overlays`/,
    ],
    ['overlays without an axis of pictures', { ...ok, overlays: values([[1]]) }, /maps \(N, H, W\)/],
    ['a unit that an overlay lacks', { ...ok, overlays: [values([[1]])], overlayUnit: 1 }, /`overlayUnit`/],
    ['a figure without room for titles', { ...ok, titles: ['a'], figsize: [1, 0.2] }, /the 28 pixels/],
  ])('%s', async (_, options, message) => {
    await expect(
      utils.visualize(options as never).catch((error: Error) => {
        expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
        throw error;
      }),
    ).rejects.toThrow(message as RegExp);
  });
});
