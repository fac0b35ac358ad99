/** What `explain` reports about results, and what it refuses about units and inputs. */
import { describe, expect, test } from 'vitest';
import * as ke from '../../../lib/index.js';
import { delivered, expectedOf, inputOf, loadHead, warningsOf } from './heads.js';

const quiet = { verbose: 0, resizing: false, postprocessing: null } as const;
const { expose } = ke.inspection;

describe('maps that have one value at all positions', () => {
  test('are counted in one warning per model', async () => {
    using model = await loadHead('keras3-pooled');
    const x = inputOf(expectedOf('keras3-pooled'));
    const warnings = warningsOf('CONSTANT_MAPS');
    await ke.gradcam(expose(model, 'conv'), x, [[1]], quiet);
    await delivered();
    expect(warnings.messages).toEqual([]);
    // The output of the pooling has one position.
    const pooled = expose(model, 'pool');
    await ke.gradcam(pooled, x, [[0, 2]], { ...quiet, resizing: true });
    await ke.gradcam(pooled, x, [[0, 2]], { ...quiet, resizing: true });
    await delivered();
    warnings.stop();
    expect(warnings.messages).toHaveLength(1);
    expect(warnings.messages[0]).toMatch(/^2 of 2 maps have the same value at all positions/);
  });

  test('are counted in steps of explainBatches', async () => {
    using model = await loadHead('keras3-pooled');
    const x = inputOf(expectedOf('keras3-pooled'));
    const warnings = warningsOf('CONSTANT_MAPS');
    for await (using _step of ke.explainBatches(
      ke.methods.cams.gradcam,
      expose(model, 'pool'),
      x,
      [[1]],
      quiet,
    ));
    await delivered();
    warnings.stop();
    expect(warnings.messages).toHaveLength(1);
  });
});

describe('the explained input', () => {
  test('must lead to the exposed activations', async () => {
    using model = await loadHead('keras3-branches');
    const { x } = expectedOf('keras3-branches');
    const inputs = {
      image: inputOf({ x } as never, 'image'),
      tokens: ke.tensor(Int32Array.from(x.tokens?.data ?? []), [1, 7]),
    };
    const exposed = expose(model);
    const { maps } = await ke.gradcam(exposed, inputs, [[0]], { ...quiet, input: 'image' });
    expect(maps.shape).toEqual([1, 6, 6, 1]);
    await expect(ke.gradcam(exposed, inputs, [[0]], { ...quiet, input: 'tokens' })).rejects.toThrow(
      "`inspection.expose(model, null, { input: 'tokens' })`",
    );
    const other = expose(model, null, { input: 'tokens' });
    await expect(ke.gradcam(other, inputs, [[0]], quiet)).rejects.toThrow("{ input: 'image' }");
  });
});

describe('units', () => {
  test.each([
    ['nested arrays', [[0, 0, 1]]],
    ['an int32 tensor', ke.tensor(Int32Array.of(0, 0, 1), [1, 3])],
    ['typed data', { data: Uint8Array.of(0, 1, 0), shape: [1, 3] }],
  ])('that are one-hot rows are refused: %s', async (_, y) => {
    using model = await loadHead('keras3-pooled');
    const x = inputOf(expectedOf('keras3-pooled'));
    await expect(ke.gradcam(expose(model), x, y, quiet)).rejects.toThrow(
      /received one-hot rows of 3 units\. `y` lists unit numbers: pass the argmax of each row, \[[12]\]/,
    );
  });

  test('in other rows of zeros and ones are unit numbers', async () => {
    using model = await loadHead('keras3-pooled');
    const x = inputOf(expectedOf('keras3-pooled'));
    for (const y of [[[0, 1]], [[1]], [[1, 1, 0]], [[0, 1, 2]], [[0, 0, 0]]]) {
      const { maps } = await ke.gradcam(expose(model), x, y, quiet);
      expect(maps.shape.at(-1)).toBe(y[0]?.length);
    }
  });

  test('beyond a single unit are refused with what stands for class 0', async () => {
    using model = await loadHead('keras3-sigmoid');
    const x = inputOf(expectedOf('keras3-sigmoid'));
    await expect(ke.gradcam(expose(model), x, [[1]], quiet)).rejects.toThrow(
      'The output has one unit, which stands for class 1. Class 0 is its negative',
    );
  });
});
