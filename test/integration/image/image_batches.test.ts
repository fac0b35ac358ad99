import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ImageError, image, type Tensor, tensor } from '../../../lib/index.js';

const IMAGES = new URL('../../fixtures/images/', import.meta.url);
const path = (name: string) => fileURLToPath(new URL(name, IMAGES));

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ke-image-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Pictures of one channel per given number, a row of pixels each. */
function greys(...pictures: number[][]): Tensor<'uint8'> {
  return tensor(Uint8Array.from(pictures.flat()), [pictures.length, 1, pictures[0]?.length ?? 0, 1], 'uint8');
}

/** Pictures `(n, 2, 3, 3)` of which no two pixels are alike. */
function colours(n: number): Tensor<'uint8'> {
  return tensor(
    Uint8Array.from({ length: n * 18 }, (_, i) => (i * 29 + 3) % 256),
    [n, 2, 3, 3],
    'uint8',
  );
}

/** Picture `i` of a batch. */
function one(batch: Tensor, i: number): Tensor {
  const size = batch.size / (batch.shape[0] as number);
  return tensor(batch.data.slice(i * size, (i + 1) * size), [1, ...batch.shape.slice(1)], batch.dtype);
}

describe('readImage', () => {
  test('reads what decodeImage decodes, by path and by URL', async () => {
    const expected = await image.decodeImage(await readFile(path('rgb.jpg')));
    for (const source of [path('rgb.jpg'), new URL('rgb.jpg', IMAGES)]) {
      const read = await image.readImage(source);
      expect(read.shape).toEqual(expected.shape);
      expect(Buffer.from(read.data)).toEqual(Buffer.from(expected.data));
    }
  });

  test('names the file that is damaged', async () => {
    const broken = join(directory, 'broken.png');
    await writeFile(broken, (await readFile(path('rgb.png'))).subarray(0, 200));
    await expect(image.readImage(broken)).rejects.toMatchObject({
      name: 'ImageError',
      code: 'DATA_LOSS',
      message: expect.stringMatching(/broken\.png: The png data is damaged or truncated/),
      cause: expect.any(ImageError),
    });
  });

  test('keeps to its limits', async () => {
    const size = readFileSync(path('rgb.png')).length;
    await image.readImage(path('rgb.png'), { maxBytes: size, maxPixels: 468 });
    await expect(image.readImage(path('rgb.png'), { maxBytes: size - 1 })).rejects.toMatchObject({
      code: 'OUT_OF_RANGE',
      message: expect.stringMatching(/rgb\.png: The file has \d+ bytes, more than the \d+/),
    });
    await expect(image.readImage(path('rgb.png'), { maxPixels: 467 })).rejects.toThrow(/rgb\.png: .*26 x 18/);
    await expect(image.readImage(path('rgb.png'), { maxBytes: 0 })).rejects.toThrow(/`maxBytes`/);
    await expect(image.readImage(path('rgb.png'), { maxByte: 9 } as never)).rejects.toThrow(/"maxBytes"/);
  });

  test('passes on what the file system says', async () => {
    await expect(image.readImage(join(directory, 'none.png'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(image.readImage(directory)).rejects.toMatchObject({ code: 'EISDIR' });
    await expect(image.readImage(7 as never)).rejects.toThrow(TypeError);
  });

  test('refuses a device, which may never end', async () => {
    await expect(image.readImage('/dev/zero')).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
  });
});

describe.each(['keras2', 'keras3'])('preprocess against %s', (version) => {
  const fixture = JSON.parse(
    readFileSync(new URL(`../../fixtures/preprocess/${version}.json`, import.meta.url), 'utf8'),
  );
  const inputs = {
    uint8: tensor(Uint8Array.from(fixture.uint8), fixture.shape, 'uint8'),
    float32: tensor(Float32Array.from(fixture.float32), fixture.shape, 'float32'),
  };

  /**
   * In last places of a float32 as large as the result. TensorFlow multiplies by the reciprocal where numpy divides,
   * a place each; that of x / 255, which is at most 1, counts 1 / 0.225 times in torch's quotient, which is up to 2.6.
   */
  const PLACES = { tf: 1, torch: 4, caffe: 1 };
  function expectAlike(actual: Tensor, mode: keyof typeof PLACES, dtype: 'uint8' | 'float32') {
    const expected: number[] = fixture.results[mode][dtype];
    expect(actual.dtype).toBe('float32');
    expect(actual.shape).toEqual(fixture.shape);
    const largest = Math.max(...expected.map(Math.abs));
    const most = PLACES[mode] * 2 ** (Math.floor(Math.log2(largest)) - 23);
    [...(actual.data as Float32Array)].forEach((value, i) => {
      expect(Math.abs(value - (expected[i] as number))).toBeLessThanOrEqual(most);
    });
  }

  test.each(['tf', 'torch', 'caffe'] as const)('%s', async (mode) => {
    expectAlike(await image.preprocess(inputs.uint8, mode), mode, 'uint8');
    expectAlike(await image.preprocess(inputs.float32, mode), mode, 'float32');
  });

  test.each(['tf', 'torch', 'caffe'] as const)('prepareImage scales by %s in the same way', async (mode) => {
    const [, height, width] = fixture.shape;
    const prepared = await image.prepareImage(inputs.uint8, { size: [height, width], preprocess: mode });
    expectAlike(prepared, mode, 'uint8');
  });
});

describe('preprocess', () => {
  test.each(['uint8', 'int32', 'int64', 'float32', 'float64', 'float16'] as const)(
    'takes %s',
    async (dtype) => {
      const pixels = tensor([[[[0, 51, 255]]]], undefined, dtype);
      const scaled = await image.preprocess(pixels, 'unit');
      expect([...scaled.data].map((value) => Number(value.toFixed(6)))).toEqual([0, 0.2, 1]);
      expect([...(await image.preprocess(pixels, 'none')).data]).toEqual([0, 51, 255]);
    },
  );

  test('any number of channels, where the numbers are not those of colours', async () => {
    const grey = greys([0, 255]);
    expect([...(await image.preprocess(grey, 'tf')).data]).toEqual([-1, 1]);
    await expect(image.preprocess(grey, 'torch')).rejects.toThrow(/none, unit or tf for 1 channel/);
    const options = { size: [1, 1], channels: 1, preprocess: 'caffe' } as const;
    await expect(image.prepareImage(colours(1), options)).rejects.toThrow(/`preprocess`.*'caffe'/);
  });

  test('refuses what it cannot scale', async () => {
    await expect(image.preprocess(colours(1), 'imagenet' as never)).rejects.toThrow(/one of none, unit, tf/);
    await expect(image.preprocess(tensor([1, 2, 3]), 'tf')).rejects.toThrow(/\(N, height, width, channels\)/);
    await expect(image.preprocess([1] as never, 'tf')).rejects.toThrow(TypeError);
    await expect(image.prepareImage(colours(1), { size: [0, 4] })).rejects.toThrow(/`size\[0\]`/);
    await expect(image.prepareImage(colours(1), undefined as never)).rejects.toThrow(/`options`/);
    // Left alone it would be a map that looks reasonable and means nothing.
    const misspelt = { size: [4, 4], preproces: 'tf' } as never;
    await expect(image.prepareImage(colours(1), misspelt)).rejects.toThrow(/"preprocess"/);
    await expect(image.prepareImage(colours(1), { size: 4 as never })).rejects.toThrow(/`size`/);
    await expect(image.prepareImage(greys([1]), { size: [1, 1] })).rejects.toThrow(/three channels/);
    await expect(
      image.prepareImage(colours(1), { size: [1, 1], preprocess: 'resnet' as never }),
    ).rejects.toThrow(/`preprocess`/);
  });
});

describe('batches', () => {
  const work: [string, (images: Tensor) => Promise<Tensor>][] = [
    ['resizeImage', (images) => image.resizeImage(images, [5, 4])],
    ['fitImage', (images) => image.fitImage(images, 2)],
    ['prepareImage', (images) => image.prepareImage(images, { size: [4, 5], preprocess: 'caffe' })],
    ['preprocess', (images) => image.preprocess(images, 'torch')],
  ];

  test.each(work)('%s gives each picture what it gives it alone', async (_, run) => {
    const images = colours(3);
    const batch = await run(images);
    expect(batch.shape[0]).toBe(3);
    for (let i = 0; i < 3; i++) expect(one(batch, i).data).toEqual((await run(one(images, i))).data);
  });

  test('overlay lays each map over its own picture', async () => {
    const images = colours(2);
    const maps = tensor(Float32Array.of(0, 1, 0.25, 0.5), [2, 1, 2, 1], 'float32');
    const batch = await image.overlay(images, maps);
    for (let i = 0; i < 2; i++) {
      expect(one(batch, i).data).toEqual((await image.overlay(one(images, i), one(maps, i))).data);
    }
    await expect(image.overlay(images, one(maps, 0))).rejects.toThrow(
      /maps of 2 picture\(s\), float32 \(2, h/,
    );
  });

  test('batchImages joins pictures in order, and leaves them', async () => {
    const parts = [greys([1, 2]), greys([3, 4], [5, 6])];
    const batch = await image.batchImages(parts);
    expect(batch.shape).toEqual([3, 1, 2, 1]);
    expect([...batch.data]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...(parts[0] as Tensor).data]).toEqual([1, 2]);
    expect(await image.batchImages([parts[0] as Tensor])).toBe(parts[0]);
  });

  test('batchImages refuses pictures that differ', async () => {
    await expect(image.batchImages([])).rejects.toThrow(/at least one picture/);
    await expect(image.batchImages([greys([1]), greys([1, 2])])).rejects.toThrow(
      /`images\[1\]`.*uint8 \(1, 1, 2, 1\)/,
    );
    await expect(image.batchImages([greys([1]), tensor([[[[1]]]])])).rejects.toThrow(/float32/);
    await expect(image.batchImages(greys([1]) as never)).rejects.toThrow(TypeError);
  });
});

describe('encodeJpeg', () => {
  /** A slope in both directions: what a JPEG keeps well. */
  const slope = tensor(
    Uint8Array.from(
      { length: 32 * 48 * 3 },
      (_, i) => Math.floor(i / 3 / 48) * 4 + (Math.floor(i / 3) % 48) * 2,
    ),
    [1, 32, 48, 3],
    'uint8',
  );
  const error = (a: Tensor, b: Tensor) =>
    (a.data as Uint8Array).reduce((sum, value, i) => sum + Math.abs(value - Number(b.data[i])), 0) / a.size;

  test('gives back nearly every pixel, and less of them at a lower quality', async () => {
    const fine = await image.encodeJpeg(slope);
    expect([...fine.subarray(0, 3)]).toEqual([0xff, 0xd8, 0xff]);
    const coarse = await image.encodeJpeg(slope, { quality: 5 });
    expect(coarse.length).toBeLessThan(fine.length);
    const decoded = await image.decodeImage(fine);
    expect(decoded.shape).toEqual(slope.shape);
    expect(error(slope, decoded)).toBeLessThan(1);
    expect(error(slope, await image.decodeImage(coarse))).toBeGreaterThan(error(slope, decoded));
  });

  test('takes grey', async () => {
    const decoded = await image.decodeImage(await image.encodeJpeg(greys(Array(16).fill(200))));
    expect(decoded.shape).toEqual([1, 1, 16, 3]);
    expect(decoded.data.every((value) => Math.abs(value - 200) <= 1)).toBe(true);
  });

  test('refuses other qualities, channels and batches', async () => {
    for (const quality of [0, 101, 50.5]) {
      await expect(image.encodeJpeg(slope, { quality })).rejects.toThrow(/`quality`/);
    }
    await expect(image.encodeJpeg(slope, { qualty: 3 } as never)).rejects.toThrow(/"quality"/);
    await expect(image.encodeJpeg(tensor(new Uint8Array(4), [1, 1, 1, 4], 'uint8'))).rejects.toThrow(
      /1 or 3/,
    );
    await expect(image.encodePng(tensor(new Uint8Array(2), [1, 1, 1, 2], 'uint8'))).rejects.toThrow(
      /1 or 3 or 4/,
    );
    await expect(image.encodeJpeg(colours(2))).rejects.toThrow(/one picture/);
  });
});
