import { describe, expect, it } from 'vitest';
import type { LayerInfo, TensorSpec } from '../../../lib/graph/layer.js';
import { getGlobalPoolingLayer } from '../../../lib/inspection/activations.js';
import type { ChainLink, Connected } from '../../../lib/inspection/connected.js';
import { getLogitsLayer, logitsOf } from '../../../lib/inspection/head.js';

type Row = [name: string, type: string, from: string[], shape: (number | null)[], weights?: string[]];

/** A model of layers, each with the layers it takes its inputs from and the shape of its output. */
function modelOf(output: string, rows: readonly Row[]): Connected {
  const shapes = new Map<string, (number | null)[]>([['input', [null, 32, 32, 3]]]);
  for (const [name, , , shape] of rows) shapes.set(name, shape);
  const spec = (name: string): TensorSpec => ({ name, dtype: 'float32', shape: shapes.get(name) ?? null });
  const layers = rows.map(([name, type, from, , weights = []]): LayerInfo => {
    const call = { inputs: from.map(spec), outputs: [spec(name)] };
    return {
      name,
      path: name.split('/'),
      type,
      input: call.inputs,
      output: call.outputs,
      calls: [call],
      weights: weights.map((weight) => spec(`${name}/${weight}`)),
    };
  });
  const depends = (tensor: string, on: readonly string[]): boolean =>
    on.includes(tensor) ||
    layers.some(
      ({ output: [made], input }) => made?.name === tensor && input.some(({ name }) => depends(name, on)),
    );
  /** Activations and layers that reshape keep the units of their input. */
  const outputChain = (tensor: string): ChainLink[] => {
    const layer = layers.find(({ output: [made] }) => made?.name === tensor);
    const [from, ...others] = layer?.input ?? [];
    const kinds: Record<string, ChainLink['kind']> = { Activation: 'softmax', ReLU: 'other' };
    for (const type of ['Dropout', 'Reshape', 'Flatten', 'Functional']) kinds[type] = 'view';
    const kind = kinds[layer?.type ?? ''];
    if (from === undefined || others.length > 0 || kind === undefined) return [{ tensor, kind: 'other' }];
    return [{ tensor, kind }, ...outputChain(from.name)];
  };
  return {
    layers,
    outputTensors: [output],
    dependsOn: (of, from) => of.some((each) => depends(each, from)),
    outputChain,
    lastWithPositions: () => null,
    tensorSpec: (name) => (shapes.has(name) ? spec(name) : null),
  };
}

const names = (specs: readonly TensorSpec[]) => specs.map(({ name }) => name);

