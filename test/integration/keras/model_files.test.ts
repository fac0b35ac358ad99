/**
 * Files of every format, read on a thread, and their arrays assigned to the layers.
 * scripts/fixtures/make_keras_files.py makes the files: the first element of an array tells which variable the array
 * is.
 */
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { cp, mkdir, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assignWeights } from '../../../lib/keras/assign_weights.js';
import { openModelFile } from '../../../lib/keras/formats/open_model_file.js';
import { openOnThread } from '../../../lib/keras/formats/threaded_model_file.js';
import type { LayerNode } from '../../../lib/keras/layer_node.js';
import type { KerasModelFile } from '../../../lib/keras/model_file.js';
import { readArchitecture } from '../../../lib/keras/read_architecture.js';
import type { StoredArray } from '../../../lib/keras/stored_weights.js';

const FILES = fileURLToPath(new URL('../../fixtures/keras_files', import.meta.url));

interface Expected {
  readonly version: string;
  readonly weights: Readonly<Record<string, { readonly shape: readonly number[]; readonly first: number }>>;
}

const expectedOf = (keras: string): Expected =>
  JSON.parse(readFileSync(join(FILES, keras, 'expected.json'), 'utf8')) as Expected;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'keras-files-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

async function open(path: string, architecture?: string): Promise<KerasModelFile> {
  const file = await openModelFile(path, architecture === undefined ? {} : { architecture });
  if (file === null || !('architecture' in file)) throw new Error(`${path} is no model file`);
  return file;
}

/** Returns the bytes of arrays. Checks that the pieces of each come in order and without gaps. */
async function read(file: KerasModelFile, arrays: readonly StoredArray[]): Promise<Map<StoredArray, Buffer>> {
  const pieces = new Map<StoredArray, Buffer>(arrays.map((array) => [array, Buffer.alloc(0)]));
  await file.readArrays(arrays, (array, bytes, offset) => {
    const before = pieces.get(array) as Buffer;
    expect(offset).toBe(before.length);
    pieces.set(array, Buffer.concat([before, bytes]));
  });
  return pieces;
}

/** Returns the nodes below a model by their paths, as expected.json names them. */
function* nodesOf(root: LayerNode, path = ''): Generator<readonly [string, LayerNode]> {
  for (const layer of root.model?.layers ?? []) {
    yield [`${path}${layer.name}`, layer];
    yield* nodesOf(layer, `${path}${layer.name}/`);
  }
}

/** Returns the first element and the shape of every variable of the layers. */
async function variablesOf(file: KerasModelFile): Promise<Expected['weights']> {
  const root = readArchitecture(file.architecture);
  const assigned = assignWeights(root, file);
  const bytes = await read(
    file,
    [...assigned.values()].flatMap((weights) => Object.values(weights)),
  );
  const found: Record<string, Expected['weights'][string]> = {};
  for (const [path, node] of nodesOf(root)) {
    for (const [name, array] of Object.entries(assigned.get(node) ?? {})) {
      const value = bytes.get(array) as Buffer;
      expect(array.dtype).toBe('float32');
      expect(value.length).toBe(4 * array.shape.reduce((product, size) => product * size, 1));
      found[`${path}.${name}`] = { shape: array.shape, first: value.readFloatLE() };
    }
  }
  return found;
}

