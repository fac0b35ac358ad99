/**
 * Damaged and hostile model files end in a ModelError. The readers run in this thread, without the thread that would
 * contain them, so an error of another class fails the test, and a loop without an end exceeds the test's time.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseObject } from '../../../lib/keras/formats/json_text.js';
import { type ModelFile, openReader } from '../../../lib/keras/formats/open_reader.js';
import { findSibling, isWithin } from '../../../lib/keras/formats/sibling_files.js';
import { ModelError } from '../../../lib/support/errors.js';

const FILES = fileURLToPath(new URL('../../fixtures/keras_files', import.meta.url));
const CONFIG = join(FILES, 'keras3/config.json');
const IGNORED = { begin: () => undefined, end: () => undefined };

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'damaged-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Opens the file and reads all arrays. Returns the number of their bytes. */
async function readAll(
  kind: ModelFile['kind'],
  path: string,
  architecture: string | null = null,
): Promise<number> {
  const reader = await openReader({ kind, path, architecture }, IGNORED);
  if (reader === 'graph-model') return 0;
  const { weights } = reader.index;
  const arrays =
    weights.layout === 'groups' ? [...weights.groups.values()].flat() : [...weights.arrays.values()];
  let bytes = 0;
  try {
    for (const array of arrays) await reader.read(array, (piece) => (bytes += piece.length));
  } finally {
    await reader.close();
  }
  return bytes;
}

/** Returns what reading the bytes ends in: 'read', or the code of a ModelError. Any other error is thrown. */
async function outcome(
  kind: ModelFile['kind'],
  bytes: Uint8Array,
  architecture: string | null,
): Promise<string> {
  const path = join(directory, 'file');
  writeFileSync(path, bytes);
  try {
    await readAll(kind, path, architecture);
    return 'read';
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    expect(error.message).toMatch(/\S.*\.$/s);
    return error.code;
  }
}

/** A generator of the same numbers in every run. */
function numbers(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state / 2 ** 32;
  };
}

/** A file whose attribute `model_config` is damaged counts as weights only, which is INVALID_ARGUMENT. */
const CODES = ['DATA_LOSS', 'OUT_OF_RANGE', 'UNIMPLEMENTED', 'INVALID_ARGUMENT'];

describe.each<[string, ModelFile['kind'], string | null]>([
  ['keras2/model.h5', 'hdf5', null],
  ['keras2/compressed.h5', 'hdf5', null],
  ['keras3/model.weights.h5', 'hdf5', CONFIG],
  ['keras3/model.keras', 'archive', null],
  ['keras3/deflated.keras', 'archive', null],
])('%s', (name, kind, architecture) => {
  const bytes = readFileSync(join(FILES, name));

  test('cut off anywhere is refused', async () => {
    const random = numbers();
    for (let i = 0; i < 60; i++) {
      const length = Math.floor(bytes.length * random());
      expect(CODES, `${length} bytes`).toContain(
        await outcome(kind, bytes.subarray(0, length), architecture),
      );
    }
  });

  test('with changed bytes is read or refused', { timeout: 120_000 }, async () => {
    const random = numbers();
    const outcomes = new Set<string>();
    for (let i = 0; i < 150; i++) {
      const changed = Buffer.from(bytes);
      for (let j = 0; j < 1 + 8 * random(); j++) {
        changed[Math.floor(changed.length * random())] = [0, 255, 256 * random()][
          Math.floor(3 * random())
        ] as number;
      }
      outcomes.add(await outcome(kind, changed, architecture));
    }
    for (const found of outcomes) expect([...CODES, 'read']).toContain(found);
    expect(outcomes).toContain('DATA_LOSS');
    // Most bytes of a HDF5 file are values without a checksum.
    if (kind === 'hdf5') expect(outcomes).toContain('read');
  });
});

test('changed weights in an archive are noticed by its checksum', async () => {
  const bytes = readFileSync(join(FILES, 'keras3/model.keras'));
  // The first element of the kernel at place 1 of the network: 1, 1.001, ...
  const kernel = Buffer.from(Float32Array.of(1, 1.001, 1.002).buffer);
  const at = bytes.indexOf(kernel);
  expect(at).toBeGreaterThan(0);
  bytes[at] = 7;
  const path = join(directory, 'changed.keras');
  writeFileSync(path, bytes);
  await expect(readAll('archive', path)).rejects.toThrow(/checksum of model\.weights\.h5 .* is wrong/);
});