describe('the head of a model', () => {
  it('is pooling and dense', () => {
    const model = modelOf('predictions', [
      ['conv', 'Conv2D', ['input'], [null, 8, 8, 16], ['kernel']],
      ['gap', 'GlobalAveragePooling2D', ['conv'], [null, 16]],
      ['predictions', 'Dense', ['gap'], [null, 10], ['kernel', 'bias']],
    ]);
    expect(getLogitsLayer(model).name).toBe('predictions');
    expect(getGlobalPoolingLayer(model).name).toBe('gap');
    expect(names([logitsOf(model)])).toEqual(['predictions']);
    expect(getLogitsLayer(model, 'conv').name).toBe('conv');
    expect(getGlobalPoolingLayer(model, 'conv').name).toBe('conv');
  });

  it('is found by what is computed last, however the layers are listed', () => {
    const rows: Row[] = [
      ['conv', 'Conv2D', ['input'], [null, 8, 8, 16], ['kernel']],
      ['early', 'GlobalAveragePooling2D', ['conv'], [null, 1, 1, 16]],
      ['scaled', 'Conv2D', ['conv', 'early'], [null, 8, 8, 16], ['kernel']],
      ['gap', 'GlobalAveragePooling2D', ['scaled'], [null, 16]],
      ['hidden', 'Dense', ['gap'], [null, 8], ['kernel']],
      ['head', 'Dense', ['hidden'], [null, 10], ['kernel']],
    ];
    // Every order in which a class may have assigned them.
    const orders = (left: readonly Row[]): Row[][] =>
      left.length === 0
        ? [[]]
        : left.flatMap((row, i) => orders(left.filter((_, j) => j !== i)).map((rest) => [row, ...rest]));
    for (const listed of orders(rows)) {
      const model = modelOf('head', listed);
      expect([getLogitsLayer(model).name, getGlobalPoolingLayer(model).name]).toEqual(['head', 'gap']);
    }
  });

  it('is a layer within another one, where that is the last', () => {
    const model = modelOf('net', [
      ['net', 'Functional', ['net/head'], [null, 10], ['kernel']],
      ['net/conv', 'Conv2D', ['input'], [null, 8, 8, 16], ['kernel']],
      ['net/gap', 'GlobalAveragePooling2D', ['net/conv'], [null, 16]],
      ['net/head', 'Dense', ['net/gap'], [null, 10], ['kernel']],
    ]);
    expect(getLogitsLayer(model).name).toBe('net/head');
  });

  it('is a convolution of size 1, then a Reshape, as in MobileNet', () => {
    const model = modelOf('softmax', [
      ['se_gap', 'GlobalAveragePooling2D', ['input'], [null, 1, 1, 3]],
      ['conv', 'Conv2D', ['se_gap', 'input'], [null, 8, 8, 16], ['kernel']],
      ['gap', 'GlobalAveragePooling2D', ['conv'], [null, 1, 1, 16]],
      ['conv_preds', 'Conv2D', ['gap'], [null, 1, 1, 10], ['kernel', 'bias']],
      ['dropout', 'Dropout', ['conv_preds'], [null, 1, 1, 10]],
      ['flatten', 'Flatten', ['dropout'], [null, 10]],
      ['softmax', 'Activation', ['flatten'], [null, 10]],
    ]);
    expect(getLogitsLayer(model).name).toBe('conv_preds');
    expect(getGlobalPoolingLayer(model).name).toBe('gap');
    expect(names([logitsOf(model)])).toEqual(['flatten']);
  });

  it('is a convolution with a map per unit, then a pooling, as in SqueezeNet', () => {
    const model = modelOf('softmax', [
      ['se_gap', 'GlobalAveragePooling2D', ['input'], [null, 3]],
      ['conv', 'Conv2D', ['se_gap', 'input'], [null, 8, 8, 16], ['kernel']],
      ['conv_preds', 'Conv2D', ['conv'], [null, 8, 8, 10], ['kernel', 'bias']],
      ['relu', 'ReLU', ['conv_preds'], [null, 8, 8, 10]],
      ['gap', 'GlobalAveragePooling2D', ['relu'], [null, 10]],
      ['softmax', 'Activation', ['gap'], [null, 10]],
    ]);
    expect(getLogitsLayer(model).name).toBe('conv_preds');
    expect(getGlobalPoolingLayer(model).name).toBe('gap');
    expect(names([logitsOf(model)])).toEqual(['gap']);
  });

  it('passes over a Flatten of 1 x 1 after the pooling', () => {
    const model = modelOf('predictions', [
      ['conv', 'Conv2D', ['input'], [null, 8, 8, 16], ['kernel']],
      ['gap', 'GlobalAveragePooling2D', ['conv'], [null, 1, 1, 16]],
      ['flatten', 'Flatten', ['gap'], [null, 16]],
      ['predictions', 'Dense', ['flatten'], [null, 10], ['kernel', 'bias']],
    ]);
    expect(getGlobalPoolingLayer(model).name).toBe('gap');
  });

  it('is that of the first output, where there are several', () => {
    const rows: Row[] = [
      ['conv', 'Conv2D', ['input'], [null, 8, 8, 16], ['kernel']],
      ['gap', 'GlobalAveragePooling2D', ['conv'], [null, 16]],
      ['classes', 'Dense', ['gap'], [null, 10], ['kernel', 'bias']],
      ['conv_b', 'Conv2D', ['conv'], [null, 4, 4, 16], ['kernel']],
      ['gap_b', 'GlobalMaxPooling2D', ['conv_b'], [null, 16]],
      ['boxes', 'Dense', ['gap_b'], [null, 4], ['kernel', 'bias']],
    ];
    expect(getLogitsLayer(modelOf('classes', rows)).name).toBe('classes');
    expect(getGlobalPoolingLayer(modelOf('classes', rows)).name).toBe('gap');
    expect(getLogitsLayer(modelOf('boxes', rows)).name).toBe('boxes');
    expect(getGlobalPoolingLayer(modelOf('boxes', rows)).name).toBe('gap_b');
  });

  it('is a layer with a weight of another name, where no kernel leads to the output one to one', () => {
    const model = modelOf('cosine', [
      ['conv', 'Conv2D', ['input'], [null, 8, 8, 16], ['kernel']],
      ['gap', 'GlobalAveragePooling2D', ['conv'], [null, 16]],
      ['embedding', 'Dense', ['gap'], [null, 8], ['kernel']],
      ['cosine', 'Cosine', ['embedding'], [null, 10], ['W']],
    ]);
    expect(getLogitsLayer(model).name).toBe('cosine');
    expect(logitsOf(model).name).toBe('cosine');
  });

  it('is the output itself, where two heads are joined', () => {
    const model = modelOf('joined', [
      ['conv', 'Conv2D', ['input'], [null, 8, 8, 16], ['kernel']],
      ['gap', 'GlobalAveragePooling2D', ['conv'], [null, 16]],
      ['one', 'Dense', ['gap'], [null, 1], ['kernel']],
      ['two', 'Dense', ['gap'], [null, 2], ['kernel']],
      ['joined', 'Concatenate', ['one', 'two'], [null, 3]],
    ]);
    expect(logitsOf(model).name).toBe('joined');
    expect(() => getLogitsLayer(model)).toThrow('no layer with a `kernel` that computes the units');
    expect(getGlobalPoolingLayer(model).name).toBe('gap');
  });

  it('has a kernel whose name Keras 3 has numbered', () => {
    const model = modelOf('head', [
      ['conv', 'Conv2D', ['input'], [null, 8, 8, 16], ['kernel']],
      ['gap', 'GlobalAveragePooling2D', ['conv'], [null, 16]],
      ['head', 'Dense', ['gap'], [null, 10], ['kernel_1']],
    ]);
    expect(getLogitsLayer(model).name).toBe('head');
  });

  it('is refused where there is none', () => {
    const model = modelOf('conv', [['conv', 'Conv2D', ['input'], [null, 8, 8, 16], ['kernel']]]);
    expect(() => getGlobalPoolingLayer(model)).toThrow('of type Flatten or');
    const none = modelOf('relu', [['relu', 'ReLU', ['input'], [null, 8, 8, 16]]]);
    expect(() => getLogitsLayer(none)).toThrow(
      "no layer with a `kernel` that computes the units of the model's first output. Name the layer. Its layers are 'relu'.",
    );
  });
});
