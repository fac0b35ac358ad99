/** Graph models of TensorFlow.js beside Keras: the fixtures of scripts/fixtures/make_tfjs.py. */
import { cp, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import type { NativeModel } from '../../../lib/binding/contract.js';
import { ensureTensorflow } from '../../../lib/binding/loader.js';
import { localStrategy } from '../../../lib/binding/local_strategy.js';
import { gradient } from '../../../lib/graph/gradient.js';
import * as ops from '../../../lib/graph/ops/index.js';
import type { Symbolic } from '../../../lib/graph/symbolic.js';
import { Trace } from '../../../lib/graph/trace.js';
import type { Json, JsonObject } from '../../../lib/keras/config.js';
import { type GraphModelOptions, loadGraphModel } from '../../../lib/keras/graph_model/load_graph_model.js';
import { Tensor, tensor } from '../../../lib/tensor/tensor.js';

interface Plain {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
interface Expected {
  readonly inputs: readonly Plain[];
  readonly outputs: readonly Plain[];
  readonly gradient: Plain;
}

const folderOf = (name: string) => fileURLToPath(new URL(`../../fixtures/tfjs/${name}`, import.meta.url));
const expectedOf = async (name: string): Promise<Expected> =>
  JSON.parse(await readFile(join(folderOf(name), 'expected.json'), 'utf8')) as Expected;

async function load(path: string, options: GraphModelOptions = {}): Promise<NativeModel> {
  return loadGraphModel(await ensureTensorflow(), path, options);
}

/** Returns the outputs, and d sum(outputs[0]) / d inputs[input], which the expectation calls its input 0. */
async function run(model: NativeModel, inputs: readonly Plain[], by: number): Promise<Tensor[]> {
  const trace = Trace.create(await ensureTensorflow());
  const fetches = trace.run(() => {
    const xs = model.inputs.map(({ dtype, shape }, i) => trace.placeholder(dtype, shape, `x${i}`));
    const outputs = trace.callModel(model, xs, model.outputTensors);
    const total = ops.reduceSum(outputs[0] as Symbolic);
    return [...outputs, gradient(total, xs[by] as Symbolic)];
  });
  const compiled = await trace.compile(fetches, {
    intraOp: 1,
    strategy: localStrategy(await ensureTensorflow(), 1),
  });
  const feeds = inputs.map(({ shape, data }) => tensor(Float32Array.from(data), shape).toAligned());
  const results = await compiled.run(await Promise.all(feeds), { shardSize: inputs[0]?.shape[0] ?? 1 });
  compiled.close();
  return results.map((result) => Tensor.fromNative(result));
}

function expectClose(actual: Tensor | undefined, expected: Plain, most: number): void {
  expect(actual?.shape).toEqual(expected.shape);
  const values = (actual as Tensor).data as Float32Array;
  const largest = expected.data.reduce((found, value) => Math.max(found, Math.abs(value)), 0);
  expect(largest).toBeGreaterThan(0);
  const off = expected.data.reduce(
    (found, value, i) => Math.max(found, Math.abs(value - (values[i] as number))),
    0,
  );
  expect(off / largest).toBeLessThan(most);
}

let copied: string | null = null;
/** Returns a copy of the fixture's folder, which the test may damage. */
async function copyOf(name: string): Promise<string> {
  copied = await mkdtemp(join(tmpdir(), 'graph-model-'));
  await cp(folderOf(name), copied, { recursive: true });
  return copied;
}
afterEach(async () => {
  if (copied !== null) await rm(copied, { recursive: true });
  copied = null;
});

/** Changes the JSON of the copied model. */
async function change(folder: string, how: (model: Record<string, Json>) => void): Promise<string> {
  const path = join(folder, 'model.json');
  const model = JSON.parse(await readFile(path, 'utf8')) as Record<string, Json>;
  how(model);
  await writeFile(path, JSON.stringify(model));
  return path;
}

describe('a graph model of TensorFlow.js', () => {
  test.each(['fused', 'dense-uint8', 'dense-uint16', 'dense-float16', 'loop'])(
    'has the outputs and gradients of Keras: %s',
    async (name) => {
      const expected = await expectedOf(name);
      const model = await load(join(folderOf(name), 'model.json'));
      const [output, by] = await run(model, expected.inputs, 0);
      expectClose(output, expected.outputs[0] as Plain, 1e-5);
      expectClose(by, expected.gradient, 1e-4);
      model.close();
    },
  );

  test('has constants of dtypes that the format does not store, and its outputs in the order of the function', async () => {
    const expected = await expectedOf('constants');
    const model = await load(join(folderOf('constants'), 'model.json'), { inputs: ['b', 'a'] });
    expect(model.inputs.map(({ name }) => name)).toEqual(['b', 'a']);
    expect(model.outputs.map(({ name }) => name)).toEqual(['first', 'second']);
    const [first, second, by] = await run(model, expected.inputs, 0);
    expectClose(first, expected.outputs[0] as Plain, 1e-5);
    expectClose(second, expected.outputs[1] as Plain, 1e-5);
    expectClose(by, expected.gradient, 1e-4);
    model.close();
  });

  test('shows the layers of Keras, and fused ops as the ops that Keras calls', async () => {
    const model = await load(join(folderOf('fused'), 'model.json'));
    expect(model.layers.map(({ name }) => name)).toEqual([
      'conv1',
      'conv1_relu',
      'dw1',
      'project',
      'dw2',
      'plain',
      'leaky',
      'before_prelu',
      'dw3',
      'dw3_prelu',
      'last',
      'pool',
      'hidden',
      'logits',
    ]);
    const last = model.layers.find(({ name }) => name === 'last');
    expect(last).toMatchObject({
      type: 'Conv2D',
      weights: ['StatefulPartitionedCall/model/last/kernel', 'StatefulPartitionedCall/model/last/bias'],
    });
    // Of 13.8 KB and 17.9 KB: below and above the size from which weights are streamed.
    const shapes = new Map(
      model.weights.map(({ name, shape }) => [name.split('/').slice(-2).join('/'), shape]),
    );
    expect(shapes.get('last/kernel')).toEqual([3, 3, 6, 64]);
    expect(shapes.get('hidden/kernel')).toEqual([64, 70]);
    model.close();
  });

  test('is cut at tensors of its graph', async () => {
    const relu = 'StatefulPartitionedCall/model/last/Relu:0';
    const model = await load(join(folderOf('fused'), 'model.json'), { outputs: ['logits', relu] });
    expect(model.outputs.map(({ name }) => name)).toEqual(['logits', relu]);
    expect(model.outputs[1]?.shape).toEqual([null, 4, 4, 64]);
    model.close();
    const twice = load(join(folderOf('fused'), 'model.json'), { outputs: ['logits', 'logits'] });
    await expect(twice).rejects.toThrow(/`outputs`.*'logits' twice/);
    const absent = load(join(folderOf('fused'), 'model.json'), { outputs: ['absent'] });
    await expect(absent).rejects.toMatchObject({ name: 'ModelError', code: 'NOT_FOUND' });
  });

  test('without a signature begins at its placeholders and ends where nothing follows', async () => {
    const path = await change(await copyOf('fused'), (model) => {
      delete model.signature;
    });
    const model = await load(path);
    expect(model.inputs.map(({ name }) => name)).toEqual(['picture']);
    expect(model.outputs.map(({ name }) => name)).toEqual(['Identity']);
    model.close();
  });

  test('of the first converter keeps its signature among the metadata', async () => {
    const path = await change(await copyOf('fused'), (model) => {
      model.userDefinedMetadata = { signature: model.signature as Json };
      delete model.signature;
    });
    const model = await load(path);
    expect(model.outputs.map(({ name }) => name)).toEqual(['logits']);
    model.close();
  });
});

describe('a damaged graph model is refused', () => {
  const nodes = (model: Record<string, Json>) =>
    (model.modelTopology as JsonObject).node as Record<string, Json>[];
  const first = (model: Record<string, Json>, op: string) =>
    nodes(model).find((node) => node.op === op) as Record<string, Json>;

  test.each<[string, (model: Record<string, Json>) => void]>([
    ['no topology', (model) => delete model.modelTopology],
    ['nodes that are no list', (model) => (model.modelTopology = { node: 7 })],
    ['a node that is no object', (model) => nodes(model).push(3 as unknown as Record<string, Json>)],
    ['a name that is a number', (model) => (first(model, 'Mean').name = 5)],
    ['an unknown dtype', (model) => (first(model, 'Mean').attr = { T: { type: 'DT_NONE' } })],
    ['a Const without a dtype', (model) => (first(model, 'Const').attr = {})],
    ['two values in one attribute', (model) => (first(model, 'Mean').attr = { T: { i: '1', b: true } })],
    ['bytes that are no base64', (model) => (first(model, '_FusedConv2D').attr = { padding: { s: '*' } })],
    ['a fused op without inputs', (model) => (first(model, '_FusedConv2D').input = [])],
    [
      'an unknown fusion',
      (model) => {
        const attr = first(model, '_FusedConv2D').attr as Record<string, Json>;
        attr.fused_ops = { list: { s: [Buffer.from('Softmax').toString('base64')] } };
      },
    ],
    [
      'a size beyond 64 bits',
      (model) =>
        (first(model, 'Placeholder').attr = { shape: { shape: { dim: [{ size: '9'.repeat(30) }] } } }),
    ],
    [
      'a weight of another dtype',
      (model) => {
        const [group] = model.weightsManifest as Record<string, Json>[];
        for (const weight of (group as Record<string, Json>).weights as Record<string, Json>[])
          weight.dtype = 'int32';
      },
    ],
    [
      'a weight of another shape',
      (model) => {
        const [group] = model.weightsManifest as Record<string, Json>[];
        for (const weight of (group as Record<string, Json>).weights as Record<string, Json>[]) {
          if (weight.name === 'StatefulPartitionedCall/model/hidden/MatMul/ReadVariableOp')
            weight.shape = [70, 64];
        }
      },
    ],
    ['no weights', (model) => (model.weightsManifest = [])],
  ])('with %s', async (_, how) => {
    const path = await change(await copyOf('fused'), how);
    await expect(load(path)).rejects.toMatchObject({
      name: expect.stringMatching(/^(Model|UnsupportedOp)Error$/),
    });
  });

  test('with functions within functions', async () => {
    const path = await change(await copyOf('fused'), (model) => {
      first(model, 'Mean').attr = { T: 'NESTED' };
    });
    const nested = `${'{"func":{"name":"f","attr":{"a":'.repeat(100_000)}{}${'}}}'.repeat(100_000)}`;
    await writeFile(path, (await readFile(path, 'utf8')).replace('"NESTED"', nested));
    await expect(load(path)).rejects.toMatchObject({ name: 'ModelError', code: 'DATA_LOSS' });
  });

  test('with a truncated shard', async () => {
    const folder = await copyOf('fused');
    await truncate(join(folder, 'group1-shard4of4.bin'), 9883);
    await expect(load(join(folder, 'model.json'))).rejects.toMatchObject({ code: 'DATA_LOSS' });
  });

  test.each(['', '[', 'null', 'version https://git-lfs.github.com/spec/v1', '['.repeat(5_000_000)])(
    'that is no JSON',
    async (text) => {
      const folder = await copyOf('fused');
      await writeFile(join(folder, 'model.json'), text);
      await expect(load(join(folder, 'model.json'))).rejects.toMatchObject({
        name: 'ModelError',
        code: 'DATA_LOSS',
      });
    },
  );

  test('that is absent or a directory', async () => {
    await expect(load(join(folderOf('fused'), 'absent.json'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(load(folderOf('fused'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
