import { describe, expectTypeOf, it } from 'vitest';
import * as ke from '../../lib/index.js';

declare const model: Awaited<ReturnType<typeof ke.loadModel>>;
declare const x: ke.Tensor;

const plain = ({ model, inputs }: ke.graph.MethodArguments): ke.graph.MethodResult => {
  const [logits] = model(inputs);
  return { logits, maps: logits };
};

const sharpened = ({
  model,
  inputs,
  power,
}: ke.graph.MethodArguments & { power: number }): ke.graph.MethodResult => {
  const [logits, activations] = model(inputs, 2);
  return { logits, maps: ke.graph.ops.pow(activations, power) };
};

describe('explain', () => {
  it('gives logits and maps', () => {
    expectTypeOf(ke.explain(plain, model, x)).resolves.toEqualTypeOf<ke.ExplainResult>();
    expectTypeOf<ke.ExplainResult['maps']>().toEqualTypeOf<ke.Tensor>();
  });

  it('takes the options of every run', () => {
    ke.explain(ke.methods.cams.gradcam, model, x, [[1]], {
      batchSize: 8,
      verbose: 0,
      steps: 1,
      callbacks: [
        { onPredictBatchEnd: (endStep, { outputs }) => void [endStep.toFixed(), outputs.maps?.shape] },
      ],
      maxQueueSize: 2,
      workers: 1,
      useMultiprocessing: false,
      force: false,
      signal: AbortSignal.timeout(1),
      postprocessing: ke.filters.normalize,
      resizing: [10, 10],
      indicesAxis: -1,
      indicesBatchDims: -1,
      spatialAxis: [-3, -2],
    });
    ke.explain(plain, model, x, null, { resizing: false });
  });

  it("takes a method's own parameters, and no others", () => {
    ke.explain(ke.methods.gradient.gradients, model, x, null, { gradientFilter: ke.graph.ops.square });
    ke.explain(sharpened, model, x, null, { power: 2 });
    // @ts-expect-error not a parameter of gradcam
    ke.explain(ke.methods.cams.gradcam, model, x, null, { gradientFilter: ke.graph.ops.square });
    // @ts-expect-error misspelled
    ke.explain(ke.methods.gradient.gradients, model, x, null, { gradientFiltr: ke.graph.ops.square });
    // @ts-expect-error of the wrong type
    ke.explain(sharpened, model, x, null, { power: 'two' });
  });

  it('takes the parameters of every built-in method, and those through meta methods', () => {
    const { cams, gradient, meta } = ke.methods;
    ke.explain(cams.cam, model, x, null, { logitsLayer: ['head', 'dense'] });
    ke.explain(cams.scorecam, model, x, null, { maskBatchSize: 4, maxChannels: 32, weighting: 'softmax' });
    ke.scorecam(model, x, null, { weighting: 'score', input: 'image', onProgress: ({ done }) => void done });
    ke.fullGradients(model, x, [[1]], { psi: ke.filters.normalize, biases: [x] });
    ke.explain(meta.smooth(cams.scorecam, { repetitions: 2 }), model, x, null, { maxChannels: 3 });
    const twice = meta.tta(meta.smooth(gradient.gradients), {
      scales: [2],
      hflip: false,
      resizeMethod: 'area',
    });
    ke.explain(twice, model, x, null, { gradientFilter: ke.graph.ops.square });
    // @ts-expect-error not one of the weightings
    ke.explain(cams.scorecam, model, x, null, { weighting: 'paper' });
    // @ts-expect-error a parameter of another method
    ke.explain(meta.smooth(cams.gradcam), model, x, null, { maxChannels: 3 });
    // @ts-expect-error misspelled
    meta.smooth(cams.gradcam, { repetition: 3 });
    // @ts-expect-error not a resize method
    meta.tta(cams.gradcam, { resizeMethod: 'cubic' });
    // @ts-expect-error not a method
    meta.tta(ke.filters);
    expectTypeOf(ke.inspection.layersWithBiases(model)).resolves.toExtend<{ biases: readonly ke.Tensor[] }>();
  });

  it('requires a parameter that the method requires', () => {
    // @ts-expect-error `power` is missing
    ke.explain(sharpened, model, x);
    // @ts-expect-error `power` is missing
    ke.explain(sharpened, model, x, null, { batchSize: 3 });
  });

  it('refuses what is no input, no unit and no method', () => {
    // @ts-expect-error a flat array has no shape
    ke.explain(plain, model, new Float32Array(3));
    // @ts-expect-error units are numbers
    ke.explain(plain, model, x, ['cat']);
    // @ts-expect-error a method returns logits and maps
    ke.explain(() => 3, model, x);
    // @ts-expect-error there is no such verbosity
    ke.explain(plain, model, x, null, { verbose: 3 });
  });
});

