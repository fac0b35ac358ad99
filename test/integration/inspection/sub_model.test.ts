/** `subModel`: parts of a model that begin and end at layers' tensors. */
import { describe, expect, test } from 'vitest';
import * as ke from '../../../lib/index.js';
import { expectedOf, inputOf, loadHead, numbersOf } from './heads.js';

const quiet = { verbose: 0, resizing: false, postprocessing: null } as const;
const { expose, subModel } = ke.inspection;

const outputOf = async (model: ke.Model, x: ke.Tensor) => (await model.predict(x)) as ke.Tensor;

describe.each(['keras2', 'keras3'])('a part of a %s model', (keras) => {
  test('computes what the whole model computes behind the tensor', async () => {
    using model = await loadHead(`${keras}-softmax_layer`);
    const expected = expectedOf(`${keras}-softmax_layer`);
    const front = subModel(model, { outputs: ['conv'] });
    const back = subModel(model, { inputs: ['conv'] });
    expect(back.inputs).toEqual([{ name: 'conv', dtype: 'float32', shape: [null, 6, 6, 6] }]);
    expect(front.outputs.map(({ name }) => name)).toEqual(['conv']);
    const features = await outputOf(front, inputOf(expected));
    const probabilities = await outputOf(back, features);
    numbersOf(probabilities).forEach(
      (value, i) => void expect(value).toBeCloseTo(expected.output.data[i] as number, 5),
    );
  });

  test('has the layers that do not need what is left out, and is explained like a model', async () => {
    using model = await loadHead(`${keras}-softmax_layer`);
    const x = inputOf(expectedOf(`${keras}-softmax_layer`));
    const back = subModel(model, { inputs: [{ name: 'gap', link: 'input' }], outputs: ['head'] });
    expect(back.layers.map(({ name }) => name)).toEqual(expect.arrayContaining(['gap', 'head']));
    expect(() => expose(back, { name: 'conv', link: 'input' })).toThrow();
    const features = await outputOf(subModel(model, { outputs: ['conv'] }), x);
    const exposed = expose(back, { name: 'gap', link: 'input' });
    const { logits, maps } = await ke.gradcam(exposed, features, [[0, 2]], quiet);
    const whole = await ke.gradcam(expose(model), x, [[0, 2]], quiet);
    const close = (a: ke.Tensor, b: ke.Tensor) =>
      numbersOf(a).forEach((value, i) => void expect(value).toBeCloseTo(numbersOf(b)[i] as number, 3));
    close(logits, whole.logits);
    close(maps, whole.maps);
  });

  test('begins behind one branch and keeps the other input', async () => {
    using model = await loadHead(`${keras}-branches`);
    const { x, output } = expectedOf(`${keras}-branches`);
    const part = subModel(model, { inputs: ['image', 'emb'] });
    expect(part.inputs.map(({ name }) => name)).toEqual(['image', 'emb']);
    const tokens = ke.tensor(Int32Array.from(x.tokens?.data ?? []), [1, 7]);
    const embed = subModel(model, { inputs: ['tokens'], outputs: ['emb'] });
    const emb = await outputOf(embed, tokens);
    const logits = (await part.predict({ image: inputOf({ x } as never, 'image'), emb })) as ke.Tensor;
    numbersOf(logits).forEach((value, i) => void expect(value).toBeCloseTo(output.data[i] as number, 4));
    // An embedding's tokens are explained by their vectors.
    const { maps } = await ke.gradients(part, { image: inputOf({ x } as never, 'image'), emb }, [[1]], {
      ...quiet,
      input: 'emb',
      spatialAxis: [-2],
    });
    expect(maps.shape).toEqual([1, 7, 1]);
  });
});

describe('a part', () => {
  test('is refused where an output needs an input that is left out, or needs none', async () => {
    using model = await loadHead('keras3-branches');
    expect(() => subModel(model, { inputs: ['emb'] })).toThrow(
      "the output 'output_0' also depends on the model's inputs 'image'",
    );
    expect(() => subModel(model, { inputs: ['image', 'tokens'], outputs: ['emb'] })).toThrow(
      "no output depends on the input 'image'",
    );
    expect(() => subModel(model, { inputs: ['emb', 'emb', 'image'] })).toThrow('two inputs are the tensor');
    expect(() => subModel(model, { inputs: ['embb'] })).toThrow("Did you mean 'emb'?");
    expect(() => subModel(model, { inputs: [] })).toThrow(TypeError);
    expect(() => subModel(model, { input: ['emb'] } as never)).toThrow('inputs');
  });

  test('is closed with the model, and closes the model', async () => {
    const model = await loadHead('keras3-softmax');
    const part = subModel(model, { outputs: ['conv'] });
    model.close();
    expect(part.closed).toBe(true);
    const other = await loadHead('keras3-softmax');
    subModel(other, { outputs: ['conv'] }).close();
    expect(other.closed).toBe(true);
    expect(() => subModel(other)).toThrow('closed');
  });
});
