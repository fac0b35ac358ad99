import { describe, expect, it } from 'vitest';
import type { LayerInfo, TensorSpec } from '../../../lib/graph/layer.js';
import { getGlobalPoolingLayer } from '../../../lib/inspection/activations.js';
import { type EndpointDescriptor, endpoints } from '../../../lib/inspection/endpoints.js';
import { getLogitsLayer } from '../../../lib/inspection/head.js';
import { findLayerWith, getNestedLayer } from '../../../lib/inspection/layers.js';

const spec = (name: string): TensorSpec => ({ name, dtype: 'float32', shape: [null, 4] });

function layer(path: string, type: string, weights: string[] = [], calls = 1): LayerInfo {
  const parts = path.split('/');
  const made = Array.from({ length: calls }, (_, i) => ({
    inputs: [spec(`${path}_in:${i}`)],
    outputs: [spec(`${path}_out:${i}`)],
  }));
  const last = made.at(-1);
  return {
    name: parts.at(-1) as string,
    path: parts,
    type,
    input: last?.inputs ?? [],
    output: last?.outputs ?? [],
    calls: made,
    weights: weights.map((weight) => spec(`${path}/${weight}`)),
  };
}

const model = {
  layers: [
    layer('conv1', 'Conv2D', ['kernel', 'bias']),
    layer('relu', 'ReLU', [], 2),
    layer('inner', 'Functional', ['conv/kernel:0', 'norm/gamma', 'norm/beta']),
    layer('inner/conv', 'Conv2D', ['kernel:0']),
    layer('inner/norm', 'BatchNormalization', ['gamma', 'beta']),
    layer('other/norm', 'BatchNormalization', ['gamma', 'beta']),
    layer('gap', 'GlobalAveragePooling2D'),
    layer('predictions', 'Dense', ['kernel', 'bias']),
    layer('depthwise', 'DepthwiseConv2D', ['depthwise_kernel']),
    layer('flat', 'Flatten', [], 0),
  ],
};
const names = (specs: readonly TensorSpec[]) => specs.map(({ name }) => name);

describe('getNestedLayer', () => {
  it('finds by name, by path, and by a name that is nested once', () => {
    expect(getNestedLayer(model, 'conv1').name).toBe('conv1');
    expect(getNestedLayer(model, ['inner', 'norm']).path).toEqual(['inner', 'norm']);
    expect(getNestedLayer(model, 'conv').path).toEqual(['inner', 'conv']);
  });

  it('refuses a name that is nested twice, and names the places', () => {
    expect(() => getNestedLayer(model, 'norm')).toThrow(
      "The layer 'norm' is in several nested models: choose one of ['inner', 'norm'], ['other', 'norm'].",
    );
  });

  it('names what may have been meant', () => {
    expect(() => getNestedLayer(model, 'prediction')).toThrow(
      "The model has no layer 'prediction'. Did you mean 'predictions'?",
    );
    expect(() => getNestedLayer(model, ['inner', 'cnov'])).toThrow("Did you mean ['inner', 'conv']");
    expect(() => getNestedLayer(model, 'zzzzzzzz')).toThrow('Its last of 10 layers are ');
    expect(() => getNestedLayer({ layers: [] }, 'a')).toThrow('It has no layers that could be told apart.');
    expect(() => getNestedLayer(model, ['conv1', 'gap'])).toThrow("nest them: [['conv1'], ['gap']].");
    expect(() => getNestedLayer(model, 3 as never)).toThrow(TypeError);
    expect(() => getNestedLayer(model, [])).toThrow(TypeError);
  });

  it('throws typed errors', () => {
    expect(() => getNestedLayer(model, 'zz')).toThrow(
      expect.objectContaining({ name: 'ModelError', code: 'NOT_FOUND' }),
    );
  });
});

