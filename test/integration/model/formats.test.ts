/** Models load by what their files hold, whatever these are called; other formats are told with what to do. */
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as ke from '../../../lib/index.js';
import { fixture, random } from '../helpers/explain_fixture.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ke-formats-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const here = (name: string) => join(directory, name);

async function predicted(path: string, options: ke.LoadModelOptions = {}): Promise<number[]> {
  const model = await ke.loadModel(path, options);
  try {
    const [logits] = [await model.predict(random(2))].flat() as ke.Tensor[];
    return [...(logits as ke.Tensor<'float32'>).data];
  } finally {
    await model.close();
  }
}

describe('loads', () => {
  it('a frozen graph of any name', async () => {
    const names = { inputs: ['x'], outputs: ['logits'] };
    const expected = await predicted(fixture('frozen.pb'), names);
    for (const name of ['model.bin', 'model.h5', 'model.keras', 'saved_model.pb']) {
      await copyFile(fixture('frozen.pb'), here(name));
      expect(await predicted(here(name), names)).toEqual(expected);
    }
    await symlink(here('model.bin'), here('link'));
    expect(await predicted(here('link'), names)).toEqual(expected);
  });

  it('a SavedModel by its directory or its saved_model.pb', async () => {
    const saved = fixture('saved_model');
    const expected = await predicted(saved);
    expect(await predicted(join(saved, 'saved_model.pb'))).toEqual(expected);
    await symlink(saved, here('saved'));
    expect(await predicted(here('saved'))).toEqual(expected);
  });
});

it.each([
  ['signature', { signature: 'serving_default' }],
  ['tags', { tags: ['serve'] }],
])('refuses `%s` for a frozen graph, which has none', async (option, options) => {
  await expect(ke.loadModel(fixture('frozen.pb'), options)).rejects.toMatchObject({
    name: 'ModelError',
    code: 'INVALID_ARGUMENT',
    message: expect.stringMatching(new RegExp(`option \`${option}\`.*is a frozen GraphDef`)),
  });
});

const latin1 = (text: string) => Buffer.from(text, 'latin1');
describe('refuses, with what to do', () => {
  it.each<[string, Buffer, string, string]>([
    ['model.tflite', latin1('\x20\0\0\0TFL3'), 'a TensorFlow Lite model', 'Load the SavedModel'],
    ['model.onnx', latin1('\x08\x07\x12\x05torch'), 'an ONNX model', 'Load the SavedModel'],
    ['model.pb', latin1('version https://git-lfs.github.com/spec/v1\n'), 'a Git LFS pointer', 'git lfs pull'],
  ])('%s', async (name, bytes, format, mend) => {
    await mkdir(here('other'), { recursive: true });
    for (const file of [name, 'other/frozen.pb'].map(here)) {
      await writeFile(file, bytes);
      const failure = { name: 'ModelError', code: 'UNIMPLEMENTED', message: expect.stringContaining(mend) };
      await expect(ke.loadModel(file)).rejects.toMatchObject(failure);
      await expect(ke.loadModel(file)).rejects.toThrow(`${file} is ${format}`);
    }
  });

  it('a file of no known format, with those that load', async () => {
    await writeFile(here('photo.jpg'), latin1('\xff\xd8\xff\xe0'));
    await expect(ke.loadModel(here('photo.jpg'))).rejects.toMatchObject({
      name: 'ModelError',
      code: 'DATA_LOSS',
      message: expect.stringMatching(
        /expected a SavedModel .*, a frozen GraphDef .* or a TensorFlow.js model/,
      ),
    });
  });
});
