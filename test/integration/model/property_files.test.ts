/**
 * Pictures and arrays in files that are cut, bent or lie: what is right of them, or a typed error; and what is no file.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as ke from '../../../lib/index.js';
import { bits, outcomeOf, PATIENCE, runs } from './hostile_models.js';

const fixtures = (name: string) => fileURLToPath(new URL(`../../fixtures/${name}/`, import.meta.url));
const filesIn = (name: string, ending: RegExp) =>
  readdirSync(fixtures(name))
    .filter((file) => ending.test(file))
    .map((file) => ({ file, bytes: readFileSync(join(fixtures(name), file)) }));
const PICTURES = filesIn('images', /\.(png|jpg|gif|bmp)$/);
const ARRAYS = filesIn('npy', /\.npy$/);
const ARCHIVES = filesIn('npy', /\.npz$/);
const MOST = 2 ** 16;

let directory: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'keras-explainable-'));
  await ke.ready();
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Decodes a copy: a picture within the bounds, the same again, or an ImageError. The bytes stay as they are. */
async function decodeSafely(bytes: Uint8Array): Promise<void> {
  const before = Buffer.from(bytes);
  const outcome = await outcomeOf(() => ke.image.decodeImage(bytes, { maxPixels: MOST }));
  expect(before.equals(bytes), 'left as they are').toBe(true);
  if ('error' in outcome) {
    expect(outcome.error).toBeInstanceOf(ke.ImageError);
    return;
  }
  const [n, height = 0, width = 0, channels] = outcome.value.shape;
  expect([n, channels]).toEqual([1, 3]);
  expect(height * width).toBeLessThanOrEqual(MOST);
  // Nothing of it is memory that nobody wrote.
  expect(bits(await ke.image.decodeImage(bytes, { maxPixels: MOST }))).toBe(bits(outcome.value));
}

/** One of `files`, changed in places, cut or spliced. */
const bent = (files: readonly { readonly bytes: Buffer }[]) =>
  fc
    .tuple(
      fc.constantFrom(...files),
      fc.array(fc.tuple(fc.nat(), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, -1)), { maxLength: 6 }),
      fc.option(fc.nat()),
      fc.option(fc.tuple(fc.nat(), fc.uint8Array({ maxLength: 16 }))),
      fc.boolean(),
    )
    .map(([{ bytes }, flips, cut, splice, early]) => {
      let made = Buffer.from(bytes);
      for (const [at, value] of flips) {
        // Headers are where lies are.
        const place = at % (early ? Math.min(64, made.length) : made.length);
        made[place] = value === -1 ? (made[place] as number) ^ (1 << (at % 8)) : value;
      }
      if (splice !== null) {
        const at = splice[0] % made.length;
        made = Buffer.concat([made.subarray(0, at), splice[1], made.subarray(at)]);
      }
      return cut === null ? made : made.subarray(0, cut % (made.length + 1));
    });

describe('pictures', () => {
  it(
    'bent, cut and spliced',
    async () => {
      await fc.assert(fc.asyncProperty(bent(PICTURES), decodeSafely), runs(250));
    },
    PATIENCE,
  );

  it.each(['grey.png', 'grey.jpg', 'still.gif', 'grey.bmp'])(
    '%s, cut at each of its bytes',
    async (name) => {
      const { bytes } = PICTURES.find(({ file }) => file === name) as { bytes: Buffer };
      for (let length = 0; length < bytes.length; length += bytes.length > 1200 ? 7 : 1) {
        await decodeSafely(bytes.subarray(0, length));
      }
    },
    PATIENCE,
  );

  const declaring = (name: string, change: (bytes: Buffer) => unknown) => {
    const bytes = Buffer.from((PICTURES.find(({ file }) => file === name) as { bytes: Buffer }).bytes);
    change(bytes);
    return bytes;
  };
  const gifFrameOf = (bytes: Buffer) => bytes.indexOf(Buffer.from([0x2c, 0, 0, 0, 0, 26, 0, 18, 0]));
  const frameOf = (bytes: Buffer) => bytes.indexOf(Buffer.from([0xff, 0xc0]));
  it.each<[string, Buffer]>([
    ['PNG', declaring('rgb.png', (b) => b.writeUInt32BE(100_000, b.writeUInt32BE(100_000, 16)))],
    ['PNG of 2^32 - 1', declaring('rgb.png', (b) => b.fill(0xff, 16, 24))],
    ['JPEG', declaring('rgb.jpg', (b) => b.fill(0xff, frameOf(b) + 5, frameOf(b) + 9))],
    ['GIF', declaring('still.gif', (b) => b.fill(0xff, gifFrameOf(b) + 5, gifFrameOf(b) + 9))],
    ['BMP', declaring('rgb.bmp', (b) => b.writeInt32LE(100_000, b.writeInt32LE(100_000, 18)))],
  ])('a %s that declares 100,000 x 100,000 pixels or as many as it can', async (_, bytes) => {
    await expect(ke.image.decodeImage(bytes)).rejects.toMatchObject({
      name: 'ImageError',
      code: 'OUT_OF_RANGE',
    });
    // As TensorFlow would answer without our bound; a BMP's size is checked against its bytes there.
    const unbound = await outcomeOf(() => ke.image.decodeImage(bytes, { maxPixels: 2 ** 50 }));
    expect('error' in unbound).toBe(true);
  });

  it('whose header another thread, or the caller, changes after it was checked', async () => {
    const { bytes } = PICTURES.find(({ file }) => file === 'rgb.png') as { bytes: Buffer };
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
    shared.set(bytes);
    const script = `const { workerData: shared } = require('node:worker_threads');
      const view = new DataView(shared.buffer);
      for (;;) for (const [width, height] of [[100000, 100000], [26, 18]]) {
        view.setUint32(16, width);
        view.setUint32(20, height);
      }`;
    const writer = new Worker(script, { eval: true, workerData: shared });
    for (let i = 0; i < 60; i++) {
      const outcome = await outcomeOf(() => ke.image.decodeImage(shared));
      if ('error' in outcome) expect(outcome.error).toBeInstanceOf(ke.ImageError);
    }
    await writer.terminate();
    const mine = Buffer.from(bytes);
    const call = ke.image.decodeImage(mine);
    mine.writeUInt32BE(100_000, mine.writeUInt32BE(100_000, 16));
    await expect(call).rejects.toMatchObject({ name: 'ImageError', code: 'OUT_OF_RANGE' });
  });
});

