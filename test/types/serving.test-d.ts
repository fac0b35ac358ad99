import { describe, expectTypeOf, it } from 'vitest';
import * as ke from '../../lib/index.js';

declare const model: ke.Model;
declare const x: ke.Tensor;

const sharpened = ({
  model,
  inputs,
  power,
}: ke.graph.MethodArguments & { power: number }): ke.graph.MethodResult => {
  const [logits, activations] = model(inputs, 2);
  return { logits, maps: ke.graph.ops.pow(activations, power) };
};

describe('createExplainer', () => {
  it('takes the options of the queue, of a step and of the method', () => {
    const { cams, gradient, meta } = ke.methods;
    ke.createExplainer(cams.gradcam, model);
    ke.createExplainer(cams.gradcam, model, {
      maxBatchSize: 4,
      maxDelayMs: 0,
      maxQueueSize: 10,
      postprocessing: ke.filters.normalize,
      resizing: [10, 10],
      spatialAxis: [-3, -2],
      indicesAxis: -1,
      indicesBatchDims: -1,
      input: 'image',
    });
    ke.createExplainer(cams.scorecam, model, { maxChannels: 3, weighting: 'softmax' });
    ke.createExplainer(meta.smooth(gradient.gradients), model, { gradientFilter: ke.graph.ops.square });
    ke.createExplainer(sharpened, model, { power: 2, maxBatchSize: 3 });
  });

  it('refuses others', () => {
    // @ts-expect-error a parameter of another method
    ke.createExplainer(ke.methods.cams.gradcam, model, { maxChannels: 3 });
    // @ts-expect-error of the wrong type
    ke.createExplainer(sharpened, model, { power: 'two' });
    // @ts-expect-error `power` is missing
    ke.createExplainer(sharpened, model);
    // @ts-expect-error `power` is missing
    ke.createExplainer(sharpened, model, { maxBatchSize: 3 });
    // @ts-expect-error misspelled
    ke.createExplainer(ke.methods.cams.gradcam, model, { maxBatchsize: 3 });
    // @ts-expect-error an option of `explain`
    ke.createExplainer(ke.methods.cams.gradcam, model, { batchSize: 3 });
    // @ts-expect-error not a method
    ke.createExplainer(() => 3, model);
  });

  it('makes an explainer of single samples', () => {
    const explainer = ke.createExplainer(ke.methods.cams.gradcam, model);
    expectTypeOf(explainer).toEqualTypeOf<ke.Explainer>();
    expectTypeOf(explainer.explain(x)).resolves.toEqualTypeOf<ke.ExplainResult>();
    explainer.explain({ image: x, scale: { data: [1], shape: [1, 1] } }, [[1, 2]], {
      signal: AbortSignal.timeout(1),
      timeout: 1,
      client: 'me',
    });
    // @ts-expect-error misspelled
    explainer.explain(x, null, { time: 1 });
    // @ts-expect-error a flat array has no shape
    explainer.explain(new Float32Array(3));
    expectTypeOf(explainer.stats()).toEqualTypeOf<ke.ExplainerStats>();
    expectTypeOf(explainer.stats().latencyMs.p99).toBeNumber();
    expectTypeOf(explainer.close({ timeout: 1 })).resolves.toBeVoid();
    expectTypeOf(explainer.warmUp()).resolves.toBeVoid();
    expectTypeOf<typeof explainer>().toExtend<AsyncDisposable>();
    expectTypeOf(new ke.QueueFullError(1, 1, 1).retryAfterMs).toBeNumber();
  });
});
