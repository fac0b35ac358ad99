/** Models that are recorded layer by layer, on weights that stand in memory. Numbers are worked out by hand. */
import { describe, expect, test } from 'vitest';
import { ensureTensorflow } from '../../../lib/binding/loader.js';
import { localStrategy } from '../../../lib/binding/local_strategy.js';
import * as ops from '../../../lib/graph/ops/index.js';
import { Trace } from '../../../lib/graph/trace.js';
import { buildModel } from '../../../lib/keras/build_model.js';
import type { JsonObject } from '../../../lib/keras/config.js';
import type { CustomObjects } from '../../../lib/keras/custom_objects.js';
import type { KerasModelFile } from '../../../lib/keras/model_file.js';
import type { StoredArray } from '../../../lib/keras/stored_weights.js';
import { Tensor, tensor } from '../../../lib/tensor/tensor.js';

type Values = Readonly<
  Record<string, { readonly shape: readonly number[]; readonly values: readonly number[] }>
>;

/** Returns an opened file whose groups of weights are `groups`, each by the variables of a layer. */
function fileOf(architecture: JsonObject, groups: Readonly<Record<string, Values>> = {}): KerasModelFile {
  const bytes = new Map<StoredArray, Uint8Array>();
  const stored = Object.entries(groups).map(([layer, values]) => {
    const arrays = Object.entries(values).map(([name, { shape, values: numbers }]): StoredArray => {
      const array = { name: `${layer}/${name}:0`, dtype: 'float32' as const, shape, index: bytes.size };
      bytes.set(array, new Uint8Array(Float32Array.from(numbers).buffer));
      return array;
    });
    return [layer, arrays] as const;
  });
  return {
    format: 'a test',
    path: 'memory',
    architecture,
    kerasVersion: '2.12.0',
    backend: 'tensorflow',
    weights: { layout: 'groups', groups: new Map(stored) },
    readArrays: async (arrays, sink) => {
      for (const array of arrays) sink(array, bytes.get(array) as Uint8Array, 0);
    },
    close: async () => {},
  };
}

const input = (name: string, size: number) => ({
  class_name: 'InputLayer',
  config: { name, batch_input_shape: [null, size], dtype: 'float32' },
  name,
  inbound_nodes: [],
});
const dense = (name: string, units: number, inbound?: JsonObject[string], more: JsonObject = {}) => ({
  class_name: 'Dense',
  config: { name, units, use_bias: true, activation: 'linear', ...more },
  name,
  ...(inbound === undefined ? {} : { inbound_nodes: inbound }),
});
const functional = (
  name: string,
  layers: readonly JsonObject[],
  inputs: JsonObject[string],
  outputs: JsonObject[string],
): JsonObject => ({
  class_name: 'Functional',
  config: { name, layers, input_layers: inputs, output_layers: outputs },
  name,
});
const DOUBLE = { kernel: { shape: [1, 1], values: [2] }, bias: { shape: [1], values: [1] } };

/** Builds the model and returns it with its outputs for `x`. */
async function run(file: KerasModelFile, x: readonly number[][][], customObjects: CustomObjects = {}) {
  const addon = await ensureTensorflow();
  const model = await buildModel(addon, file, { customObjects });
  const trace = Trace.create(addon);
  const fetches = trace.run(() => {
    const inputs = model.inputs.map(({ dtype, shape }, i) => trace.placeholder(dtype, shape, `x${i}`));
    return trace.callModel(model, inputs, model.outputTensors);
  });
  const compiled = await trace.compile(fetches, { intraOp: 1, strategy: localStrategy(addon, 1) });
  const feeds = await Promise.all(x.map((each) => tensor(each as number[][]).toAligned()));
  const outputs = await compiled.run(feeds, { shardSize: x[0]?.length ?? 1 });
  compiled.close();
  return { model, outputs: outputs.map((output) => [...Tensor.fromNative(output).data]) };
}