/** A zip archive of stored members. `change` edits the headers of a member. */
function zip(members: readonly { name: string; data: string; change?: (central: Buffer) => void }[]): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let at = 0;
  for (const { name, data, change } of members) {
    const header = Buffer.alloc(46);
    header.writeUInt32LE(0x02014b50, 0);
    header.writeUInt16LE(20, 6);
    header.writeUInt32LE(crc32(data), 16);
    header.writeUInt32LE(data.length, 20);
    header.writeUInt32LE(data.length, 24);
    header.writeUInt16LE(name.length, 28);
    header.writeUInt32LE(at, 42);
    const local = Buffer.concat([
      Buffer.from('PK\x03\x04'),
      header.subarray(6, 30),
      Buffer.alloc(2),
    ]).subarray(0, 30);
    local.writeUInt16LE(name.length, 26);
    local.writeUInt16LE(0, 28);
    change?.(header);
    centrals.push(header, Buffer.from(name));
    locals.push(local, Buffer.from(name), Buffer.from(data));
    at += 30 + name.length + data.length;
  }
  const directoryBytes = Buffer.concat(centrals);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(directoryBytes.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...locals, directoryBytes, end]);
}

describe('an archive', () => {
  const config = { name: 'config.json', data: '{"class_name": "Sequential", "config": {"layers": []}}' };
  const metadata = { name: 'metadata.json', data: '{"keras_version": "3.0.0"}' };
  const weights = { name: 'model.weights.h5', data: 'no HDF5' };

  test.each<[string, Parameters<typeof zip>[0], RegExp]>([
    ['without weights', [config, metadata], /has no model\.weights\.h5/],
    ['without an architecture', [metadata, weights], /has no config\.json/],
    ['with a member twice', [config, config, metadata, weights], /two members with the name config\.json/],
    [
      'with weights that are no HDF5',
      [config, metadata, weights],
      /HDF5 file .*model\.weights\.h5.* is damaged/,
    ],
    [
      'with an empty architecture',
      [{ ...config, data: '{}' }, metadata, weights],
      /Expected a serialised Keras model/,
    ],
    [
      'with encryption',
      [
        {
          ...config,
          change: (header) => {
            header.writeUInt16LE(1, 8);
            // The header of an encrypted member takes 12 bytes.
            header.writeUInt32LE(config.data.length + 12, 20);
          },
        },
        metadata,
        weights,
      ],
      /config\.json .* is encrypted/,
    ],
    [
      'with another compression',
      [{ ...config, change: (header) => header.writeUInt16LE(14, 10) }, metadata, weights],
      /cannot be read: .*compression method/,
    ],
    [
      'with a member that is a bomb',
      [
        config,
        metadata,
        {
          ...weights,
          change: (header) => {
            header.writeUInt16LE(8, 10);
            header.writeUInt32LE(0xf0000000, 24);
          },
        },
      ],
      /declares 4026531840 bytes compressed to 7/,
    ],
    [
      'with a member behind the end',
      [
        config,
        metadata,
        {
          ...weights,
          change: (header) => {
            header.writeUInt32LE(100000, 20);
            header.writeUInt32LE(100000, 24);
          },
        },
      ],
      /truncated|cannot be read/,
    ],
    [
      'with weights of NumPy',
      [config, metadata, { ...weights, name: 'model.weights.npz' }],
      /Save the model again/,
    ],
  ])('%s is refused', async (_, members, message) => {
    const path = join(directory, 'archive.keras');
    writeFileSync(path, zip(members));
    await expect(readAll('archive', path)).rejects.toThrow(message);
    await expect(readAll('archive', path)).rejects.toBeInstanceOf(ModelError);
  });

  test('of several disks is refused', async () => {
    const bytes = zip([config, metadata, weights]);
    bytes.writeUInt16LE(1, bytes.length - 22 + 4);
    const path = join(directory, 'disks.keras');
    writeFileSync(path, bytes);
    await expect(readAll('archive', path)).rejects.toThrow(/multi-disk/);
  });
});