describe('a file of Keras has the variables of each layer', () => {
  test.each([
    ['keras2/model.keras', 'tree', 'a Keras file (.keras)'],
    ['keras2/model.h5', 'groups', 'an HDF5 file of Keras (.h5)'],
    ['keras2/compressed.h5', 'groups', 'an HDF5 file of Keras (.h5)'],
    ['keras2/split_names.h5', 'groups', 'an HDF5 file of Keras (.h5)'],
    ['keras2/tfjs-float32/model.json', 'flat', 'a TensorFlow.js layers model (model.json)'],
    ['keras2/tfjs-float32', 'flat', 'a TensorFlow.js layers model (model.json)'],
    ['keras3/model.keras', 'tree', 'a Keras file (.keras)'],
    ['keras3/deflated.keras', 'tree', 'a Keras file (.keras)'],
    ['keras3/unpacked', 'tree', 'an unpacked Keras file'],
    ['keras3/model.h5', 'groups', 'an HDF5 file of Keras (.h5)'],
    ['keras3/tfjs', 'tree', 'a TensorFlow.js layers model (model.json)'],
  ])('%s', async (path, layout, format) => {
    const { version, weights } = expectedOf(dirname(path).split('/')[0] as string);
    const file = await open(join(FILES, path));
    expect(file).toMatchObject({ format, kerasVersion: version, weights: { layout } });
    expect(await variablesOf(file)).toEqual(weights);
    await file.close();
  });

  test.each([
    ['keras2/weights.h5', 'groups', '2.12.0'],
    ['keras2/model.weights.h5', 'tree', '2.12.0'],
    ['keras3/model.weights.h5', 'tree', '3'],
    ['keras3/sharded/model.weights.json', 'tree', '3'],
  ])('%s, with the architecture', async (path, layout, version) => {
    const keras = path.split('/')[0] as string;
    const file = await open(join(FILES, path), join(FILES, keras, 'config.json'));
    expect(file).toMatchObject({ kerasVersion: version, weights: { layout } });
    expect(await variablesOf(file)).toEqual(expectedOf(keras).weights);
    await file.close();
  });

  test.each([
    ['uint8', 1 / 255],
    ['uint16', 1 / 65535],
    ['float16', 2 ** -11],
  ])('of TensorFlow.js, quantised to %s', async (dtype, precision) => {
    const file = await open(join(FILES, `keras2/tfjs-${dtype}`));
    const found = await variablesOf(file);
    const { weights } = expectedOf('keras2');
    expect(Object.keys(found).sort()).toEqual(Object.keys(weights).sort());
    for (const [name, { shape, first }] of Object.entries(weights)) {
      expect(found[name]?.shape).toEqual(shape);
      expect(Math.abs((found[name]?.first as number) - first)).toBeLessThanOrEqual(first * precision);
    }
    await file.close();
  });

  test('bfloat16 stays bfloat16', async () => {
    const file = await open(join(FILES, 'keras3/bfloat16.keras'));
    const [kernel] = [...assignWeights(readArchitecture(file.architecture), file).values()].map(
      ({ kernel }) => kernel,
    );
    expect(kernel).toMatchObject({ dtype: 'bfloat16', shape: [2, 3] });
    const bytes = (await read(file, [kernel as StoredArray])).get(kernel as StoredArray) as Buffer;
    // 0.5, 1.5, ... as the upper halves of float32.
    const values = Array.from({ length: 6 }, (_, i) => {
      const float = Buffer.alloc(4);
      bytes.copy(float, 2, 2 * i, 2 * i + 2);
      return float.readFloatLE();
    });
    expect(values).toEqual([0.5, 1.5, 2.5, 3.5, 4.5, 5.5]);
    await file.close();
  });
});

describe('a directory', () => {
  test('with one model file is that file, whatever the other files are', async () => {
    const folder = join(directory, 'one');
    await mkdir(folder);
    await cp(join(FILES, 'keras2/model.h5'), join(folder, 'any.h5'));
    writeFileSync(join(folder, 'notes.h5'), 'no HDF5');
    writeFileSync(join(folder, 'model.json'), '{"class_name": "Sequential", "config": []}');
    const file = await open(folder);
    expect(file.path).toBe(join(folder, 'any.h5'));
    await file.close();
  });

  test('with several model files is refused by their names', async () => {
    const folder = join(directory, 'two');
    await mkdir(folder);
    for (const name of ['a.h5', 'b.hdf5']) await cp(join(FILES, 'keras2/model.h5'), join(folder, name));
    await expect(openModelFile(folder)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/several models: a\.h5, b\.hdf5/),
    });
  });

  test('of a SavedModel, an empty one, and a path to nothing are in no format of this room', async () => {
    const folder = join(directory, 'saved');
    await mkdir(folder);
    expect(await openModelFile(folder)).toBeNull();
    await cp(join(FILES, 'keras2/model.h5'), join(folder, 'model.h5'));
    writeFileSync(join(folder, 'saved_model.pb'), '');
    expect(await openModelFile(folder)).toBeNull();
    expect(await openModelFile(join(directory, 'nothing'))).toBeNull();
    expect(await openModelFile('/dev/null')).toBeNull();
  });
});