describe('.npy and .npz', () => {
  const readSafely = async (bytes: Buffer, ending: 'npy' | 'npz') => {
    const path = join(directory, `bent.${ending}`);
    writeFileSync(path, bytes);
    const { readNpy, readNpz } = ke.data;
    const read = async () => (ending === 'npy' ? [await readNpy(path)] : Object.values(await readNpz(path)));
    const outcome = await outcomeOf(read);
    if ('error' in outcome) expect(outcome.error).toBeInstanceOf(ke.DataError);
    else expect((await read()).map(bits)).toEqual(outcome.value.map(bits));
  };

  it(
    'bent, cut and spliced',
    async () => {
      await fc.assert(
        fc.asyncProperty(bent(ARRAYS), (bytes) => readSafely(bytes, 'npy')),
        runs(200),
      );
      await fc.assert(
        fc.asyncProperty(bent(ARCHIVES), (bytes) => readSafely(bytes, 'npz')),
        runs(80),
      );
    },
    PATIENCE,
  );

  const headed = (text: string) => {
    const padded = Buffer.from(`${text}\n`, 'latin1');
    const length = Buffer.from([padded.length & 0xff, padded.length >> 8]);
    return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), length, padded, Buffer.alloc(32)]);
  };

  it(
    'headers that lie',
    async () => {
      const size = fc.constantFrom(
        '1',
        '2',
        '8',
        '-1',
        '0',
        '4294967296',
        '9007199254740993',
        '1e3',
        '2L',
        '1'.repeat(400),
        'x',
        '',
      );
      const shape = fc.oneof(
        fc.array(size, { maxLength: 6 }).map((sizes) => `(${sizes.join(', ')})`),
        fc.constantFrom(
          `(${'1,'.repeat(254)})`,
          `(${'1,'.repeat(255)})`,
          `(${'1,'.repeat(400)})`,
          '8',
          '[8]',
          'None',
          "__import__('os').abort()",
        ),
      );
      const descr = fc.constantFrom(
        "'<f4'",
        "'>f8'",
        "'|b1'",
        "'|O'",
        "'<U9'",
        "'<constructor'",
        "'<__proto__'",
        "'<f3'",
        "[('a', '<f4')]",
        '',
        '3',
      );
      const order = fc.constantFrom('True', 'False', 'true', '0', "'C'");
      await fc.assert(
        fc.asyncProperty(shape, descr, order, fc.nat(40), async (sizes, type, fortran, spaces) => {
          const text = `{'descr': ${type}, 'fortran_order': ${fortran}, 'shape': ${sizes}, }${' '.repeat(spaces)}`;
          await readSafely(headed(text), 'npy');
        }),
        runs(150),
      );
    },
    PATIENCE,
  );
});

describe('what is no file', () => {
  it('pipes, devices, folders and links in a circle are refused, and hold up nobody', async () => {
    const pipes = Array.from({ length: 8 }, (_, i) => join(directory, `pipe${i}`));
    execFileSync('mkfifo', pipes);
    symlinkSync(join(directory, 'circle'), join(directory, 'circle'));
    const readers = [ke.image.readImage, ke.data.readNpy, ke.data.readNpz, ke.data.npyFile] as const;
    // More than Node has threads for files: one that waited for a writer would be lost to all others.
    const refused = pipes.map((pipe, i) => outcomeOf<unknown>(() => readers[i % readers.length]?.(pipe)));
    for (const outcome of await Promise.all(refused)) {
      expect(outcome).toMatchObject({
        error: { code: 'FAILED_PRECONDITION', message: expect.stringContaining('regular file') },
      });
    }
    for (const read of readers) {
      await expect(read('/dev/zero')).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
      await expect(read(directory)).rejects.toMatchObject({ code: 'EISDIR' });
      await expect(read(join(directory, 'circle'))).rejects.toMatchObject({ code: 'ELOOP' });
    }
  });
});