describe('a HDF5 file', () => {
  test.each([
    ['external_link', 'DATA_LOSS', /expected an array at \/model_weights\/dense\/kernel/],
    ['soft_link', 'DATA_LOSS', /too many links/],
    ['external_storage', 'DATA_LOSS', /unable to open external raw data file/],
    ['virtual', 'DATA_LOSS', /lies in other files/],
    ['bomb', 'DATA_LOSS', /compressed arrays up to .* declare 4398046511104 bytes/],
    ['huge_chunk', 'OUT_OF_RANGE', /has chunks of more than/],
    ['huge', 'DATA_LOSS', /has the shape \(1048576, 1048576, 1048576, 1048576\)/],
    ['not_allocated', 'DATA_LOSS', /declare 4194304 bytes but the file has/],
    ['text', 'UNIMPLEMENTED', /Expected integers, floats or booleans/],
    ['compound', 'UNIMPLEMENTED', /Expected integers, floats or booleans/],
    ['no_array', 'DATA_LOSS', /expected an array at/],
    ['null', 'DATA_LOSS', /is empty/],
    ['other', 'UNIMPLEMENTED', /holds no model of Keras/],
    ['no_weights', 'DATA_LOSS', /an architecture but no weights/],
  ])('with %s is refused', async (name, code, message) => {
    const reading = readAll('hdf5', join(FILES, `hostile/${name}.h5`));
    await expect(reading).rejects.toMatchObject({
      name: 'ModelError',
      code,
      message: expect.stringMatching(message),
    });
  });

  test('whose groups lie within themselves is refused', async () => {
    await expect(readAll('hdf5', join(FILES, 'hostile/circle.h5'), CONFIG)).rejects.toThrow(
      /more than 64 times/,
    );
  });
});

describe('weights in several files', () => {
  test.each([
    ['a file out of the directory', { a: '../model.weights.h5' }, /within the directory/],
    ['an absolute path', { a: '/etc/passwd' }, /within the directory/],
    ['a file that is missing', { a: 'absent.h5' }, /cannot be found/],
    ['a name that is no text', { a: 3 }, /has no name/],
    [
      'too many files',
      Object.fromEntries(Array.from({ length: 300 }, (_, i) => [i, `${i}.h5`])),
      /names 300 files/,
    ],
  ])('%s are refused', async (_, map, message) => {
    const path = join(directory, 'model.weights.json');
    writeFileSync(path, JSON.stringify({ metadata: {}, weight_map: map }));
    await expect(readAll('shards', path, CONFIG)).rejects.toThrow(message);
  });
});

describe('a name of a file beside the model', () => {
  test.each(['a.bin', 'group1-shard1of2.bin', 'folder/a.bin', './a.bin', 'a..b', '100%', 'a b', 'ü.bin'])(
    '%j is within the directory',
    (name) => expect(isWithin(name)).toBe(true),
  );

  test.each([
    ...['', '..', '../a', 'a/../../b', '/a', 'C:\\a', 'c:/a', 'a\\..\\b', 'https://example.com/a', 'a\0b'],
    ...[
      '%2e%2e/a',
      '..%2fa',
      '%2Fetc/passwd',
      '%252e%252e/a',
      'a/%2e%2e/%2e%2e/b',
      'a%5c..%5cb',
      'x'.repeat(5000),
    ],
  ])('%j is not', (name) => expect(isWithin(name)).toBe(false));

  test('that leads to a directory or to nothing is refused', async () => {
    await expect(findSibling(FILES, 'keras2', 'model.json')).rejects.toThrow(/no regular file/);
    await expect(findSibling(FILES, 'absent', 'model.json')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('a JSON text', () => {
  test('may have the numbers that Python writes', () => {
    const text = '{"a": NaN, "b": [Infinity, -Infinity], "c": "NaN, \\"Infinity\\""}';
    expect(parseObject(text, 'x')).toEqual({ a: null, b: [Infinity, -Infinity], c: 'NaN, "Infinity"' });
  });

  test.each([
    ['[1]', /Expected an object in x/],
    ['{"a": }', /x is no JSON text/],
    ['', /x is no JSON text/],
    [`${'{"a":'.repeat(600)}1${'}'.repeat(600)}`, /nests more than 512/],
    [`{"a": ${'['.repeat(1_000_000)}`, /nests more than 512/],
  ])('is refused: %.20s', (text, message) => {
    expect(() => parseObject(text, 'x')).toThrow(message);
  });

  test('counts brackets of texts as no depth', () => {
    expect(parseObject(`{"a": "${'['.repeat(1000)}\\""}`, 'x')).toHaveProperty('a');
  });
});
