/** Pictures that are read where the model is computed (`autoShard: 'file'`), in this process. */
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as ke from '../../../lib/index.js';
import {
  both,
  bytesOf,
  copy,
  directory,
  expectEqual,
  fixture,
  here,
  LOOK,
  load,
  look,
  PICTURES,
  predict,
  unitsOf,
} from './shards_fixture.js';

const FORMATS = [
  'rgb.png',
  'alpha.png',
  'deep.png',
  'grey.png',
  'palette.png',
  'rgb.jpg',
  'grey.jpg',
  'progressive.jpg',
  'still.gif',
  'animated.gif',
  'rgb.bmp',
  'grey.bmp',
  'alpha.bmp',
].map(fixture);

describe('in this process', () => {
  test.each<[string, ke.data.ImageFilesOptions]>([
    ['uint8', {}],
    ['float32', { dtype: 'float32' }],
    ['float16', { dtype: 'float16' }],
    ['scaled', { preprocess: 'tf' }],
    ['of colours', { preprocess: 'caffe', batchSize: 5 }],
  ])('the model is given the very same inputs: %s, of every format', async (_, options) => {
    const model = await load();
    const explain = (files: ke.data.ImageFiles) => ke.explain(look, model, files, null, LOOK);
    await expectEqual(explain, await both(FORMATS, options));
  });

  test('methods, units, steps and predict', async () => {
    const model = await load({ stepsPerExecution: 2, threads: { interOp: 2 } });
    const files = await both(PICTURES);
    const options = { verbose: 0, steps: 5 } as const;
    await expectEqual((x) => ke.gradcam(model, x, unitsOf(x), options), files);
    await expectEqual((x) => ke.gradients(model, x, unitsOf(x), options), files);
    await expectEqual(async (x) => ({ maps: await predict(model, x) }), files);
    let samples = 0;
    const { cams } = ke.methods;
    for await (using step of ke.explainBatches(cams.gradcam, model, files[1], null, {
      verbose: 0,
      steps: 3,
    })) {
      samples += step.maps.shape[0] as number;
    }
    expect(samples).toBe(12);
  });

  test('names of any letters, long ones beside short ones, relative ones, links', async () => {
    const folder = join(directory, 'ä ö', '漢字 [1]');
    await mkdir(folder, { recursive: true });
    const bytes = await readFile(fixture('rgb.png'));
    const names = ['a', `${'long '.repeat(30)}.png`, ' blank ', '🎈.jpg', 'line\nbreak'];
    for (const name of names) await writeFile(join(folder, name), bytes);
    await symlink(join(folder, 'a'), join(folder, 'link'));
    const model = await load();
    const paths = [...names, 'link'].map((name) => join(folder, name));
    const explain = (files: ke.data.ImageFiles) => ke.explain(look, model, files, null, LOOK);
    await expectEqual(explain, await both([...paths, 'demo/images/01-digit-0.png']));
  });

  test.each<[string, string, () => Promise<unknown> | unknown, object, object]>([
    ['a missing file', 'missing.png', () => undefined, {}, { code: 'NOT_FOUND' }],
    [
      'no picture',
      'text.png',
      (p = here('text.png')) => writeFile(p, 'no picture'),
      {},
      { code: 'DATA_LOSS' },
    ],
    ['an empty file', 'empty.png', (p = here('empty.png')) => writeFile(p, ''), {}, { code: 'DATA_LOSS' }],
    ['a truncated JPEG', 'cut.jpg', () => cut('rgb.jpg', 'cut.jpg'), {}, { code: 'DATA_LOSS' }],
    ['a truncated PNG', 'cut.png', () => cut('rgb.png', 'cut.png'), {}, { code: 'DATA_LOSS' }],
    ['a truncated GIF', 'cut.gif', () => cut('still.gif', 'cut.gif'), {}, { code: 'DATA_LOSS' }],
    ['a truncated BMP', 'cut.bmp', () => cut('rgb.bmp', 'cut.bmp'), {}, { code: 'DATA_LOSS' }],
    ['a BMP of palette colours', 'palette.bmp', () => copy('palette.bmp'), {}, { code: 'UNIMPLEMENTED' }],
    ['a directory', 'folder.png', () => mkdir(here('folder.png')), {}, { code: 'FAILED_PRECONDITION' }],
    [
      'a pipe',
      'pipe.png',
      () => execFileSync('mkfifo', [here('pipe.png')]),
      {},
      { code: 'FAILED_PRECONDITION' },
    ],
    [
      'a large file',
      'large.png',
      () => copy('rgb.png', 'large.png'),
      { maxBytes: 50 },
      { code: 'OUT_OF_RANGE' },
    ],
  ])('%s is an error that names it', async (_, name, make, options, expected) => {
    await make();
    const model = await load();
    const good = fixture('rgb.png');
    const small = 'maxBytes' in options ? [] : [good, good];
    const [, files] = await both([...small, here(name)], options);
    const error = await ke.explain(look, model, files, null, LOOK).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'ImageError', ...expected });
    expect((error as Error).message).toContain(`${here(name)}: `);
  });

  test.each(['png', 'jpg', 'gif', 'bmp'])(
    'a %s that declares too many pixels is not decoded',
    async (format) => {
      const name = here(`huge.${format}`);
      const bytes = await readFile(fixture(format === 'gif' ? 'still.gif' : `rgb.${format}`));
      await writeFile(name, declaring(bytes, format, 20_000));
      const model = await load();
      const [, files] = await both([fixture('rgb.png'), name]);
      await expect(ke.explain(look, model, files, null, LOOK)).rejects.toMatchObject({
        code: 'OUT_OF_RANGE',
        message: expect.stringMatching(/huge.*The picture declares 20000 x 20000 pixels/),
      });
      const [, strict] = await both([fixture('rgb.png')], { maxPixels: 467 });
      await expect(ke.explain(look, model, strict, null, LOOK)).rejects.toThrow(/26 x 18/);
      const [, enough] = await both([fixture('rgb.png')], { maxPixels: 468 });
      await ke.explain(look, model, enough, null, LOOK);
    },
  );

  test('counts all frames of a GIF', async () => {
    const bytes = await readFile(fixture('animated.gif'));
    const frames = framesOf(bytes);
    expect(frames.length).toBeGreaterThan(1);
    const last = frames.at(-1) as number;
    bytes.writeUInt16LE(9000, last + 5);
    bytes.writeUInt16LE(9000, last + 7);
    await writeFile(here('late.gif'), bytes);
    const model = await load();
    const [off, files] = await both([here('late.gif')]);
    for (const each of [off, files]) {
      await expect(ke.explain(look, model, each, null, LOOK)).rejects.toThrow('declares 9000 x 9000 pixels');
    }
    const {
      width,
      height,
      framePixels = 0,
    } = ke.image.readImageHeader(await readFile(fixture('animated.gif')));
    expect(framePixels).toBe(width * height * frames.length);
    for (const maxPixels of [width * height - 1, width * height]) {
      const [off, file] = await both([fixture('animated.gif')], { maxPixels });
      const run = async (each: ke.data.ImageFiles) =>
        ke.explain(look, model, each, null, LOOK).then(
          () => 'read',
          (error: ke.KerasExplainableError) => error.code,
        );
      expect(await run(off)).toBe(maxPixels < width * height ? 'OUT_OF_RANGE' : 'read');
      expect(await run(file)).toBe(await run(off));
    }
  });

  test('files with a wrong byte give the same result or the same error both ways', async () => {
    const model = await load();
    let seed = 777;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return (seed >> 8) % below;
    };
    const outcomes = new Set<string>();
    for (let i = 0; i < 130; i++) {
      const source = FORMATS[i % FORMATS.length] as string;
      const bytes = await readFile(source);
      // Headers are worth more of them than pixels.
      bytes[random(i % 2 === 0 ? 64 : bytes.length)] = random(256);
      const name = here(`wrong-${i}${source.slice(source.lastIndexOf('.'))}`);
      await writeFile(name, bytes);
      const found: string[] = [];
      for (const files of await both([name], { maxPixels: 1e6 })) {
        const outcome = await ke.explain(look, model, files, null, LOOK).then(
          ({ maps }) => {
            const pixels = bytesOf(maps as ke.Tensor).toString('base64');
            (maps as ke.Tensor).release();
            return pixels;
          },
          ({ code, message }: ke.KerasExplainableError) => `${code}: ${message}`,
        );
        found.push(outcome);
      }
      expect(found[1]).toBe(found[0]);
      outcomes.add(/^[A-Z_]+(?=: )/.exec(found[0] as string)?.[0] ?? 'read');
    }
    expect([...outcomes]).toEqual(expect.arrayContaining(['read', 'DATA_LOSS']));
  });

  test('over devices, whose graphs have them written on their ops', async () => {
    const model = await load({ strategy: ke.distribute.mirrored({ devices: ['CPU:0', 'CPU:1'] }) });
    const files = await both(FORMATS);
    await expectEqual((x) => ke.gradcam(model, x, null, { verbose: 0 }), files);
    expect(model.strategy.status().every(({ shards }) => shards > 0)).toBe(true);
  });

  test('a model with a fixed batch size takes only that size', async () => {
    const fixed = {
      inputs: [{ name: 'image', dtype: 'float32', shape: [4, null, null, 3] }],
      outputs: [{ name: 'logits', dtype: 'float32', shape: [4, 10] }],
    } as const;
    const [, right] = await both(FORMATS.slice(0, 8));
    expect(ke.engine.makeDataHandler(fixed, right).inferredSteps).toBe(2);
    const [, last] = await both(FORMATS.slice(0, 7));
    expect(() => ke.engine.makeDataHandler(fixed, last)).toThrow('a multiple of 4 samples');
    const [, each] = await both(FORMATS.slice(0, 8), { batchSize: 2 });
    expect(() => ke.engine.makeDataHandler(fixed, each)).toThrow('a multiple of 4 samples');
  });

  test('a model that checks every value', async () => {
    const model = await load({ runEagerly: true });
    const files = await both(FORMATS);
    await expectEqual((x) => ke.gradcam(model, x, null, { verbose: 0 }), files);
  });

  test('progress and signal', async () => {
    const model = await load();
    const [, files] = await both(PICTURES, { batchSize: 30 });
    const seen: { done: number; total: number }[] = [];
    await ke.gradcam(model, files, unitsOf(files), { verbose: 0, onProgress: (at) => void seen.push(at) });
    expect(seen.at(-1)).toMatchObject({ step: 0, done: 30, total: 30 });
    const signal = AbortSignal.abort();
    await expect(ke.gradcam(model, files, null, { verbose: 0, signal })).rejects.toThrow(ke.CancelledError);
  });

  test('the steps before a damaged picture are kept', async () => {
    await writeFile(here('late.png'), 'no picture');
    const model = await load();
    const good = fixture('rgb.png');
    const [, files] = await both([good, good, good, here('late.png')], { batchSize: 1 });
    const error = await ke.explain(look, model, files, null, LOOK).catch((thrown: unknown) => thrown);
    expect((error as Error).message).toContain('late.png');
    expect(ke.finishedSteps(error)).toMatchObject({ steps: 3, samples: 3 });
  });

  test('an error of the method is not changed', async () => {
    const model = await load();
    const [, files] = await both(PICTURES);
    const bad = (args: ke.MethodArguments) => {
      const size = ke.graph.ops.size(args.inputs);
      return { logits: args.model(args.inputs)[0], maps: ke.graph.ops.reshape(args.inputs, [-1, size]) };
    };
    const error = await ke.explain(bad, model, files, null, LOOK).catch((thrown: unknown) => thrown);
    expect(error).not.toMatchObject({ name: 'ImageError' });
    expect(error).toBeInstanceOf(ke.KerasExplainableError);
  });

  test('refuses invalid combinations of options', async () => {
    await expect(ke.data.imageFiles(PICTURES, { autoShard: 'file' })).rejects.toThrow('`size`');
    await expect(ke.data.imageFiles(PICTURES, { autoShard: 'data' as never })).rejects.toThrow('file, off');
    await expect(ke.data.imageFiles(['a\0b'])).rejects.toThrow('`pathsOrGlob[0]`');
    const model = await load();
    const [, grey] = await both(PICTURES, { channels: 1 });
    await expect(ke.explain(look, model, grey, null, LOOK)).rejects.toThrow('axis 3 must be 3');
    const [, files] = await both(PICTURES);
    await expect(ke.explain(look, model, files, null, { ...LOOK, batchSize: 3 })).rejects.toThrow(
      '`batchSize`',
    );
    await expect(ke.explain(look, model, files, [[1]], LOOK)).rejects.toThrow('`y`');
    await expect(ke.explain(look, model, files, null, { ...LOOK, steps: 9 })).rejects.toThrow('`steps`');
  });
});

