/**
 * The reference's tiny networks: where they are, inputs of theirs, units to ask for, and every method that stands
 * alone.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as ke from '../../../lib/index.js';
import { BUILT_IN } from '../../../lib/methods/built_in.js';
import { readTensors } from '../../reference/tensors.js';

const FIXTURES = fileURLToPath(new URL('../../fixtures/reference', import.meta.url));

export const tinyModel = (keras: string) => path.join(FIXTURES, keras, 'tiny');

/** For five samples. */
export const UNITS = [
  [4, 0],
  [1, 3],
  [2, 2],
  [0, 1],
  [3, 4],
];

/** The first of the networks' samples. */
export function tinySamples(count = UNITS.length): ke.Tensor {
  const { data, shape } = readTensors(path.join(FIXTURES, 'tiny'))('inputs');
  const size = data.length / (shape[0] as number);
  return ke.tensor(data.slice(0, count * size), [count, ...shape.slice(1)]);
}

/** By their names. */
export const METHODS: Readonly<Record<string, ke.AnyMethod>> = Object.fromEntries(
  BUILT_IN.methods.map(({ name, method }) => [name, method]),
);