describe('what is no whole model', () => {
  test.each(['keras2/weights.h5', 'keras3/model.weights.h5', 'keras3/sharded/model.weights.json'])(
    '%s needs an architecture',
    async (path) => {
      await expect(openModelFile(join(FILES, path))).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(/weights only.*`architecture`/),
      });
    },
  );

  test('a whole model takes no architecture', async () => {
    const architecture = join(FILES, 'keras2/config.json');
    for (const path of ['keras2/model.h5', 'keras2/model.keras', 'keras2/tfjs-uint8']) {
      await expect(openModelFile(join(FILES, path), { architecture })).rejects.toThrow(/Omit `architecture`/);
    }
  });

  test('an architecture alone is refused with what is missing', async () => {
    await expect(openModelFile(join(FILES, 'keras2/config.json'))).rejects.toThrow(
      /architecture without weights/,
    );
  });

  test('an architecture that is missing or no model is refused', async () => {
    const weights = join(FILES, 'keras2/weights.h5');
    const other = join(directory, 'other.json');
    writeFileSync(other, '{"layers": 3}');
    await expect(
      openModelFile(weights, { architecture: join(directory, 'absent.json') }),
    ).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await expect(openModelFile(weights, { architecture: other })).rejects.toThrow(/other\.json .* layers\./);
    await expect(openModelFile(weights, { architecture: 3 as unknown as string })).rejects.toThrow(TypeError);
  });

  test('a graph model of TensorFlow.js is left to its importer', async () => {
    const path = fileURLToPath(new URL('../../fixtures/tfjs/loop/model.json', import.meta.url));
    expect(await openModelFile(path)).toEqual({ format: 'graph-model', path });
  });

  test('other zip archives are in no format of this room', async () => {
    expect(
      await openModelFile(fileURLToPath(new URL('../../fixtures/npy/stored.npz', import.meta.url))),
    ).toBeNull();
  });
});

describe('a reader that fails', () => {
  test('a file that is shortened while it is open ends in an error', async () => {
    const path = join(directory, 'shortened.h5');
    await cp(join(FILES, 'keras2/model.h5'), path);
    const file = await open(path);
    const arrays = [...assignWeights(readArchitecture(file.architecture), file).values()].flatMap((weights) =>
      Object.values(weights),
    );
    await truncate(path, 2048);
    await expect(read(file, arrays)).rejects.toMatchObject({ name: 'ModelError', code: 'DATA_LOSS' });
  });

  test('a file is read by one call at a time', async () => {
    const file = await open(join(FILES, 'keras2/model.h5'));
    const first = file.readArrays([], () => undefined);
    await expect(file.readArrays([], () => undefined)).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' });
    await first;
    await file.close();
  });

  test('an error of the sink ends the read, and the thread', async () => {
    const file = await open(join(FILES, 'keras2/model.h5'));
    const [weights] = assignWeights(readArchitecture(file.architecture), file).values();
    const arrays = Object.values(weights as Record<string, StoredArray>);
    const failure = new Error('full');
    const reading = file.readArrays(arrays, () => {
      throw failure;
    });
    await expect(reading).rejects.toBe(failure);
    await expect(file.readArrays(arrays, () => undefined)).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test.each([
    ['ends', 'process.exit(3)', /its reader has ended/],
    ['throws', 'throw new Error("lost")', /lost/],
    ['loops without an end', 'for (;;);', /made no progress for 0\.5 seconds/],
    [
      'needs too much memory',
      'const all = []; for (;;) all.push(new Array(1e6).fill(Math.random()));',
      /memory/,
    ],
  ])('a thread that %s is an error of the file', async (_, program, message) => {
    const path = join(directory, 'program.mjs');
    writeFileSync(path, program);
    const patience = program.startsWith('for') ? 500 : 60_000;
    const file = { kind: 'hdf5', path: 'x.h5', architecture: null } as const;
    await expect(openOnThread(file, pathToFileURL(path), patience)).rejects.toMatchObject({
      name: 'ModelError',
      code: 'DATA_LOSS',
      message: expect.stringMatching(message),
    });
  });
});

test('a shard behind a symbolic link out of the directory is refused', async () => {
  const folder = join(directory, 'linked');
  await cp(join(FILES, 'keras2/tfjs-uint8'), folder, { recursive: true });
  const shard = join(folder, 'group1-shard1of1.bin');
  rmSync(shard);
  symlinkSync(join(FILES, 'keras2/tfjs-uint8/group1-shard1of1.bin'), shard);
  await expect(openModelFile(folder)).rejects.toMatchObject({
    code: 'DATA_LOSS',
    message: expect.stringMatching(/a link out of the directory/),
  });
});
