/** What `expose` selects by default, in models whose heads differ. */
import { describe, expect, test } from 'vitest';
import * as ke from '../../../lib/index.js';
import { delivered, expectedOf, inputOf, loadHead, numbersOf, warningsOf } from './heads.js';

const quiet = { verbose: 0, resizing: false, postprocessing: null } as const;

describe.each(['keras2', 'keras3'])('the logits of a %s model', (keras) => {
  test.each([
    ['blocks', 4, 'weights that Keras numbers'],
    ['cosine', 5, 'a head whose weight is called W'],
    ['joined', 3, 'an output that joins two heads'],
    ['features', 7, 'a head without a kernel behind 128 hidden units'],
  ])('are the units of the output: %s (%i units)', async (name, units) => {
    using model = await loadHead(`${keras}-${name}`);
    const expected = expectedOf(`${keras}-${name}`);
    const exposed = ke.inspection.expose(model);
    expect(exposed.outputs[0]?.shape).toEqual([null, units]);
    expect(exposed.outputs[1]?.shape?.length).toBe(4);
    const { logits, maps } = await ke.gradcam(exposed, inputOf(expected), null, quiet);
    // These heads end without an activation that is left out, so that the logits are the model's own output.
    numbersOf(logits).forEach(
      (value, i) => void expect(value).toBeCloseTo(expected.output.data[i] as number, 4),
    );
    expect(maps.shape.at(-1)).toBe(units);
  });

  test('of a custom head are not weighted by the kernel of another layer in CAM', async () => {
    using model = await loadHead(`${keras}-cosine`);
    const x = inputOf(expectedOf(`${keras}-cosine`));
    expect(ke.inspection.getLogitsLayer(model).name).toBe('cosine');
    await expect(ke.cam(ke.inspection.expose(model), x, [[0]], quiet)).rejects.toThrow(
      "The layer 'cosine' (",
    );
  });
});

describe.each(['keras2', 'keras3'])('the activations of a %s model', (keras) => {
  test('have positions, also where a pooling to 1 x 1 comes before Flatten', async () => {
    using model = await loadHead(`${keras}-pooled`);
    const warnings = warningsOf('ACTIVATIONS_WITHOUT_POOLING');
    const exposed = ke.inspection.expose(model);
    ke.inspection.expose(model);
    await delivered();
    warnings.stop();
    expect(exposed.outputs[1]?.shape).toEqual([null, 6, 6, 6]);
    expect(warnings.messages).toHaveLength(1);
    expect(warnings.messages[0]).toContain('the last tensor with several positions');
    const { maps } = await ke.gradcam(exposed, inputOf(expectedOf(`${keras}-pooled`)), [[1]], quiet);
    expect(new Set(numbersOf(maps)).size).toBeGreaterThan(1);
  });

  test('follow the first input, or the input that `input` names', async () => {
    using model = await loadHead(`${keras}-branches`);
    const { expose } = ke.inspection;
    expect(expose(model).outputs[1]?.shape).toEqual([null, 6, 6, 6]);
    expect(expose(model, null, { input: 'image' }).outputs[1]?.shape).toEqual([null, 6, 6, 6]);
    expect(expose(model, null, null, { input: 'tokens' }).outputs[1]?.shape).toEqual([null, 7, 6]);
    expect(expose(model, null, { input: 1 }).outputs[1]?.shape).toEqual([null, 7, 6]);
    expect(() => expose(model, null, { input: 'token' })).toThrow('Did you mean "tokens"?');
  });
});

describe('a place', () => {
  test('is also a tensor of the graph, or a path with slashes', async () => {
    using model = await loadHead('keras3-blocks');
    const { expose } = ke.inspection;
    const named = expose(model).outputs.map(({ name }) => name) as [string, string];
    expect(expose(model, named[1], [{ name: 'head' }]).outputs.map(({ name }) => name)).toEqual(named);
    expect(expose(model, 'block1/conv').outputs[1]).toEqual(expose(model, ['block1', 'conv']).outputs[1]);
    expect(() => expose(model, 'block1/nothing:0')).toThrow('The model has no layer');
  });

  test('is refused with the names of options that do not exist', async () => {
    using model = await loadHead('keras3-softmax');
    const { expose } = ke.inspection;
    expect(() => expose(model, null, null, { activations: 'linear' } as never)).toThrow('activation');
    expect(() => expose(model, null, { activation: 'none' as never })).toThrow("'linear' or 'keep'");
  });
});
