/** The networks of scripts/fixtures/make_ranks.py, and their maps from tf.GradientTape in float64. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import * as ke from '../../../lib/index.js';

interface Values {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export interface Network {
  readonly x: Values;
  readonly units: ke.Indices;
  readonly logits: Values;
  readonly gradients: Values;
  readonly gradcam: Values;
}

const pathOf = (name: string) => fileURLToPath(new URL(`../../fixtures/ranks/${name}`, import.meta.url));

export const networks = JSON.parse(readFileSync(pathOf('expected.json'), 'utf8')) as Readonly<
  Record<string, Network>
>;

export const networkOf = (name: string) => networks[name] as Network;

/** The model with the outputs "y" and "act". */
export const load = (name: string) =>
  ke.loadModel(pathOf(`${name}.pb`), { inputs: ['x'], outputs: ['y', 'act'] });

export const inputOf = (name: string) => {
  const { data, shape } = networkOf(name).x;
  return ke.tensor(Float32Array.from(data), [...shape]);
};

export const raw = { resizing: false, verbose: 0 } as const;

export function expectClose({ shape, data }: ke.Tensor, expected: Values | ke.Tensor): void {
  expect(shape).toEqual(expected.shape);
  const most = Math.max(...[...expected.data].map((value) => Math.abs(Number(value))));
  for (let i = 0; i < data.length; i++) {
    expect(Math.abs(Number(data[i]) - Number(expected.data[i]))).toBeLessThan(1e-5 * Math.max(1, most));
  }
}
