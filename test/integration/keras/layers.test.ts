/** Every feed-forward layer of lib/keras/layers beside both Kerases: values, gradients, masks and variables. */
import { describe, expect, test } from 'vitest';
import { casesOf, errorOf, type LayerCase, run } from './layer_cases.js';

const FAMILIES = [
  ...['activations', 'core', 'convolutions', 'depthwise_convolutions', 'transposed_convolutions', 'pooling'],
  ...['normalization', 'reshaping', 'merging', 'images', 'features', 'spectrograms'],
];

/** float32 against float32 that was summed in another order. */
const VALUES = 1e-6;
const GRADIENTS = 1e-5;

const named = (each: LayerCase): [string, LayerCase] => {
  const options = JSON.stringify(each.config).slice(0, 120);
  return [`Keras ${each.keras}: ${each.class} ${options}`, each];
};

describe.each(FAMILIES)('%s', (family) => {
  test.each(casesOf(family).map(named))('%s', async (_, each) => {
    const { variables, output, gradients, masked, passesMask } = await run(each);
    expect(variables).toEqual(each.weights.map(({ name }) => name));
    expect(output.shape).toEqual(each.output.shape);
    expect(output.dtype).toBe(each.output.dtype);
    expect(errorOf(output, each.output.values)).toBeLessThan(VALUES);
    for (const [i, expected] of (each.gradients ?? []).entries()) {
      expect(errorOf(gradients[i] as typeof output, expected)).toBeLessThan(GRADIENTS);
    }
    if (each.passesMask !== undefined) expect(passesMask).toBe(each.passesMask);
    const mask = each.masked === 'none' ? null : each.masked;
    expect(masked?.shape ?? null).toEqual(mask?.shape ?? null);
    expect(masked === null ? null : [...masked.data]).toEqual(mask?.values ?? null);
  });
});

/** Layers that need the sizes of their input while they are built, in Keras too. */
const OF_KNOWN_SIZE = /^(Adaptive|LocallyConnected)/;
const OPEN_FAMILIES = FAMILIES.filter(
  (family) => !['core', 'merging', 'features', 'spectrograms'].includes(family),
);

describe.each(OPEN_FAMILIES)('%s of sizes that are known only at run time', (family) => {
  const open = casesOf(family).filter(
    (each) => !OF_KNOWN_SIZE.test(each.class) && each.inputs[0]?.shape.length !== 2,
  );
  test.each(open.map(named))('%s', async (_, each) => {
    const { output } = await run(each, true);
    expect(output.shape).toEqual(each.output.shape);
    expect(errorOf(output, each.output.values)).toBeLessThan(VALUES);
  });
});
