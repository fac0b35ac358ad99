/** Pictures that are read where the model is computed, beside the same that are read here: what their tests share. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect } from 'vitest';
import * as ke from '../../../lib/index.js';
import { temporaryDirectory } from '../helpers/cli_process.js';

/** The path of a file of the repository. */
export const at = (name: string) => fileURLToPath(new URL(`../../../${name}`, import.meta.url));
export const MODEL = at('demo/model');
export const PICTURES = at('demo/images/*.{png,jpg}');
export const fixture = (name: string) => at(`test/fixtures/images/${name}`);
const SIZE = [96, 96] as const;

export const directory = temporaryDirectory();
export const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

export async function load(options: ke.LoadModelOptions = {}): Promise<ke.Model> {
  const model = await ke.loadModel(MODEL, options);
  open.push(() => model.close());
  return ke.inspection.expose(model);
}

type Paths = Parameters<typeof ke.data.imageFiles>[0];

/** The same files, read here and where the model is computed. */
export async function both(paths: Paths, options: ke.data.ImageFilesOptions = {}) {
  const read = (autoShard: ke.data.AutoShard) =>
    ke.data.imageFiles(paths, { size: SIZE, batchSize: 4, ...options, autoShard });
  return [await read('off'), await read('file')] as const;
}

export const unitsOf = (files: ke.data.ImageFiles) =>
  files.paths.map((path) => [Number(/digit-(\d)/.exec(path)?.[1] ?? 0)]);

/** Shows the model's inputs as its maps. */
export function look({ model, inputs }: ke.MethodArguments): ke.MethodResult {
  return { logits: model(inputs)[0], maps: inputs };
}
export const LOOK = { resizing: false, verbose: 0 } as const;

export async function expectEqual(
  explain: (files: ke.data.ImageFiles) => Promise<{ maps: ke.Tensor | ke.RaggedTensor }>,
  [off, file]: readonly [ke.data.ImageFiles, ke.data.ImageFiles],
) {
  const expected = (await explain(off)).maps as ke.Tensor;
  const found = (await explain(file)).maps as ke.Tensor;
  expect(found.shape).toEqual(expected.shape);
  expect(Buffer.compare(bytesOf(found), bytesOf(expected))).toBe(0);
}

/** The first of the model's outputs. */
export async function predict(model: ke.Model, files: ke.data.ImageFiles): Promise<ke.Tensor> {
  const [logits] = (await model.predict(files)) as readonly ke.Tensor[];
  return logits as ke.Tensor;
}

export function bytesOf({ data }: ke.Tensor): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

export function here(name: string): string {
  return join(directory, name);
}

export async function copy(name: string, as = name): Promise<void> {
  await writeFile(here(as), await readFile(fixture(name)));
}
