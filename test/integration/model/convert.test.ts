/** Models written as frozen GraphDefs: what is loaded again is the same model. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { ensureTensorflow } from '../../../lib/binding/loader.js';
import * as ke from '../../../lib/index.js';
import { inProcess, temporaryDirectory } from '../helpers/cli_process.js';
import { expectedOf, type Folder, inputsOf } from './imported.js';

const FIXTURES = fileURLToPath(new URL('../../fixtures', import.meta.url));
const directory = temporaryDirectory();

/** Models that are refused, or that take serialised examples. */
const LEFT_OUT = ['random_layers', 'example_input', 'bytes_input', 'counter', 'seed_as_value', 'shuffled'];

/**
 * Models among the fixtures, and the options that the model needs. Those of Keras 2 with loops and texts are left out:
 * their graphs have no other parts than those of Keras 3.
 */
const MODELS: readonly (readonly [string, ke.LoadModelOptions])[] = [
  ...listed('models', (name) => (name.endsWith('frozen') ? 'model.pb' : 'model')),
  ...listed('control_flow', (name) => (name.startsWith('frozen') || name.endsWith('k2') ? null : 'model')),
  ...listed('imports/keras3', () => 'model'),
  ...listed('texts/keras3', () => 'model'),
  ...listed('random', () => '', { allowRandom: true }),
];

function listed(
  folder: string,
  inside: (name: string) => string | null,
  options: ke.LoadModelOptions = {},
): (readonly [string, ke.LoadModelOptions])[] {
  return readdirSync(join(FIXTURES, folder)).flatMap((name) => {
    const model = inside(name);
    return model === null || LEFT_OUT.includes(name) ? [] : [[join(folder, name, model), options] as const];
  });
}

/** Returns inputs of the shapes that the model declares, the same for every model of these shapes. */
function inputsFor(path: string, model: ke.Model): Record<string, ke.InputArray> {
  const [folder = '', ...rest] = path.split('/');
  const name = rest.slice(0, -1).join('/');
  if (existsSync(join(FIXTURES, folder, name, 'expected.json')) && /^(texts|imports)$/.test(folder)) {
    return inputsOf(expectedOf(name, folder as Folder));
  }
  return Object.fromEntries(
    model.inputs
      .filter(({ name }) => name !== 'seed')
      .map(({ name: key, shape, dtype }) => {
        const sizes = (shape ?? [null, 4]).map((size, axis) => size ?? (axis === 0 ? 2 : 6));
        const count = sizes.reduce((product, size) => product * size, 1);
        const values = Array.from({ length: count }, (_, i) =>
          dtype.startsWith('float') ? Math.sin(i * i) : i % 3,
        );
        return [key, ke.tensor(values, sizes, dtype as ke.NumericDType)];
      }),
  );
}

type Outcome = { readonly values: readonly unknown[] } | { readonly error: string };