async function cut(name: string, as: string): Promise<void> {
  const bytes = await readFile(fixture(name));
  await writeFile(here(as), bytes.subarray(0, bytes.length / 2));
}

/** Returns the file with another size in its header. */
function declaring(bytes: Buffer, format: string, size: number): Buffer {
  if (format === 'png') {
    bytes.writeUInt32BE(size, 16);
    bytes.writeUInt32BE(size, 20);
  } else if (format === 'gif') {
    // The size of the frame counts. The size of the screen stays unchanged.
    const frame = framesOf(bytes)[0] as number;
    bytes.writeUInt16LE(size, frame + 5);
    bytes.writeUInt16LE(size, frame + 7);
  } else if (format === 'bmp') {
    bytes.writeInt32LE(size, 18);
    bytes.writeInt32LE(-size, 22);
  } else {
    const frame = bytes.indexOf(Buffer.from([0xff, 0xc0]));
    bytes.writeUInt16BE(size, frame + 5);
    bytes.writeUInt16BE(size, frame + 7);
  }
  return bytes;
}

/** Returns the positions of the frames of a GIF with a global colour table. */
function framesOf(bytes: Buffer): number[] {
  const found: number[] = [];
  let at = 13 + (3 << (((bytes[10] as number) & 7) + 1));
  while (bytes[at] === 0x21 || bytes[at] === 0x2c) {
    if (bytes[at] === 0x2c) found.push(at);
    const flags = bytes[at + 9] as number;
    const table = flags & 0x80 ? 3 << ((flags & 7) + 1) : 0;
    at += bytes[at] === 0x2c ? 11 + table : 2;
    while ((bytes[at] as number) > 0) at += (bytes[at] as number) + 1;
    at += 1;
  }
  return found;
}
