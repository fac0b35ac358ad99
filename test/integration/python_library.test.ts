/**
 * The Python library keras-explainable is the reference: its logits and maps for one tiny network, saved by Keras 2
 * and exported by current Keras, lie in test/fixtures/reference (scripts/reference/make_fixtures.py made them).
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as ke from '../../lib/index.js';
import { logitsError, mapError, TOLERANCE } from '../reference/agreement.js';
import { nested, readTensors } from '../reference/tensors.js';

const FIXTURES = fileURLToPath(new URL('../fixtures/reference', import.meta.url));
const expected = readTensors(path.join(FIXTURES, 'tiny'));
const SAMPLES = 7;

const METHODS = {
  gradients: (model: ke.Model, x: ke.Tensor, y: number[][] | undefined, batchSize: number) =>
    ke.explain(ke.methods.gradient.gradients, model, x, y, { batchSize, verbose: 0, resizing: false }),
  gradcam: (model: ke.Model, x: ke.Tensor, y: number[][] | undefined, batchSize: number) =>
    ke.explain(ke.methods.cams.gradcam, ke.inspection.expose(model), x, y, {
      batchSize,
      verbose: 0,
      resizing: false,
    }),
  gradients_shortcut: (model: ke.Model, x: ke.Tensor, y: number[][] | undefined, batchSize: number) =>
    ke.gradients(model, x, y, { batchSize, verbose: 0 }),
  gradcam_shortcut: (model: ke.Model, x: ke.Tensor, y: number[][] | undefined, batchSize: number) =>
    ke.gradcam(ke.inspection.expose(model), x, y, { batchSize, verbose: 0 }),
};

describe.each(['keras2', 'keras3'])('%s', (keras) => {
  let model: ke.Model;
  let x: ke.Tensor;

  beforeAll(async () => {
    model = await ke.loadModel(path.join(FIXTURES, keras));
    const inputs = expected('inputs');
    x = ke.tensor(inputs.data, inputs.shape);
  });
  afterAll(() => model?.close());

  test('predict gives the logits', async () => {
    const outputs = (await model.predict(x, { batchSize: 3 })) as ke.Tensor;
    expect(logitsError(outputs, expected('logits_all'))).toBeLessThan(TOLERANCE);
  });

  describe.each(Object.keys(METHODS) as (keyof typeof METHODS)[])('%s', (name) => {
    describe.each(['1', '3', 'all'])('units: %s', (units) => {
      test.each([1, 3, SAMPLES])('in batches of %d', async (batchSize) => {
        const y = units === 'all' ? undefined : nested(expected(`units_${units}`));
        const { logits, maps } = await METHODS[name](model, x, y, batchSize);
        const all = expected('logits_all');
        expect(logitsError(logits, expected(`logits_${units}`), all)).toBeLessThan(TOLERANCE);
        expect(mapError(maps, expected(`${name}_${units}`))).toBeLessThan(TOLERANCE);
      });
    });
  });
});