describe('a Sequential', () => {
  test('computes its layers in order, under their names', async () => {
    const file = fileOf(
      {
        class_name: 'Sequential',
        config: { name: 's', layers: [input('x', 1), dense('a', 1), dense('b', 1)] },
      },
      { a: DOUBLE, b: DOUBLE },
    );
    const { model, outputs } = await run(file, [[[3], [4]]]);
    expect(outputs).toEqual([[15, 19]]);
    expect(model.layers.map(({ name, type }) => [name, type])).toEqual([
      ['x', 'InputLayer'],
      ['a', 'Dense'],
      ['b', 'Dense'],
    ]);
    expect(model.weights.map(({ name }) => name)).toEqual(['a/kernel', 'a/bias', 'b/kernel', 'b/bias']);
    expect(model.inputs.map(({ name }) => name)).toEqual(['x']);
    expect(model.outputs.map(({ name }) => name)).toEqual(['b']);
    expect(model.layerOf('a/BiasAdd')).toEqual(['a']);
    expect(model.layerOf('b/kernel')).toEqual(['b']);
  });

  test('without an InputLayer takes the shape from its first layer, as Keras 1 stores models', async () => {
    const layers = [dense('a', 1, undefined, { batch_input_shape: [null, 1] })];
    const { outputs, model } = await run(
      fileOf({ class_name: 'Sequential', config: layers }, { a: DOUBLE }),
      [[[1]]],
    );
    expect(outputs).toEqual([[3]]);
    expect(model.inputs[0]).toMatchObject({ name: 'a_input', shape: [null, 1] });
  });
});

describe('a functional model', () => {
  test('shares a layer between two calls', async () => {
    const layers = [input('x', 1), input('y', 1), dense('d', 1, [[['x', 0, 0, {}]], [['y', 0, 0, {}]]])];
    const file = fileOf(
      functional(
        'f',
        layers,
        [
          ['x', 0, 0],
          ['y', 0, 0],
        ],
        [
          ['d', 0, 0],
          ['d', 1, 0],
        ],
      ),
      { d: DOUBLE },
    );
    const { model, outputs } = await run(file, [[[1]], [[2]]]);
    expect(outputs).toEqual([[3], [5]]);
    expect(model.layers.find(({ name }) => name === 'd')?.calls).toHaveLength(2);
    expect(model.outputs.map(({ name }) => name)).toEqual(['d', 'd_1']);
  });

  test.each([0, 1])('nests a model whose first call has number %i in the file', async (first) => {
    const inner = functional(
      'inner',
      [input('z', 1), dense('d', 1, [[['z', 0, 0, {}]]])],
      [['z', 0, 0]],
      [['d', 0, 0]],
    );
    const layers = [
      input('x', 1),
      { ...inner, inbound_nodes: [[['x', 0, 0, {}]], [['inner', first, 0, {}]]] },
    ];
    const file = fileOf(functional('f', layers, [['x', 0, 0]], [['inner', first + 1, 0]]), { inner: DOUBLE });
    const { model, outputs } = await run(file, [[[1]]]);
    expect(outputs).toEqual([[7]]);
    expect(model.layers.map(({ path }) => path)).toEqual([['x'], ['inner'], ['inner', 'd']]);
    expect(model.layers[1]?.weights).toEqual(['d/kernel', 'd/bias']);
  });

  test('names the outputs by the keys of a dict', async () => {
    const layers = [input('x', 1), dense('d', 1, [[['x', 0, 0, {}]]])];
    const file = fileOf(functional('f', layers, [['x', 0, 0]], { score: ['d', 0, 0] }), { d: DOUBLE });
    expect((await run(file, [[[1]]])).model.outputs.map(({ name }) => name)).toEqual(['score']);
  });
});

describe('a custom layer', () => {
  const custom = { class_name: 'Scale', config: { name: 'c', by: 3 }, name: 'c' };
  const file = () =>
    fileOf(
      { class_name: 'Sequential', config: { name: 's', layers: [input('x', 1), custom] } },
      { c: { offset: { shape: [1], values: [0.5] } } },
    );

  test('computes what the caller supplies for its class', async () => {
    const { outputs } = await run(file(), [[[2]]], {
      Scale: (config, weights) => (x) =>
        ops.add(ops.multiply(x as never, config.by as number), weights.offset as never),
    });
    expect(outputs).toEqual([[6.5]]);
  });

  test('is refused by name and class without it', async () => {
    const refusal = run(file(), [[[2]]]);
    await expect(refusal).rejects.toThrow(/layer 'c' \(Scale\).*customObjects/);
    await expect(refusal).rejects.toMatchObject({ code: 'UNIMPLEMENTED' });
  });
});

