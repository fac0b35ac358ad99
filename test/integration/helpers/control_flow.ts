/** The models with loops and branches of scripts/fixtures/make_control_flow.py. */
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import * as ke from '../../../lib/index.js';

const FOLDER = fileURLToPath(new URL('../../fixtures/control_flow/', import.meta.url));

export const FIXTURES = readdirSync(FOLDER);

export const read = async (fixture: string, file: string) =>
  (await ke.data.readNpy(`${FOLDER}${fixture}/${file}.npy`)) as ke.Tensor;

const OUTPUTS = {
  frozen_lstm: ['Identity'],
  frozen_v1: ['predictions/MatMul'],
  frozen_v1_data: ['predictions/MatMul'],
};

export function load(fixture: string, options: ke.LoadModelOptions = {}): Promise<ke.Model> {
  const frozen = `${FOLDER}${fixture}/frozen.pb`;
  if (!existsSync(frozen)) return ke.loadModel(`${FOLDER}${fixture}/model`, options);
  const inputs = fixture.startsWith('frozen_lstm') ? ['signal'] : ['image'];
  const outputs = OUTPUTS[fixture.replace(/_k.$/, '') as keyof typeof OUTPUTS];
  return ke.loadModel(frozen, { inputs, outputs, ...options });
}

/** The largest difference, as a part of the range of the expected values. */
export function difference(received: ke.Tensor, expected: ke.Tensor): number {
  expect(received.shape).toEqual(expected.shape);
  const [a, b] = [received.data as Float32Array, expected.data as Float32Array];
  const range = Math.max(...b) - Math.min(...b);
  expect(range).toBeGreaterThan(0);
  return Math.max(...a.map((value, i) => Math.abs(value - (b[i] as number)))) / range;
}

/** Sample `i` alone. */
export function sample(x: ke.Tensor, i: number): ke.Tensor {
  const [count, ...shape] = x.shape as number[];
  const size = x.data.length / (count as number);
  return ke.tensor((x.data as Float32Array).slice(i * size, (i + 1) * size), [1, ...shape]);
}

/** The samples, several times. */
export function repeated(x: ke.Tensor, times: number): ke.Tensor {
  const data = new (x.data.constructor as Float32ArrayConstructor)(x.data.length * times);
  for (let i = 0; i < times; ++i) data.set(x.data as Float32Array, i * x.data.length);
  return ke.tensor(data, [(x.shape[0] as number) * times, ...x.shape.slice(1)]);
}
