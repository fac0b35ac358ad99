/** The models of scripts/fixtures/make_keras_cases.py, built from memory. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { expect } from 'vitest';
import { ensureTensorflow } from '../../../lib/binding/loader.js';
import { localStrategy } from '../../../lib/binding/local_strategy.js';
import { gradient } from '../../../lib/graph/gradient.js';
import * as ops from '../../../lib/graph/ops/index.js';
import type { Symbolic } from '../../../lib/graph/symbolic.js';
import { Trace } from '../../../lib/graph/trace.js';
import { buildModel } from '../../../lib/keras/build_model.js';
import type { JsonObject } from '../../../lib/keras/config.js';
import type { CustomObjects } from '../../../lib/keras/custom_objects.js';
import type { KerasModelFile } from '../../../lib/keras/model_file.js';
import type { StoredArray } from '../../../lib/keras/stored_weights.js';
import { Tensor } from '../../../lib/tensor/tensor.js';

interface StoredTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: string;
}

export interface KerasCase {
  readonly name: string;
  readonly version: number;
  readonly architecture: JsonObject;
  readonly weights: Readonly<Record<string, readonly StoredTensor[]>>;
  readonly inputs: readonly StoredTensor[];
  readonly outputs: readonly StoredTensor[];
  readonly gradient?: StoredTensor;
}

const FOLDER = fileURLToPath(new URL('../../fixtures/keras_cases/', import.meta.url));

export function readCases(family: string, version: number): KerasCase[] {
  const text = gunzipSync(readFileSync(`${FOLDER}${family}_k${version}.json.gz`)).toString();
  return (JSON.parse(text) as { cases: KerasCase[] }).cases.map((each) => ({ ...each, version }));
}

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
  uint8: Uint8Array,
} as const;

export function decode({ dtype, shape, data }: StoredTensor) {
  const bytes = Buffer.from(data, 'base64');
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  return { dtype: dtype as 'float32', shape, data: new ARRAYS[dtype as keyof typeof ARRAYS](buffer) };
}

/** Returns the case as an opened file whose weights are grouped by layer. */
function fileOf({ architecture, weights, version, name }: KerasCase): KerasModelFile {
  const bytes = new Map<StoredArray, Uint8Array>();
  const groups = Object.entries(weights).map(([layer, tensors]) => {
    const arrays = tensors.map((tensor, i): StoredArray => {
      const { dtype, shape, data } = decode(tensor);
      const array = { name: `${layer}/${i}`, dtype, shape, index: bytes.size };
      bytes.set(array, new Uint8Array(data.buffer));
      return array;
    });
    return [layer, arrays] as const;
  });
  return {
    format: 'a case',
    path: name,
    architecture,
    kerasVersion: `${version}.12.0`,
    backend: 'tensorflow',
    weights: { layout: 'groups', groups: new Map(groups) },
    readArrays: async (arrays, sink) => {
      for (const array of arrays) sink(array, bytes.get(array) as Uint8Array, 0);
    },
    close: async () => {},
  };
}

export interface Computed {
  readonly outputs: Tensor[];
  readonly gradient: Tensor | undefined;
}

/** Builds the model of a case and runs the model, and the gradient of a weighted sum of its outputs by its input 0. */
export async function compute(each: KerasCase, customObjects: CustomObjects = {}): Promise<Computed> {
  const addon = await ensureTensorflow();
  const model = await buildModel(addon, fileOf(each), { customObjects });
  const trace = Trace.create(addon);
  let count = 0;
  const fetches = trace.run(() => {
    const inputs = model.inputs.map(({ dtype, shape, name }) => trace.placeholder(dtype, shape, name, true));
    const outputs = trace.callModel(model, inputs, model.outputTensors);
    count = outputs.length;
    const weighted = outputs
      .filter(({ dtype }) => dtype === 'float32')
      .map((y) => {
        const flat = ops.reshape(y, [-1]);
        return ops.reduceSum(ops.multiply(flat, ops.cos(ops.cast(ops.range(0, ops.size(flat)), 'float32'))));
      });
    const gradients = each.gradient === undefined ? [] : [gradient(weighted, inputs[0] as Symbolic)];
    // Axis 0 of every result is the samples.
    return [...outputs, ...gradients].map((y) => ops.expandDims(y, 0));
  });
  const compiled = await trace.compile(fetches, { intraOp: 1, strategy: localStrategy(addon, 1) });
  try {
    const feeds = await Promise.all(
      each.inputs.map((input) => {
        const { dtype, shape, data } = decode(input);
        return new Tensor(dtype, shape, { data: data as Float32Array }).toAligned();
      }),
    );
    const results = await compiled.run(feeds, { shardSize: 64 });
    const all = results.map((result) => Tensor.fromNative(result));
    return { outputs: all.slice(0, count), gradient: all[count] };
  } finally {
    compiled.close();
  }
}

/** Expects values within `tolerance` of the range of the truth. */
export function expectValues(received: Tensor | undefined, stored: StoredTensor, tolerance: number): void {
  const truth = decode(stored);
  expect(received?.shape.slice(1)).toEqual(truth.shape);
  const [a, b] = [[...(received as Tensor).data].map(Number), [...truth.data].map(Number)];
  const least = b.reduce((x, y) => Math.min(x, y), Infinity);
  const most = b.reduce((x, y) => Math.max(x, y), -Infinity);
  const range = Math.max(most - least, Math.abs(most), 1e-30);
  const worst = a.reduce((x, y, i) => Math.max(x, Math.abs(y - (b[i] as number))), 0) / range;
  expect(worst).toBeLessThan(tolerance);
}
