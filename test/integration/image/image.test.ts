import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { ImageError, image, memory, type Tensor, tensor } from '../../../lib/index.js';

const FIXTURES = new URL('../../fixtures/images/', import.meta.url);
const [HEIGHT, WIDTH] = [18, 26];

const fixture = (name: string) => readFile(new URL(name, FIXTURES));
const pillow = (name: string) => readFile(new URL(`expected/${name}.rgb`, FIXTURES));

/** A picture `(1, height, width, channels)` of the given rows. */
function picture(rows: number[][][]): Tensor<'uint8'> {
  const shape = [1, rows.length, rows[0]?.length ?? 0, rows[0]?.[0]?.length ?? 0];
  return tensor(Uint8Array.from(rows.flat(2)), shape, 'uint8');
}

function map(rows: number[][]): Tensor<'float32'> {
  return tensor(Float32Array.from(rows.flat()), [1, rows.length, rows[0]?.length ?? 0, 1], 'float32');
}

const failure = (code: string, message: RegExp) => ({
  name: 'ImageError',
  code,
  message: expect.stringMatching(message),
});

describe('decodeImage', () => {
  // TensorFlow and Pillow read the same libraries' output: the accurate inverse transform is one of integers.
  test.each([
    'rgb.png',
    'alpha.png',
    'grey.png',
    'palette.png',
    'deep.png',
    'rgb.jpg',
    'progressive.jpg',
    'grey.jpg',
    'still.gif',
    'animated.gif',
    'rgb.bmp',
    'alpha.bmp',
    'grey.bmp',
  ])('reads the pixels of %s that Pillow reads', async (name) => {
    const decoded = await image.decodeImage(await fixture(name));
    expect(decoded.dtype).toBe('uint8');
    expect(decoded.shape).toEqual([1, HEIGHT, WIDTH, 3]);
    expect(Buffer.compare(Buffer.from(decoded.data), await pillow(name))).toBe(0);
  });

  test('reads a BMP stored from its top row down', async () => {
    const bmp = Buffer.from(await fixture('rgb.bmp'));
    bmp.writeInt32LE(-HEIGHT, 22);
    const rows = Buffer.from((await image.decodeImage(bmp)).data);
    const expected = await pillow('rgb.bmp');
    const row = WIDTH * 3;
    expect(rows.subarray(0, row)).toEqual(expected.subarray((HEIGHT - 1) * row));
  });

  test('reads a view into a larger buffer', async () => {
    const bytes = await fixture('rgb.png');
    const padded = new Uint8Array(bytes.length + 100).fill(7);
    padded.set(bytes, 33);
    const decoded = await image.decodeImage(padded.subarray(33, 33 + bytes.length));
    expect(Buffer.from(decoded.data)).toEqual(await pillow('rgb.png'));
  });

  test.each(['rgb.png', 'rgb.jpg', 'still.gif', 'rgb.bmp'])('refuses %s cut in the middle', async (name) => {
    const bytes = await fixture(name);
    const half = bytes.subarray(0, Math.floor(bytes.length / 2));
    await expect(image.decodeImage(half)).rejects.toMatchObject(failure('DATA_LOSS', /damaged or truncated/));
  });

  test.each(['rgb.png', 'rgb.jpg', 'rgb.bmp', 'still.gif'])(
    'refuses %s cut within its header',
    async (name) => {
      const bytes = await fixture(name);
      for (const length of [1, 8, 20]) {
        await expect(image.decodeImage(bytes.subarray(0, length))).rejects.toBeInstanceOf(ImageError);
      }
    },
  );

  test('refuses a PNG whose pixels are damaged', async () => {
    const bytes = Buffer.from(await fixture('rgb.png'));
    bytes.fill(0xff, 60, 120);
    await expect(image.decodeImage(bytes)).rejects.toMatchObject(failure('DATA_LOSS', /damaged/));
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('This is no picture, however long it goes on.')],
    ['noise', Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * i * 31 + 7) % 251))],
  ])('refuses %s', async (_, bytes) => {
    await expect(image.decodeImage(bytes)).rejects.toMatchObject(
      failure('DATA_LOSS', /Expected a JPEG, PNG, GIF or BMP/),
    );
  });

  test('refuses other formats by name', async () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"></svg>');
    await expect(image.decodeImage(svg)).rejects.toMatchObject(
      failure('UNIMPLEMENTED', /received a svg picture/),
    );
  });

  test('refuses a palette BMP, whose indices TensorFlow would take for greys', async () => {
    await expect(image.decodeImage(await fixture('palette.bmp'))).rejects.toMatchObject(
      failure('UNIMPLEMENTED', /8 bits with a palette/),
    );
  });

  test('refuses a run-length coded BMP', async () => {
    const bmp = Buffer.from(await fixture('grey.bmp'));
    bmp.writeUInt32LE(1, 30);
    await expect(image.decodeImage(bmp)).rejects.toMatchObject(failure('UNIMPLEMENTED', /compression 1/));
  });

  test('refuses huge declared sizes before it takes memory', async () => {
    const before = memory();
    const png = Buffer.from(await fixture('rgb.png'));
    png.writeUInt32BE(60_000, 16);
    png.writeUInt32BE(60_000, 20);
    const bmp = Buffer.from(await fixture('rgb.bmp'));
    bmp.writeInt32LE(100_000, 18);
    bmp.writeInt32LE(-100_000, 22);
    for (const bytes of [png, bmp]) {
      await expect(image.decodeImage(bytes)).rejects.toMatchObject(
        failure('OUT_OF_RANGE', /declares \d+ x \d+ pixels/),
      );
    }
    expect(memory().copiedInBytes).toBe(before.copiedInBytes);
    await expect(image.decodeImage(await fixture('rgb.png'), { maxPixels: 467 })).rejects.toThrow(/26 x 18/);
    await image.decodeImage(await fixture('rgb.png'), { maxPixels: 468 });
  });

  test('refuses what is no byte array', async () => {
    await expect(image.decodeImage('rgb.png' as never)).rejects.toThrow(TypeError);
    const bytes = await fixture('rgb.png');
    await expect(image.decodeImage(bytes, { maxPixel: 9 } as never)).rejects.toThrow(/"maxPixels"/);
    await expect(image.decodeImage(bytes, null as never)).rejects.toThrow(/`options`/);
  });

  test('decodes many at once', async () => {
    const names = ['rgb.png', 'rgb.jpg', 'still.gif', 'rgb.bmp'];
    const files = await Promise.all(names.map(fixture));
    const decoded = await Promise.all(
      Array.from({ length: 64 }, (_, i) => image.decodeImage(files[i % 4] as Buffer)),
    );
    const expected = await Promise.all(names.map(pillow));
    for (const [i, each] of decoded.entries()) expect(Buffer.from(each.data)).toEqual(expected[i % 4]);
  });
});

