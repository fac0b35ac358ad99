/** `expose(model, ..., { activation: 'linear' })`: what enters a final softmax or sigmoid is explained. */
import { describe, expect, test } from 'vitest';
import * as ke from '../../../lib/index.js';
import { delivered, expectedOf, inputOf, loadHead, numbersOf, warningsOf } from './heads.js';

const quiet = { verbose: 0, resizing: false, postprocessing: null } as const;
const { expose, outputActivation } = ke.inspection;

/** Compares within 1e-4 of the largest expected value. */
function expectClose(received: ke.Tensor, { shape, data }: { shape: number[]; data: number[] }): void {
  expect(received.shape).toEqual(shape);
  const scale = Math.max(...data.map(Math.abs));
  numbersOf(received).forEach((value, i) => {
    expect(Math.abs(value - (data[i] as number)) / scale).toBeLessThan(1e-4);
  });
}

describe.each(['keras2', 'keras3'])('activation of a %s model', (keras) => {
  test.each(['softmax', 'softmax_layer', 'sigmoid'])(
    "'linear' explains the logits of %s, as tf.GradientTape does",
    async (kind) => {
      using model = await loadHead(`${keras}-${kind}`);
      const expected = expectedOf(`${keras}-${kind}`);
      const x = inputOf(expected);
      const view = expose(model, [], { activation: 'linear' });
      const { logits, maps } = await ke.explain(ke.methods.gradient.gradients, view, x, null, quiet);
      expectClose(logits, expected.logits);
      expectClose(maps, expected.maps);
      expect(outputActivation(model)).toBe(kind === 'sigmoid' ? 'sigmoid' : 'softmax');
      expect(outputActivation(view)).toBeNull();
    },
  );

  test("'linear' gives one map for a fused softmax and for a softmax of its own", async () => {
    using fused = await loadHead(`${keras}-softmax`);
    using apart = await loadHead(`${keras}-softmax_layer`);
    const x = inputOf(expectedOf(`${keras}-softmax`));
    const of = async (model: ke.Model, activation: 'linear' | 'keep') =>
      numbersOf((await ke.gradcam(expose(model, null, { activation }), x, null, quiet)).maps);
    const [one, other] = [await of(fused, 'linear'), await of(apart, 'linear')];
    one.forEach((value, i) => void expect(value).toBeCloseTo(other[i] as number, 3));
    // The fused head, kept, is saturated: its maps are far smaller.
    const kept = Math.max(...(await of(fused, 'keep')).map(Math.abs));
    expect(kept).toBeLessThan(1e-2 * Math.max(...one.map(Math.abs)));
  });

  test("'keep' is the default", async () => {
    using model = await loadHead(`${keras}-softmax`);
    const named = (...args: [options?: ke.inspection.ExposeOptions]) =>
      expose(model, null, null, ...args).outputs.map(({ name }) => name);
    expect(named()).toEqual(named({ activation: 'keep' }));
    expect(named()).toEqual(named({}));
    expect(named()).not.toEqual(named({ activation: 'linear' }));
    expect(outputActivation(expose(model))).toBe('softmax');
  });

  test("'linear' applies to a frozen graph and to outputs that are named", async () => {
    using model = await loadHead(`${keras}-frozen_softmax`);
    const linear = expose(model, [], ['head'], { activation: 'linear' });
    expect(linear.outputs[0]?.name).toContain('BiasAdd');
    expect(linear.outputs[0]?.name).toBe(expose(model, [], { activation: 'linear' }).outputs[0]?.name);
  });

  test("'linear' leaves an output without an activation as it is", async () => {
    using model = await loadHead(`${keras}-cosine`);
    expect(expose(model, null, { activation: 'linear' }).outputs).toEqual(expose(model).outputs);
  });
});

describe('a saturated output', () => {
  test('that is explained as it is gives one warning, which names the mend', async () => {
    using model = await loadHead('keras3-softmax');
    const x = inputOf(expectedOf('keras3-softmax'));
    const warnings = warningsOf('SATURATED_OUTPUT');
    await ke.gradcam(expose(model, null, { activation: 'linear' }), x, null, quiet);
    await ke.cam(expose(model), x, null, quiet);
    await delivered();
    expect(warnings.messages).toEqual([]);
    await ke.gradcam(expose(model), x, null, quiet);
    await ke.gradients(model, x, null, quiet);
    await delivered();
    warnings.stop();
    expect(warnings.messages).toHaveLength(1);
    expect(warnings.messages[0]).toContain("expose(model, null, { activation: 'linear' })");
  });

  test('that an explainer explains gives one warning, too', async () => {
    using model = await loadHead('keras3-sigmoid');
    const x = inputOf(expectedOf('keras3-sigmoid'));
    const warnings = warningsOf('SATURATED_OUTPUT');
    const explainer = ke.createExplainer(ke.methods.cams.gradcam, expose(model));
    await Promise.all([explainer.explain(x), explainer.explain(x)]);
    await explainer.explain(x);
    await explainer.close();
    await delivered();
    warnings.stop();
    expect(warnings.messages).toHaveLength(1);
    expect(warnings.messages[0]).toContain('The explained output is a sigmoid');
  });

  test('is not warned of where the probabilities are moderate', async () => {
    using model = await loadHead('keras3-pooled');
    const warnings = warningsOf('SATURATED_OUTPUT');
    await ke.gradients(model, inputOf(expectedOf('keras3-pooled')), null, quiet);
    await delivered();
    warnings.stop();
    expect(warnings.messages).toEqual([]);
  });
});