describe('sources', () => {
  async function* frames() {
    yield x;
    yield [x, [[1]]] as const;
    yield { x: { image: x }, y: null };
    yield { x: [x, x], y: [[3]] };
  }
  type Ragged = ke.Tensor | ke.RaggedTensor;

  it('give tensors, ragged where their batches differ', () => {
    expectTypeOf(ke.explain(plain, model, frames())).resolves.toEqualTypeOf<ke.ExplainResult<Ragged>>();
    expectTypeOf(ke.explain(plain, model, [x, x])).resolves.toEqualTypeOf<ke.ExplainResult>();
    expectTypeOf(ke.explain(plain, model, { image: x })).resolves.toEqualTypeOf<ke.ExplainResult>();
    const sequence = { length: 2, at: async (i: number) => ({ x, y: [[i]] }) };
    expectTypeOf(ke.gradcam(model, sequence)).resolves.toEqualTypeOf<ke.ExplainResult<Ragged>>();
    expectTypeOf(model.predict(new Set([x]))).resolves.toEqualTypeOf<Ragged | readonly Ragged[]>();
    expectTypeOf(model.predict(x)).resolves.toEqualTypeOf<ke.Tensor | readonly ke.Tensor[]>();
  });

  it('give their steps one by one', async () => {
    for await (const explained of ke.explainBatches(sharpened, model, frames(), null, { power: 2 })) {
      expectTypeOf(explained).toExtend<{
        step: number;
        samples: number;
        logits: ke.Tensor;
        maps: ke.Tensor;
      }>();
    }
    // @ts-expect-error `power` is missing
    ke.explainBatches(sharpened, model, frames());
    // @ts-expect-error one tensor serves no endless run
    ke.explainBatches(plain, model, frames(), null, { into: { maps: x } });
    ke.explainBatches(plain, model, frames(), null, {
      into: (step) => (step === 0 ? { maps: x } : undefined),
    });
  });

  it('yield batches, and nothing else', () => {
    // @ts-expect-error numbers are no batches
    ke.explain(plain, model, new Set([1]));
    // @ts-expect-error a generator that was not called
    ke.explain(plain, model, frames);
    // @ts-expect-error text is no batch
    ke.explain(plain, model, { length: 3, at: () => 'cat' });
  });
});

describe('runs', () => {
  it('end by a signal, a timeout or a callback, and tell what they had done', async () => {
    const options = { signal: AbortSignal.timeout(1), timeout: 5, into: { maps: x } };
    ke.explain(plain, model, x, null, {
      ...options,
      callbacks: [{ onPredictBatchEnd: (_, { stopPredicting }) => stopPredicting() }],
    });
    // @ts-expect-error milliseconds
    ke.explain(plain, model, x, null, { timeout: '5 s' });
    // @ts-expect-error no such result
    ke.explain(plain, model, x, null, { into: { map: x } });
    expectTypeOf(ke.finishedSteps(null)).toEqualTypeOf<ke.FinishedSteps | undefined>();
  });
});

describe('partialExplain', () => {
  it('keeps the parameters that are not given yet', () => {
    const squared = ke.partialExplain(sharpened, { power: 2 });
    expectTypeOf(squared(model, x)).resolves.toEqualTypeOf<ke.ExplainResult>();
    squared(model, x, null, { power: 3, resizing: false });
    const open = ke.partialExplain(sharpened, { resizing: false });
    open(model, x, null, { power: 2 });
    // @ts-expect-error `power` is missing
    open(model, x);
    // @ts-expect-error not a parameter
    ke.partialExplain(sharpened, { powr: 2 });
    ke.gradcam(model, x, [[1]], { batchSize: 4 });
    // @ts-expect-error not a parameter of gradcam
    ke.gradcam(model, x, [[1]], { gradientFilter: ke.graph.ops.abs });
  });
});

describe('the model inside a method', () => {
  it('gives as many outputs as were asked for', () => {
    const method: ke.graph.Method = ({ model, inputs }) => {
      const [logits, activations] = model(inputs, 2);
      expectTypeOf(activations).toEqualTypeOf<ke.graph.Symbolic>();
      const [first, second] = model(inputs);
      expectTypeOf(first).toEqualTypeOf<ke.graph.Symbolic>();
      expectTypeOf(second).toEqualTypeOf<ke.graph.Symbolic | undefined>();
      return { logits, maps: activations };
    };
    expectTypeOf(method).toExtend<ke.graph.AnyMethod>();
  });
});

describe('tensors', () => {
  it('show their dtype by their data', () => {
    expectTypeOf(ke.tensor([1], [1], 'int32').data).toEqualTypeOf<Int32Array>();
    expectTypeOf(ke.allocate([2, 2]).data).toEqualTypeOf<Float32Array>();
    expectTypeOf(ke.allocate([2, 2], 'float16').data).toEqualTypeOf<Uint16Array>();
    // @ts-expect-error there is no such dtype
    ke.allocate([2], 'complex64');
  });
});

describe('gradients', () => {
  it('are one or several, as what they are taken by', () => {
    const of = (y: ke.graph.Symbolic, a: ke.graph.Symbolic) => {
      expectTypeOf(ke.graph.gradient(y, a)).toEqualTypeOf<ke.graph.Symbolic>();
      expectTypeOf(ke.graph.gradient(y, [a, a])).toEqualTypeOf<ke.graph.Symbolic[]>();
    };
    expectTypeOf(of).toBeFunction();
  });
});
