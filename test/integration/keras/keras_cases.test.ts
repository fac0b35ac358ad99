/**
 * Layers, operations and functions against Keras itself: the models of scripts/fixtures/make_keras_cases.py. Keras'
 * values are those of float64.
 */
import { describe, expect, test } from 'vitest';
import { compute, expectValues, readCases } from '../helpers/keras_cases.js';

describe.each([
  ['recurrent', 2],
  ['recurrent', 3],
  ['conv_lstm', 2],
  ['conv_lstm', 3],
  ['attention', 2],
  ['attention', 3],
  ['operations', 3],
  ['tensorflow_functions', 2],
] as const)('%s of Keras %i', (family, version) => {
  test.each(readCases(family, version))('$name', async (each) => {
    const { outputs, gradient } = await compute(each);
    expect(outputs.length).toBe(each.outputs.length);
    for (const [i, truth] of each.outputs.entries()) expectValues(outputs[i], truth, 1e-6);
    if (each.gradient !== undefined) expectValues(gradient, each.gradient, 1e-5);
  });
});
