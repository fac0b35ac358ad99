import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { makeDataHandler } from '../../../lib/data/data_handler.js';
import { imageFiles } from '../../../lib/data/image_files.js';
import * as image from '../../../lib/image/index.js';
import { memory, ready, type Tensor } from '../../../lib/tensor/tensor.js';

const demo = fileURLToPath(new URL('../../../demo/images', import.meta.url));
const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/images/${name}`, import.meta.url));

let directory = '';
beforeAll(async () => {
  await ready();
  directory = await mkdtemp(join(tmpdir(), 'ke-images-'));
});
afterAll(() => rm(directory, { recursive: true }));

const model = {
  inputs: [{ name: 'image', dtype: 'float32', shape: [null, null, null, 3] }],
  outputs: [{ name: 'logits', dtype: 'float32', shape: [null, 10] }],
} as const;

async function prepared(path: string, options: image.ModelInputOptions): Promise<Tensor> {
  return image.prepareImage(await image.readImage(path), options);
}

describe('imageFiles', () => {
  it('yields batches of prepared pictures, sorted by path', async () => {
    const options = { size: [20, 30], preprocess: 'caffe' } as const;
    const files = await imageFiles(join(demo, '0*.{png,jpg}'), { ...options, batchSize: 4 });
    expect([files.samples, files.length, files.batchSize]).toEqual([9, 3, 4]);
    expect(files.paths.map((path) => basename(path).slice(0, 2))).toEqual([
      '01',
      '02',
      '03',
      '04',
      '05',
      '06',
      '07',
      '08',
      '09',
    ]);
    for (let i = 0; i < 3; i++) {
      const { x, release } = await files.at(i);
      expect([x.dtype, x.shape]).toEqual(['float32', [i < 2 ? 4 : 1, 20, 30, 3]]);
      for (const [row, path] of files.paths.slice(i * 4, i * 4 + 4).entries()) {
        const size = 20 * 30 * 3;
        expect(x.data.subarray(row * size, (row + 1) * size)).toEqual((await prepared(path, options)).data);
      }
      release();
      expect(x.released).toBe(true);
    }
  });

  it('keeps uint8 without scaling, and the order of a list', async () => {
    const paths = [fixture('rgb.png'), pathToFileURL(fixture('rgb.jpg'))];
    const files = await imageFiles(paths, { size: [8, 8] });
    expect(files.paths.map((path) => basename(path))).toEqual(['rgb.png', 'rgb.jpg']);
    const { x } = await files.at(0);
    expect([x.dtype, x.shape]).toEqual(['uint8', [2, 8, 8, 3]]);
    const first = await prepared(fixture('rgb.png'), { size: [8, 8], dtype: 'uint8' });
    expect(x.data.subarray(0, 8 * 8 * 3)).toEqual(first.data);
  });

  it('can be grey, and of another dtype', async () => {
    const files = await imageFiles(fixture('rgb.png'), { size: [8, 8], channels: 1, dtype: 'float16' });
    const { x } = await files.at(0);
    expect([x.dtype, x.shape]).toEqual(['float16', [1, 8, 8, 1]]);
  });

  it('without `size` yields each picture in its own size', async () => {
    const [small, large] = [fixture('rgb.png'), join(demo, '01-digit-0.png')];
    const files = await imageFiles([small, large]);
    expect([files.batchSize, files.length]).toEqual([1, 2]);
    expect((await files.at(0)).x.data).toEqual((await image.readImage(small)).data);
    expect((await files.at(1)).x.shape).toEqual([1, 96, 96, 3]);
    const together = await imageFiles([small, large], { batchSize: 2 });
    await expect(together.at(0)).rejects.toThrow(/Expected the size that all pictures .*digit-0.png/);
  });

  it('follows links, finds names with brackets and files in directories', async () => {
    await mkdir(join(directory, 'a', 'b'), { recursive: true });
    await copyFile(fixture('rgb.png'), join(directory, 'a', 'b', 'photo [1].png'));
    await symlink(fixture('rgb.jpg'), join(directory, 'a', 'link.jpg'));
    await symlink(join(directory, 'a'), join(directory, 'a', 'b', 'cycle'));
    const names = async (pattern: string) =>
      (await imageFiles(join(directory, pattern), { size: [8, 8] })).paths.map((path) => basename(path));
    expect(await names('a/b/photo [1].png')).toEqual(['photo [1].png']);
    expect(await names('a/*.jpg')).toEqual(['link.jpg']);
    expect(await names('a/{link.jpg,b/*.png}')).toEqual(['photo [1].png', 'link.jpg']);
  });

  it.each<[string, unknown, object, string]>([
    [
      'nothing',
      undefined,
      {},
      'a glob (for example "photos/**/*.jpg") or a list of paths for argument `pathsOrGlob`',
    ],
    ['no paths', [], {}, 'at least one path'],
    ['a path that is none', ['a', 3], {}, '`pathsOrGlob[1]` but received 3'],
    ['a glob of nothing', 'nowhere/*.png', {}, '"nowhere/*.png", which no file matches in '],
    ['a size of one number', 'x', { size: 8 }, '[height, width] for argument `size`'],
    ['a size of nothing', 'x', { size: [0, 8] }, '`size[0]`'],
    ['another scaling', 'x', { preprocess: 'keras' }, 'one of none, unit, tf, torch, caffe'],
    [
      'a scaling of colours of grey',
      'x',
      { preprocess: 'torch', channels: 1 },
      'none, unit or tf for 1 channel',
    ],
    ['an empty batch', 'x', { batchSize: 0 }, '`batchSize`'],
    ['a misspelt option', 'x', { batch_size: 4 }, 'should be "batchSize"'],
  ])('refuses %s', async (_, paths, options, message) => {
    await expect(imageFiles(paths as string, options)).rejects.toThrow(message);
  });

  it('names the unreadable file and frees all memory', async () => {
    const broken = join(directory, 'broken.png');
    await writeFile(broken, 'no picture');
    const before = memory().liveTensors;
    const good = fixture('rgb.png');
    const files = await imageFiles([good, good, broken, good], { size: [8, 8] });
    await expect(files.at(0)).rejects.toMatchObject({
      name: 'ImageError',
      message: expect.stringContaining(broken),
    });
    const missing = await imageFiles([good, join(directory, 'missing.png')], { size: [8, 8] });
    await expect(missing.at(0)).rejects.toMatchObject({ code: 'ENOENT' });
    const huge = await imageFiles([good], { size: [8, 8], maxPixels: 5 });
    await expect(huge.at(0)).rejects.toThrow(/more than the 5 that are allowed/);
    // Pictures that were being read beside the broken one end later.
    await vi.waitFor(() => expect(memory().liveTensors).toBeLessThanOrEqual(before));
  });

  it('is a source in order, with units, and holds at most the queue in memory', async () => {
    const files = await imageFiles(`${demo}/*.{png,jpg}`, { size: [96, 96], batchSize: 2 });
    const y = files.paths.map((path) => [Number(/digit-(\d)/.exec(path)?.[1])]);
    const handler = makeDataHandler(model, files, y, { workers: 2, maxQueueSize: 3 });
    const before = memory();
    const batchBytes = 2 * 96 * 96 * 3;
    let row = 0;
    for await (const { inputs, indices, samples, release } of handler.batches()) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      // Those read ahead, this one, and the pictures that are being decoded.
      expect(memory().liveBytes - before.liveBytes).toBeLessThan(batchBytes * (3 + 1 + 4) + 4096);
      expect(indices?.data[0]).toBe(y[row]?.[0]);
      const alone = await image.readImage(files.paths[row] as string);
      expect(inputs[0]?.data.subarray(0, alone.size)).toEqual(alone.data);
      alone.release();
      row += samples;
      release();
    }
    expect(row).toBe(files.samples);
    expect(memory().liveBytes).toBeLessThanOrEqual(before.liveBytes);
  });

  it('stops for a signal', async () => {
    const files = await imageFiles(fixture('rgb.png'), { size: [8, 8] });
    await expect(files.at(0, AbortSignal.abort())).rejects.toThrow('cancelled');
    await expect(files.at(1)).rejects.toThrow('an integer from 0 to 0 for argument `index`');
  });
});
