/** Operations and functions that are refused, with the layer's name, the reason and the way out. */
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../lib/keras/config.js';
import { compute, type KerasCase, readCases } from '../helpers/keras_cases.js';

const [FUNCTIONS] = readCases('tensorflow_functions', 2).filter(({ name }) => name === 'constants');
const [OPERATIONS] = readCases('operations', 3).filter(({ name }) => name === 'unary');

/** Returns a model of the input (N, 4, 3) and one layer, whose call is stored as `inbound`. */
function modelOf(base: KerasCase, layer: JsonObject): KerasCase {
  const config = base.architecture.config as JsonObject;
  const [input] = config.layers as JsonObject[];
  const name = (layer.config as JsonObject).name as string;
  const changed = {
    ...config,
    layers: [input as JsonObject, { ...layer, name }],
    output_layers: [[name, 0, 0]],
  };
  return { ...base, architecture: { ...base.architecture, config: changed }, weights: {} };
}

const inputName = (base: KerasCase): string =>
  ((base.architecture.config as { layers: JsonObject[] }).layers[0] as JsonObject).name as string;

/** A call of a function of TensorFlow, as Keras 2 stores it. */
function functionCall(name: string, kwargs: JsonObject): KerasCase {
  const base = FUNCTIONS as KerasCase;
  return modelOf(base, {
    class_name: 'TFOpLambda',
    config: { name: 'call', trainable: true, dtype: 'float32', function: name },
    inbound_nodes: [[inputName(base), 0, 0, kwargs]],
  });
}

/** A call of an operation, as Keras 3 stores it. */
function operation(className: string, config: JsonObject, ...args: JsonObject[string][]): KerasCase {
  const base = OPERATIONS as KerasCase;
  const tensor = {
    class_name: '__keras_tensor__',
    config: { shape: [null, 4, 3], dtype: 'float32', keras_history: [inputName(base), 0, 0] },
  };
  return modelOf(base, {
    module: 'keras.src.ops.numpy',
    class_name: className,
    config: { name: 'call', ...config },
    inbound_nodes: [{ args: [tensor, ...args], kwargs: {} }],
  });
}

describe('a function of TensorFlow', () => {
  test('that is unknown', async () => {
    await expect(compute(functionCall('linalg.svd', {}))).rejects.toThrow(
      /layer 'call' \(TFOpLambda\) cannot be computed: the function tf\.linalg\.svd is not supported. Export the model/,
    );
  });

  test('with an argument that would change the values', async () => {
    await expect(compute(functionCall('math.reduce_sum', { axis: 1, weights: 2 }))).rejects.toThrow(
      /argument `weights` of tf\.math\.reduce_sum is not supported/,
    );
  });

  test('of which Keras 2 lost the tensors', async () => {
    await expect(compute(functionCall('einsum', {}))).rejects.toThrow(/tf\.einsum is not supported/);
  });

  test('with more parts than are recorded', async () => {
    await expect(compute(functionCall('split', { num_or_size_splits: 1e9, axis: 1 }))).rejects.toThrow(
      /`num_or_size_splits` is not at most 10000/,
    );
  });
});

describe('an operation', () => {
  test('that is unknown', async () => {
    await expect(compute(operation('Slogdet', {}))).rejects.toThrow(
      /layer 'call' \(Slogdet\).*customObjects/,
    );
  });

  test.each([
    ['Repeat', { repeats: [1e9, 1e9, 1, 1], axis: 1 }, /`repeats` is not a list whose sum/],
    ['Repeat', { repeats: [-1, 1, 1, 1], axis: 1 }, /call/],
    ['Diff', { n: 1e9, axis: -1 }, /`n` is not at most 64/],
    ['Transpose', { axes: [0, 1, 7] }, /axis/],
    ['Transpose', { axes: 'x' }, /`axes` is not an integer or a list of integers/],
    ['Reshape', { newshape: ['a'] }, /`newshape` is not a list of sizes/],
    ['Pad', { pad_width: [[0, 0]], mode: 'wrap' }, /`mode` is not one of/],
    ['Cast', { dtype: 'complex64' }, /complex64/],
  ])('%s of a damaged file: %o', async (className, config, message) => {
    await expect(compute(operation(className, config as JsonObject))).rejects.toThrow(message as RegExp);
  });

  test('with a slice of too many entries', async () => {
    const key = new Array<null>(40).fill(null);
    await expect(compute(operation('GetItem', {}, key))).rejects.toThrow(/more than 31 entries/);
  });

  test('whose result has a shape that depends on values', async () => {
    await expect(compute(operation('Where', {}))).rejects.toThrow(/depends on the values/);
  });
});
