/** A network in float16 whose gradients are below the numbers of float16: maps are those of the network in float64. */
import { describe, expect, it } from 'vitest';
import * as ke from '../../../lib/index.js';
import { inputOf, load, networkOf, raw } from './ranks_fixture.js';

const { cams, gradient, meta } = ke.methods;

/** float16 rounds to 5e-4. A gradient adds some ten roundings. */
const TOLERANCE = 5e-3;

function expectNear({ data }: ke.Tensor, { data: expected }: { readonly data: readonly number[] }): void {
  const most = Math.max(...expected.map(Math.abs));
  expect(data).toHaveLength(expected.length);
  for (const [i, value] of expected.entries()) {
    expect(Math.abs(Number(data[i]) - value)).toBeLessThan(TOLERANCE * most);
  }
}

describe('gradients that pass float16', () => {
  const { units, gradients, gradcam } = networkOf('half');

  it.each([
    ['gradients', gradient.gradients, gradients],
    ['smooth(gradients)', meta.smooth(gradient.gradients, { repetitions: 4, noise: 0 }), gradients],
    ['smooth(gradients) with little noise', meta.smooth(gradient.gradients, { noise: 1e-5 }), gradients],
    ['gradcam', cams.gradcam, gradcam],
    ['smooth(gradcam)', meta.smooth(cams.gradcam, { repetitions: 4, noise: 0 }), gradcam],
  ] as const)('%s', async (_, method, expected) => {
    using model = await load('half');
    const { maps } = await ke.explain(method as ke.Method, model, inputOf('half'), units, raw);
    expect(maps.dtype).toBe('float32');
    expectNear(maps, expected);
  });
});