describe('findLayerWith', () => {
  it('finds by weights and type, from either end', () => {
    expect(findLayerWith(model, { properties: ['gamma', 'beta'], searchReversed: false }).path[0]).toBe(
      'inner',
    );
    expect(findLayerWith(model, { properties: ['gamma'] }).path[0]).toBe('other');
    expect(findLayerWith(model, { type: ['Conv2D'], properties: ['bias'] }).name).toBe('conv1');
  });

  it('says what was looked for', () => {
    expect(() => findLayerWith(model, { type: ['LSTM'], properties: ['kernel'] })).toThrow(
      'The model has no layer with a `kernel` of type LSTM. Name the layer.',
    );
    expect(() => findLayerWith(model, {})).toThrow('at least one of `name`, `properties` and `type`');
    expect(() => findLayerWith(model, undefined as never)).toThrow('argument `search`');
    expect(() => findLayerWith(model, { propertys: ['kernel'] } as never)).toThrow('should be "properties"');
    expect(() => findLayerWith(model, { type: 'Conv2D' as never })).toThrow(
      'an array of names for argument `type`',
    );
  });
});

describe('endpoints', () => {
  it('are addressed by name, path, position, layer and descriptor', () => {
    const places = ['conv1', ['inner', 'conv'], 0, -2, 3, model.layers[6] as LayerInfo];
    expect(names(endpoints(model, places))).toEqual([
      'conv1_out:0',
      'inner/conv_out:0',
      'conv1_out:0',
      'depthwise_out:0',
      'gap_out:0', // Nested layers are not counted.
      'gap_out:0',
    ]);
  });

  it('are what enters or leaves a layer, at the last call or another', () => {
    const at = (place: EndpointDescriptor) => names(endpoints(model, [place]))[0];
    expect(at({ name: 'gap', link: 'input' })).toBe('gap_in:0');
    expect(at({ name: 'relu' })).toBe('relu_out:1');
    expect(at({ name: 'relu', node: 0 })).toBe('relu_out:0');
    expect(at({ layer: 1, link: 'input', node: 'last' })).toBe('relu_in:1');
    expect(at({ layer: model.layers[0] as LayerInfo, link: 'input' })).toBe('conv1_in:0');
  });

  it.each([
    [99, 'The model has no layer 99: it has 7 that are not nested, counted from 0'],
    [{ name: 'relu', node: 2 }, "The layer 'relu' has no call 2: it is called 2 times"],
    [{ name: 'relu', node: -1 }, 'has no call -1'],
    [{ name: 'flat' }, "The layer 'flat' has no call last"],
    [{ nmae: 'relu' }, 'Misspelled option "nmae" should be "name".'],
    [{ link: 'input' }, "Expected a layer's name"],
    [{ name: 'relu', link: 'in' }, "Expected 'input' or 'output' for argument `link`"],
    [{ name: 'relu', node: 0.5 }, "Expected a call's number"],
    [layer('conv1', 'Conv2D'), "the layer 'conv1' of another model"],
    [true, "Expected a layer's name"],
    [null, "Expected a layer's name"],
  ])('refuse %o', (place, message) => {
    expect(() => endpoints(model, [place as never])).toThrow(message);
  });
});

describe('what is no model', () => {
  it.each([undefined, null, 3, {}])('%o is refused as one', (wrong) => {
    const refusal = 'Expected a model from `loadModel` for argument `model`';
    expect(() => getNestedLayer(wrong as never, 'a')).toThrow(refusal);
    expect(() => findLayerWith(wrong as never, { name: 'a' })).toThrow(refusal);
    expect(() => endpoints(wrong as never, ['a'])).toThrow(refusal);
    expect(() => getLogitsLayer(wrong as never)).toThrow(refusal);
    expect(() => getGlobalPoolingLayer(wrong as never)).toThrow(refusal);
  });

  it('and a single place is no list of places', () => {
    expect(() => endpoints(model, 'conv1' as never)).toThrow('argument `places`');
  });
});
