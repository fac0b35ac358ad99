/**
 * Weights of recurrent layers in the layouts of cuDNN and of Keras 1. The layouts are made from an LSTM and a GRU of
 * Keras 2, whose outputs stay.
 */
import { test } from 'vitest';
import type { JsonObject } from '../../../lib/keras/config.js';
import { compute, decode, expectValues, type KerasCase, readCases } from '../helpers/keras_cases.js';

type Stored = KerasCase['weights'][string][number];
type Matrix = number[][];

const CASES = new Map(readCases('recurrent', 2).map((each) => [each.name, each]));

const matrixOf = (stored: Stored): Matrix => {
  const { shape, data } = decode(stored);
  const columns = shape.at(-1) as number;
  const rows = shape.length === 1 ? 1 : (shape[0] as number);
  return Array.from({ length: rows }, (_, i) =>
    Array.from(data as Float32Array).slice(i * columns, (i + 1) * columns),
  );
};
const stored = (values: Matrix, shape: readonly number[]): Stored => ({
  dtype: 'float32',
  shape,
  data: Buffer.from(Float32Array.from(values.flat()).buffer).toString('base64'),
});
const columns = (matrix: Matrix, gate: number, units: number): Matrix =>
  matrix.map((row) => row.slice(gate * units, (gate + 1) * units));
const transposed = (matrix: Matrix): Matrix =>
  (matrix[0] as number[]).map((_, i) => matrix.map((row) => row[i] as number));
/** The same numbers row by row in another shape. */
const reshaped = (matrix: Matrix, width: number): Matrix => {
  const flat = matrix.flat();
  return Array.from({ length: flat.length / width }, (_, i) => flat.slice(i * width, (i + 1) * width));
};
const beside = (matrices: readonly Matrix[]): Matrix =>
  (matrices[0] as Matrix).map((_, i) => matrices.flatMap((matrix) => matrix[i] as number[]));

/** Returns the case with its recurrent layer of another class and other weights. */
function changed(
  each: KerasCase,
  className: string,
  config: JsonObject,
  weights: Stored[],
  version = 2,
): KerasCase {
  const outer = each.architecture.config as JsonObject;
  const layers = (outer.layers as JsonObject[]).map((layer) =>
    layer.class_name === 'InputLayer'
      ? layer
      : { ...layer, class_name: className, config: { ...(layer.config as JsonObject), ...config } },
  );
  const [name] = Object.keys(each.weights) as [string];
  const architecture = { ...each.architecture, config: { ...outer, layers } };
  return { ...each, version, architecture, weights: { [name]: weights } };
}

async function expectSame(each: KerasCase): Promise<void> {
  const { outputs } = await compute(each);
  for (const [i, truth] of each.outputs.entries()) expectValues(outputs[i], truth, 1e-6);
}

const UNITS = 4;

/** Returns the weights in cuDNN's layout: the matrix of each gate transposed, and two biases. */
function inCudnnLayout(each: KerasCase, gates: number): Stored[] {
  const [kernel, recurrent, bias] = (Object.values(each.weights)[0] as Stored[]).map(matrixOf) as [
    Matrix,
    Matrix,
    Matrix,
  ];
  const count = Array.from({ length: gates }, (_, i) => i);
  // cuDNN keeps the transposed matrix row by row in the shape of the matrix.
  const input = count.map((gate) => reshaped(transposed(columns(kernel, gate, UNITS)), UNITS));
  const state = count.map((gate) => transposed(columns(recurrent, gate, UNITS)));
  const biases =
    bias.length === 2
      ? [bias.flat()]
      : [[...bias.flat().map((b) => b - 0.25), ...bias.flat().map(() => 0.25)]];
  return [
    stored(beside(input), [kernel.length, UNITS * gates]),
    stored(beside(state), [UNITS, UNITS * gates]),
    stored(biases, [UNITS * gates * 2]),
  ];
}

test.each([
  ['LSTM', 'CuDNNLSTM', 4],
  ['GRU', 'CuDNNGRU', 3],
] as const)("%s in cuDNN's layout as %s", async (name, className, gates) => {
  const each = CASES.get(name) as KerasCase;
  await expectSame(changed(each, className, {}, inCudnnLayout(each, gates)));
  await expectSame(changed(each, name, {}, inCudnnLayout(each, gates)));
});

test.each([
  ['LSTM_hard', 'LSTM', ['i', 'c', 'f', 'o'], [0, 2, 1, 3]],
  ['GRU_reset_before', 'GRU', ['z', 'r', 'h'], [0, 1, 2]],
] as const)('%s with the gates of Keras 1', async (name, className, gates, order) => {
  const each = CASES.get(name) as KerasCase;
  const [kernel, recurrent, bias] = (Object.values(each.weights)[0] as Stored[]).map(matrixOf) as [
    Matrix,
    Matrix,
    Matrix,
  ];
  const weights = gates.flatMap((_, i) => {
    const gate = order[i] as number;
    return [
      stored(columns(kernel, gate, UNITS), [kernel.length, UNITS]),
      stored(columns(recurrent, gate, UNITS), [UNITS, UNITS]),
      stored(columns(bias, gate, UNITS), [UNITS]),
    ];
  });
  const layer = (each.architecture.config as { layers: JsonObject[] }).layers.find(
    ({ class_name }) => class_name === className,
  ) as JsonObject;
  const { recurrent_activation: inner } = layer.config as JsonObject;
  const old = {
    output_dim: UNITS,
    units: null,
    inner_activation: inner ?? null,
    reset_after: null,
    consume_less: 'cpu',
  };
  await expectSame(changed(each, className, old, weights, 1));
});