describe('encodePng', () => {
  test('gives back every pixel', async () => {
    const pixels = Uint8Array.from({ length: 7 * 5 * 3 }, (_, i) => (i * 37) % 256);
    const png = await image.encodePng(tensor(pixels, [1, 7, 5, 3], 'uint8'));
    expect(Buffer.from(png.subarray(1, 4)).toString()).toBe('PNG');
    const decoded = await image.decodeImage(png);
    expect(decoded.shape).toEqual([1, 7, 5, 3]);
    expect([...decoded.data]).toEqual([...pixels]);
  });

  test('refuses what is no picture', async () => {
    await expect(image.encodePng(tensor(new Float32Array(3), [1, 1, 1, 3]))).rejects.toThrow(
      /uint8 \(1, height/,
    );
    await expect(image.encodePng(tensor(new Uint8Array(6), [2, 1, 1, 3], 'uint8'))).rejects.toThrow(
      RangeError,
    );
    await expect(image.encodePng([] as never)).rejects.toThrow(TypeError);
  });
});

describe('overlay', () => {
  const table = image.colormapTable('viridis');
  const colour = (level: number) => [...table.subarray(level * 3, level * 3 + 3)];

  test('mixes picture and colour by alpha, and clips the map', async () => {
    const black = picture([
      [
        [0, 0, 0],
        [100, 200, 50],
        [255, 255, 255],
        [10, 20, 30],
      ],
    ]);
    const laid = await image.overlay(black, map([[0, 1, 2, -1]]), { alpha: 0.25, colormap: 'viridis' });
    // 0.75 · picture + 0.25 · colour, to the nearest even where it lies halfway
    const mixed = [
      [0, 0, 0],
      [100, 200, 50],
      [255, 255, 255],
      [10, 20, 30],
    ].map((pixel, i) => {
      const shade = colour(i === 1 || i === 2 ? 255 : 0);
      return pixel.map((value, channel) => 0.75 * value + 0.25 * (shade[channel] as number));
    });
    [...laid.data].forEach((value, i) => {
      expect(Math.abs(value - (mixed.flat()[i] as number))).toBeLessThanOrEqual(0.5);
    });
    expect(laid.shape).toEqual([1, 1, 4, 3]);
  });

  test('viridis runs from its dark violet to its yellow', () => {
    // The published ends: #440154 and #fde725.
    expect(colour(0)).toEqual([0x44, 0x01, 0x54]);
    expect(colour(255)).toEqual([0xfd, 0xe7, 0x25]);
    for (const name of image.COLORMAPS) expect(image.colormapTable(name)).toHaveLength(768);
  });

  test('at the ends of alpha is the picture, or the map', async () => {
    const grey = picture([[[9, 8, 7]]]);
    const half = map([[0.5]]);
    expect([...(await image.overlay(grey, half, { alpha: 0 })).data]).toEqual([9, 8, 7]);
    const laid = await image.overlay(grey, half, { alpha: 1, colormap: 'viridis' });
    expect([...laid.data]).toEqual(colour(128));
  });

  test('enlarges the map between its cells', async () => {
    const wide = picture([Array.from({ length: 4 }, () => [0, 0, 0])]);
    const laid = await image.overlay(wide, map([[0, 1]]), { alpha: 1, colormap: 'viridis' });
    // Sampled at pixel centres: 0, 0.25, 0.75, 1.
    expect([...laid.data]).toEqual([0, 64, 191, 255].flatMap(colour));
  });

  test('chooses the unit, and takes NaN for nothing', async () => {
    const dot = picture([[[0, 0, 0]]]);
    const maps = tensor(Float32Array.of(1, Number.NaN, 0.2), [1, 1, 1, 3], 'float32');
    const levels = [255, 0, 51];
    for (const [unit, level] of levels.entries()) {
      const laid = await image.overlay(dot, maps, { unit, alpha: 1, colormap: 'viridis' });
      expect([...laid.data]).toEqual(colour(level));
    }
    await expect(image.overlay(dot, maps, { unit: 3 })).rejects.toThrow(/`unit`/);
    await expect(image.overlay(dot, maps, { alpha: 1.5 })).rejects.toThrow(/`alpha`/);
    await expect(image.overlay(dot, maps, { alpha: '1' as never })).rejects.toThrow(/`alpha`/);
    await expect(image.overlay(dot, maps, { aplha: 1 } as never)).rejects.toThrow(/"alpha"/);
    await expect(image.overlay(dot, maps, { colormap: 'rainbow' as never })).rejects.toThrow(/`colormap`/);
    await expect(image.overlay(dot, dot)).rejects.toThrow(/`maps`/);
  });
});

describe('resizing and preparing', () => {
  test('bilinear samples at pixel centres', async () => {
    const two = picture([
      [
        [0, 0, 0],
        [100, 200, 40],
      ],
    ]);
    const resized = await image.resizeImage(two, [1, 4]);
    // 0, 1/4, 3/4 and all of the way; halves go to the even number
    expect([...resized.data]).toEqual([0, 0, 0, 25, 50, 10, 75, 150, 30, 100, 200, 40]);
  });

  test('fitting averages, keeps proportions and never enlarges', async () => {
    const four = picture([
      [
        [0, 0, 0],
        [20, 20, 20],
        [40, 40, 40],
        [80, 80, 80],
      ],
    ]);
    const fitted = await image.fitImage(four, 2);
    expect(fitted.shape).toEqual([1, 1, 2, 3]);
    expect([...fitted.data]).toEqual([10, 10, 10, 60, 60, 60]);
    expect(await image.fitImage(four, 4)).toBe(four);
  });

  test.each([
    ['none', [255, 0, 51]],
    ['unit', [1, 0, 0.2]],
    ['tf', [1, -1, -0.6]],
    // (1 - 0.485) / 0.229, (0 - 0.456) / 0.224, (0.2 - 0.406) / 0.225
    ['torch', [2.2489083, -2.0357143, -0.9155556]],
    // blue, green, red less 103.939, 116.779, 123.68
    ['caffe', [-52.939, -116.779, 131.32]],
  ] as const)('preprocess %s', async (preprocess, expected) => {
    const dot = picture([[[255, 0, 51]]]);
    const input = await image.prepareImage(dot, { size: [1, 1], preprocess });
    expect(input.dtype).toBe('float32');
    expect(input.shape).toEqual([1, 1, 1, 3]);
    for (const [i, value] of expected.entries()) expect(input.data[i]).toBeCloseTo(value, 4);
  });

  test('grey takes the weights of the eye, integers are rounded', async () => {
    const dot = picture([[[100, 150, 200]]]);
    // 0.2989 · 100 + 0.587 · 150 + 0.114 · 200 = 140.74
    const grey = await image.prepareImage(dot, { size: [1, 1], channels: 1 });
    expect(grey.shape).toEqual([1, 1, 1, 1]);
    expect(grey.data[0]).toBeCloseTo(140.74, 4);
    const whole = await image.prepareImage(dot, { size: [1, 1], channels: 1, dtype: 'uint8' });
    expect([...whole.data]).toEqual([141]);
  });
});

test('a contact sheet has white around and between its pictures', async () => {
  const dots = [10, 20, 30].map((value) => picture([[[value, value, value]]]));
  const sheet = await image.contactSheet(dots, 2, 1);
  expect(sheet.shape).toEqual([1, 5, 5, 3]);
  const greys = [...sheet.data].filter((_, i) => i % 3 === 0);
  const W = 255;
  // biome-ignore format: the picture
  expect(greys).toEqual([
    W, W, W, W, W,
    W, 10, W, 20, W,
    W, W, W, W, W,
    W, 30, W, W, W,
    W, W, W, W, W,
  ]);
  await expect(image.contactSheet([], 2)).rejects.toThrow(/at least one picture/);
});
