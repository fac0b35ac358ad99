import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../../../lib/keras/config.js';
import { halvesToFloats } from '../../../lib/keras/formats/half_floats.js';
import { readManifest } from '../../../lib/keras/formats/tfjs_manifest.js';
import { TfjsWeights } from '../../../lib/keras/formats/tfjs_weights.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tfjs-weights-'));
});
afterAll(() => rm(directory, { recursive: true }));

/** Writes one group of shards and returns the opened weights. */
async function open(weights: Json[], ...shards: Uint8Array[]): Promise<TfjsWeights> {
  const paths = shards.map((_, i) => `shard${i}.bin`);
  for (const [i, shard] of shards.entries()) await writeFile(join(directory, `shard${i}.bin`), shard);
  return TfjsWeights.open(readManifest([{ paths, weights }], 'model.json'), directory);
}

async function bytesOf(weights: TfjsWeights, index: number): Promise<Uint8Array> {
  const weight = weights.weights[index];
  if (weight === undefined) throw new Error('no such weight');
  const pieces: Uint8Array[] = [];
  let expected = 0;
  await weights.read(weight, (bytes, offset) => {
    expect(offset).toBe(expected);
    expected += bytes.byteLength;
    pieces.push(bytes);
  });
  return Buffer.concat(pieces);
}

const floats = (bytes: Uint8Array) => new Float32Array(new Uint8Array(bytes).buffer);
const raw = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

describe('the weights of a TensorFlow.js model', () => {
  test('are read across shards that end within an element', async () => {
    const values = Float32Array.of(1.5, -2, 3e-9, 7);
    const counts = Int32Array.of(-5, 6);
    const all = Buffer.concat([raw(values), raw(counts)]);
    const weights = await open(
      [
        { name: 'a', shape: [2, 2], dtype: 'float32' },
        { name: 'b', shape: [2], dtype: 'int32' },
      ],
      all.subarray(0, 6),
      all.subarray(6, 17),
      all.subarray(17),
    );
    expect(floats(await bytesOf(weights, 0))).toEqual(values);
    expect(new Int32Array(new Uint8Array(await bytesOf(weights, 1)).buffer)).toEqual(counts);
    await weights.close();
  });

  test('are dequantised as the converter does', async () => {
    const weights = await open(
      [
        { name: 'u8', shape: [3], dtype: 'float32', quantization: { dtype: 'uint8', scale: 0.1, min: -1 } },
        { name: 'u16', shape: [2], dtype: 'int32', quantization: { dtype: 'uint16', scale: 0.5, min: -3 } },
        { name: 'f16', shape: [2], dtype: 'float32', quantization: { dtype: 'float16' } },
        { name: 'flags', shape: [3], dtype: 'bool' },
      ],
      Uint8Array.of(0, 10, 255),
      raw(Uint16Array.of(3, 65535)),
      raw(Uint16Array.of(0x3c00, 0xb266)),
      Uint8Array.of(0, 1, 7),
    );
    expect(weights.weights.map(({ dtype }) => dtype)).toEqual(['float32', 'int32', 'float32', 'bool']);
    expect(floats(await bytesOf(weights, 0))).toEqual(Float32Array.of(-1, 10 * 0.1 - 1, 255 * 0.1 - 1));
    expect(new Int32Array(new Uint8Array(await bytesOf(weights, 1)).buffer)).toEqual(
      Int32Array.of(-1, 32765),
    );
    expect(floats(await bytesOf(weights, 2))).toEqual(Float32Array.of(1, -0.199951171875));
    expect([...(await bytesOf(weights, 3))]).toEqual([0, 1, 1]);
  });

  test('larger than one piece are equal in every element', async () => {
    const quantised = Uint8Array.from({ length: 2_500_001 }, (_, i) => (i * 31) % 251);
    const quantization = { dtype: 'uint8', scale: 2, min: -100 };
    const weights = await open(
      [{ name: 'w', shape: [2_500_001], dtype: 'float32', quantization }],
      quantised,
    );
    expect(
      Buffer.compare(await bytesOf(weights, 0), raw(Float32Array.from(quantised, (v) => v * 2 - 100))),
    ).toBe(0);
  });

  test('of strings are followed by the next weight', async () => {
    const words = ['cat', '', 'über'].map((word) => Buffer.from(word));
    const lengths = words.map((word) => raw(Uint32Array.of(word.length)));
    const stored = Buffer.concat([
      ...words.flatMap((word, i) => [lengths[i] as Uint8Array, word]),
      raw(Float32Array.of(9)),
    ]);
    const weights = await open(
      [
        { name: 'words', shape: [3], dtype: 'string' },
        { name: 'after', shape: [], dtype: 'float32' },
      ],
      stored,
    );
    const found = await weights.strings(weights.weights[0] as (typeof weights.weights)[0]);
    expect(found.map((bytes) => Buffer.from(bytes).toString())).toEqual(['cat', '', 'über']);
    expect(floats(await bytesOf(weights, 1))).toEqual(Float32Array.of(9));
  });

  test('of a truncated shard are refused before they are read', async () => {
    const opened = open([{ name: 'kernel', shape: [3, 3], dtype: 'float32' }], new Uint8Array(35));
    await expect(opened).rejects.toThrow(/truncated: 'kernel' \[3, 3\] of float32 .* \(35 bytes\)/);
    await expect(
      open([{ name: 's', shape: [2], dtype: 'string' }], Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 0)),
    ).rejects.toThrow(/truncated/);
    await expect(
      open([{ name: 'huge', shape: [2 ** 40], dtype: 'float32' }], new Uint8Array(8)),
    ).rejects.toThrow(/truncated/);
  });

  test('in a missing file or a directory are refused', async () => {
    await mkdir(join(directory, 'folder'));
    const groups = (path: string) => readManifest([{ paths: [path], weights: [] }], 'model.json');
    await expect(TfjsWeights.open(groups('absent.bin'), directory)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await expect(TfjsWeights.open(groups('folder'), directory)).rejects.toMatchObject({ name: 'ModelError' });
  });
});

