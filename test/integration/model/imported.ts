/** The models of make_imports.py and make_texts.py in scripts/fixtures, with what TensorFlow in Python computes. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import * as ke from '../../../lib/index.js';

const FIXTURES = fileURLToPath(new URL('../../fixtures', import.meta.url));

export interface Plain<E = number> {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: readonly E[];
}

export interface Expected {
  readonly inputs: Readonly<Record<string, Plain | Plain<string>>>;
  readonly outputs: Readonly<Record<string, Plain>>;
  /** The input whose gradient is given, and the output of which. */
  readonly input?: string;
  readonly output?: string;
  /** (N, positions, units): the mean over channels of the signed gradient. */
  readonly gradients?: Plain;
}

/** The folder of fixtures that a model is in. */
export type Folder = 'imports' | 'texts';

export const pathOf = (name: string, folder: Folder = 'imports') =>
  path.join(FIXTURES, folder, name, 'model');

export const expectedOf = <E extends Expected = Expected>(name: string, folder: Folder = 'imports') =>
  JSON.parse(readFileSync(path.join(FIXTURES, folder, name, 'expected.json'), 'utf8')) as E;

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint8: Uint8Array,
} as const;

export function tensorOf({ dtype, shape, data }: Plain | Plain<string>): ke.InputArray {
  if (dtype === 'string') return { data: data as readonly string[], shape };
  if (dtype === 'int64') return ke.tensor(BigInt64Array.from(data as readonly number[], BigInt), shape);
  if (dtype === 'bool') return ke.tensor(Uint8Array.from(data as readonly number[]), shape, dtype);
  const made = ARRAYS[dtype as keyof typeof ARRAYS];
  return ke.tensor(made.from(data as readonly number[]), shape);
}

/** Returns the inputs of an expectation, by name. */
export const inputsOf = ({ inputs }: Expected) =>
  Object.fromEntries(Object.entries(inputs).map(([key, value]) => [key, tensorOf(value)]));

/** Compares to float32's rounding, relative to the largest expected value. */
export function expectClose(actual: ke.Tensor, expected: Plain, what: string): void {
  expect(actual.shape, what).toEqual(expected.shape);
  const largest = expected.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const off = expected.data.reduce(
    (most, value, i) => Math.max(most, Math.abs(Number(actual.data[i]) - value)),
    0,
  );
  expect(largest, what).toBeGreaterThan(0);
  expect(off / largest, what).toBeLessThan(1e-5);
}

/** Compares the outputs, and the gradients where there are any, with those of Python. */
export async function expectAsInPython(
  name: string,
  options: ke.LoadModelOptions = {},
  folder: Folder = 'imports',
): Promise<void> {
  const expected = expectedOf(name, folder);
  const model = await ke.loadModel(pathOf(name, folder), options);
  try {
    const x = inputsOf(expected);
    const predicted = await model.predict(x);
    const outputs = (Array.isArray(predicted) ? predicted : [predicted]) as readonly ke.Tensor[];
    expect(outputs.length).toBe(model.outputs.length);
    for (const [i, { name: key }] of model.outputs.entries()) {
      expectClose(outputs[i] as ke.Tensor, expected.outputs[key] as Plain, `${name}: ${key}`);
    }
    if (expected.gradients === undefined) return;
    await using explained = await ke.loadModel(pathOf(name, folder), {
      ...options,
      outputs: [expected.output as string],
    });
    const { maps } = await ke.explain(ke.methods.gradient.gradients, explained, x, null, {
      verbose: 0,
      resizing: false,
      postprocessing: null,
      gradientFilter: (gradient: ke.graph.Symbolic) => gradient,
      ...(Object.keys(x).length > 1 && { input: expected.input as string }),
    });
    expectClose(maps as ke.Tensor, expected.gradients, `${name}: gradients`);
  } finally {
    model.close();
  }
}