async function outcomeOf(call: () => Promise<unknown>): Promise<Outcome> {
  try {
    const result = await call();
    const tensors = (Array.isArray(result) ? result : [result]) as readonly ke.Tensor[];
    return { values: tensors.map(({ shape, dtype, data }) => ({ shape, dtype, data: data.slice() })) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

/** Returns everything that a model shows, and its predictions and maps. */
async function portrait(path: string, model: ke.Model) {
  const { native } = model.core;
  const x = inputsFor(path, model);
  const predictions = await outcomeOf(() => model.predict(x));
  const maps = await outcomeOf(async () => {
    const explained = await ke.explain(ke.methods.gradient.gradients, model, x, null, {
      verbose: 0,
      postprocessing: null,
      ...(model.inputs.length > 1 && { input: model.inputs[0]?.name as string }),
    });
    return explained.maps;
  });
  return {
    inputs: native.inputs,
    outputs: native.outputs,
    inputTensors: native.inputTensors,
    outputTensors: native.outputTensors,
    layers: native.layers,
    weights: native.weights,
    warnings: native.warnings,
    values: native.weights.map(({ name }) => new Uint8Array(native.weight(name).buffer).slice()),
    layerOf: native.layers.flatMap(({ calls }) =>
      calls.flatMap(({ outputs }) => outputs.map((tensor) => native.layerOf(tensor.replace(/:\d+$/, '')))),
    ),
    mixes: model.mixesSamples,
    predictions,
    maps,
  };
}

describe('a converted model is the same model', () => {
  test.each(MODELS)('%s', async (path, options) => {
    const original = await ke.loadModel(join(FIXTURES, path), options);
    const out = join(directory, 'model.pb');
    const flags = options.allowRandom ? ['--allow-random'] : [];
    const converted = await inProcess('convert', join(FIXTURES, path), out, ...flags);
    expect([converted.err, converted.code]).toEqual(['', 0]);
    const again = await ke.loadModel(out, options);
    const [expected, received] = [await portrait(path, original), await portrait(path, again)];
    expect(expected.predictions).toHaveProperty('values');
    expect(received).toEqual(expected);
    original.close();
    again.close();
  });

  test('with its custom gradient', async () => {
    // Without the gradient, the maps are those of the ops before it.
    const path = 'imports/keras3/gradient_reversal/model';
    const bytes = await convert(path);
    expect(bytes.includes('_custom_gradient')).toBe(true);
  });

  test('of TensorFlow.js', async () => {
    const { loadGraphModel } = await import('../../../lib/keras/graph_model/load_graph_model.js');
    const native = await loadGraphModel(await ensureTensorflow(), join(FIXTURES, 'tfjs/fused/model.json'));
    const out = join(directory, 'tfjs.pb');
    await native.writeFrozen(out);
    const again = await ke.loadModel(out);
    expect(again.core.native.layers).toEqual(native.layers);
    expect(again.core.native.weights).toEqual(native.weights);
    expect(again.outputs.map(({ name }) => name)).toEqual(['logits']);
    again.close();
    native.close();
  });
});

async function convert(path: string): Promise<Buffer> {
  const out = join(directory, 'bytes.pb');
  expect((await inProcess('convert', join(FIXTURES, path), out)).code).toBe(0);
  return readFileSync(out);
}

describe('a part of a converted model', () => {
  test('ends at the chosen outputs, by their names and by tensors', async () => {
    const out = join(directory, 'part.pb');
    expect((await inProcess('convert', join(FIXTURES, 'models/keras3-nested/model'), out)).code).toBe(0);
    const whole = await ke.loadModel(out);
    const [name] = whole.outputs.map((output) => output.name) as [string];
    const layer = whole.layers.find(({ name: each }) => each === 'stem') as ke.LayerInfo;
    const tensor = whole.core.native.layers.find(({ name: each }) => each === layer.name)?.calls[0]
      ?.outputs[0];
    const part = await ke.loadModel(out, { outputs: [tensor as string] });
    expect(part.layers.map(({ name: each }) => each)).toContain('stem');
    expect(part.layers.length).toBeLessThan(whole.layers.length);
    const named = await ke.loadModel(out, { outputs: [name] });
    expect(named.outputs).toEqual([whole.outputs[0]]);
    for (const model of [whole, part, named]) model.close();
  });
});

describe('convert refuses', () => {
  test('a path that it cannot write, and leaves no file behind', async () => {
    const model = join(FIXTURES, 'models/keras3-nested/model');
    const place = join(directory, 'taken');
    await mkdir(place);
    expect(await inProcess('convert', model, place)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/<out>: expected the path of a file/),
    });
    await writeFile(join(place, 'file'), '');
    const below = await inProcess('convert', model, join(place, 'file', 'model.pb'));
    expect(below.code).toBe(2);
    expect(await readdir(place)).toEqual(['file']);
  });

  test('a model that does not load, before the file is touched', async () => {
    const out = join(directory, 'kept.pb');
    await writeFile(out, 'kept');
    expect((await inProcess('convert', join(directory, 'absent'), out)).code).toBe(1);
    expect((await stat(out)).size).toBe(4);
  });
});

describe('a converted file', () => {
  test.each(['layers', 'a weight', 'a record that is cut'])(
    'that is damaged ends in a ModelError: %s',
    async (what) => {
      const bytes = await convert('models/keras3-nested/model');
      const at = bytes.indexOf(Buffer.from('_keras_explainable_model'));
      expect(at).toBeGreaterThan(0);
      const target = what === 'a weight' ? bytes.indexOf(Buffer.from('value')) + 8 : at + 60;
      const damaged = Buffer.from(bytes);
      for (let i = 0; i < 40; ++i)
        damaged[target + i * 3] = (damaged[target + i * 3] as number) ^ (i * 37 + 1);
      const path = join(directory, 'damaged.pb');
      await writeFile(path, what === 'a record that is cut' ? bytes.subarray(0, at + 50) : damaged);
      await expect(ke.loadModel(path)).rejects.toMatchObject({
        name: expect.stringMatching(/^(Model|UnsupportedOp)Error$/),
      });
    },
  );
});