describe('a weights manifest', () => {
  test.each(['../secret', '/etc/passwd', 'a/../../b', '', '..', 'a\0b', 7, null])(
    'with the path %j is refused',
    (path) => {
      expect(() => readManifest([{ paths: [path], weights: [] }], 'model.json')).toThrow(
        expect.objectContaining({ code: 'DATA_LOSS' }),
      );
    },
  );

  const weight = { name: 'w', shape: [2], dtype: 'float32' };
  test.each<[string, Json]>([
    ['no list', {}],
    ['a group that is no object', [3]],
    ['no paths', [{ weights: [] }]],
    ['a weight without a name', [{ paths: [], weights: [{ ...weight, name: 1 }] }]],
    ['a name twice', [{ paths: [], weights: [weight, weight] }]],
    ['a negative size', [{ paths: [], weights: [{ ...weight, shape: [-1] }] }]],
    ['a size that is no number', [{ paths: [], weights: [{ ...weight, shape: ['2'] }] }]],
    ['a rank of 300', [{ paths: [], weights: [{ ...weight, shape: new Array(300).fill(1) }] }]],
    [
      'more elements than numbers count',
      [{ paths: [], weights: [{ ...weight, shape: [2 ** 30, 2 ** 30] }] }],
    ],
    ['an inherited dtype', [{ paths: [], weights: [{ ...weight, dtype: 'toString' }] }]],
    ['an unknown quantisation', [{ paths: [], weights: [{ ...weight, quantization: { dtype: 'int4' } }] }]],
    ['no scale', [{ paths: [], weights: [{ ...weight, quantization: { dtype: 'uint8', min: 0 } }] }]],
    [
      'halves of integers',
      [{ paths: [], weights: [{ ...weight, dtype: 'int32', quantization: { dtype: 'float16' } }] }],
    ],
  ])('with %s is refused', (_, manifest) => {
    expect(() => readManifest(manifest, 'model.json')).toThrow(/weights manifest of model.json is damaged/);
  });
});

test('half floats are widened exactly', () => {
  const bits = Uint16Array.of(0x0000, 0x8000, 0x0001, 0x03ff, 0x0400, 0x7bff, 0x7c00, 0xfc00, 0x3555);
  const expected = [0, -0, 2 ** -24, 1023 * 2 ** -24, 2 ** -14, 65504, Infinity, -Infinity, 0.333251953125];
  expect([...halvesToFloats(bits)]).toEqual(expected);
  expect(halvesToFloats(Uint16Array.of(0x7e00))[0]).toBeNaN();
});
