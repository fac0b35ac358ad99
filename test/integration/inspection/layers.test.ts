/** The names of layers where the file does not list them: frozen graphs, and layers around another saved model. */
import { describe, expect, test } from 'vitest';
import * as ke from '../../../lib/index.js';
import { expectedOf, inputOf, loadHead, numbersOf } from './heads.js';

const quiet = { verbose: 0, resizing: false, postprocessing: null } as const;

describe.each(['keras2', 'keras3'])('a frozen graph of %s', (keras) => {
  test('has a layer for each number, also where no layer has the name without a number', async () => {
    using model = await loadHead(`${keras}-frozen_numbered`);
    const convolutions = model.layers.filter(({ type }) => type === 'Conv2D');
    expect(convolutions.map(({ name }) => name)).toEqual([7, 8, 9, 10, 11, 12, 13].map((i) => `conv2d_${i}`));
    for (const { calls, weights } of convolutions) expect([calls.length, weights.length]).toEqual([1, 2]);
    expect(ke.inspection.getLogitsLayer(model).type).toBe('Dense');
    expect(ke.inspection.expose(model, 'conv2d_9').outputs[1]?.shape).toEqual([null, 8, 8, 2]);
  });
});

describe('a hub.KerasLayer', () => {
  test('holds the layers of the module that was saved', async () => {
    using model = await loadHead('keras2-hub');
    expect(model.layers.map(({ path }) => path.join('/'))).toEqual([
      'keras_layer',
      'keras_layer/conv1',
      'keras_layer/bn',
      'keras_layer/conv2',
      'keras_layer/gap',
      'head',
    ]);
    expect(model.layers.map(({ type }) => type)).toEqual([
      'KerasLayer',
      'Conv2D',
      'BatchNormalization',
      'Conv2D',
      'GlobalAveragePooling2D',
      'Dense',
    ]);
  });

  test('is explained at its last convolution by default, and at any layer inside', async () => {
    using model = await loadHead('keras2-hub');
    const x = inputOf(expectedOf('keras2-hub'));
    const exposed = ke.inspection.expose(model);
    expect(exposed.outputs[1]?.shape).toEqual([null, 4, 4, 5]);
    const { maps } = await ke.gradcam(exposed, x, null, quiet);
    const named = await ke.gradcam(ke.inspection.expose(model, ['keras_layer', 'conv2']), x, null, quiet);
    expect(numbersOf(named.maps)).toEqual(numbersOf(maps));
    expect(ke.inspection.expose(model, 'bn').outputs[1]?.shape).toEqual([null, 6, 6, 4]);
  });
});