describe('a call with training=True', () => {
  const layers = (training: boolean) => [
    input('x', 1),
    {
      class_name: 'Dropout',
      config: { name: 'd', rate: 0.5 },
      name: 'd',
      inbound_nodes: [[['x', 0, 0, { training }]]],
    },
  ];
  const file = (training: boolean) => fileOf(functional('f', layers(training), [['x', 0, 0]], [['d', 0, 0]]));

  test('is refused for a layer that then draws at random', async () => {
    await expect(run(file(true), [[[2]]])).rejects.toThrow(/layer 'd' \(Dropout\) .*training=True/);
  });

  test('is inference in Keras 3, whose predict replaces the argument', async () => {
    const keras3 = { ...file(true), kerasVersion: '3.15.0' };
    expect((await run(keras3, [[[2]]])).outputs).toEqual([[2]]);
  });

  test('is inference with False', async () => {
    expect((await run(file(false), [[[2]]])).outputs).toEqual([[2]]);
  });
});

test('a layer normalisation keeps its epsilon in TensorFlow with oneDNN', async () => {
  const layer = { class_name: 'LayerNormalization', config: { name: 'n', axis: -1, epsilon: 1e-6 } };
  const file = fileOf(
    { class_name: 'Sequential', config: { name: 's', layers: [input('x', 4), layer] } },
    { n: { gamma: { shape: [4], values: [1, 1, 1, 1] }, beta: { shape: [4], values: [0, 0, 0, 0] } } },
  );
  const x = [0.01, 0.02, 0.03, 0.04];
  const { outputs } = await run(file, [[x]]);
  const deviation = Math.sqrt(1.25e-4 + 1e-6);
  for (const [i, value] of x.entries()) {
    expect(outputs[0]?.[i]).toBeCloseTo((value - 0.025) / deviation, 4);
  }
});

test('a convolution of a file that Keras wrote on Theano is refused', async () => {
  const layers = [input('x', 1), { class_name: 'Convolution1D', config: { name: 'c' } }];
  const file = fileOf({ class_name: 'Sequential', config: { name: 's', layers } });
  await expect(run({ ...file, backend: 'theano' }, [[[1]]])).rejects.toThrow(/layer 'c' .*Theano/);
});

describe('a damaged architecture', () => {
  const cases: Record<string, [JsonObject, RegExp]> = {
    'a layer that reads itself': [
      functional('f', [input('x', 1), dense('d', 1, [[['d', 0, 0, {}]]])], [['x', 0, 0]], [['d', 0, 0]]),
      /depends on its own output/,
    ],
    'a layer that is missing': [
      functional('f', [input('x', 1), dense('d', 1, [[['e', 0, 0, {}]]])], [['x', 0, 0]], [['d', 0, 0]]),
      /no layer 'e'/,
    ],
    'an output that a layer does not have': [
      functional('f', [input('x', 1), dense('d', 1, [[['x', 0, 0, {}]]])], [['x', 0, 0]], [['d', 0, 3]]),
      /no output 3/,
    ],
    'two layers of one name': [
      functional('f', [input('x', 1), input('x', 1)], [['x', 0, 0]], [['x', 0, 0]]),
      /two layers .* have the name 'x'/,
    ],
    'an option of another type': [
      functional(
        'f',
        [input('x', 1), dense('d', 1, [[['x', 0, 0, {}]]], { use_bias: 'yes' })],
        [['x', 0, 0]],
        [['d', 0, 0]],
      ),
      /layer 'd' \(Dense\).*true or false.*use_bias/,
    ],
  };

  test.each(Object.entries(cases))('with %s is refused', async (_, [architecture, message]) => {
    const refusal = run(fileOf(architecture, { d: DOUBLE }), [[[1]]]);
    await expect(refusal).rejects.toThrow(message);
    await expect(refusal).rejects.toMatchObject({ code: 'DATA_LOSS' });
  });
});
