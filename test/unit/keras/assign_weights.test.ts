/**
 * Which stored array belongs to which variable, for the layouts of all files. The names are those that Keras writes.
 */
import { describe, expect, test } from 'vitest';
import { assignWeights } from '../../../lib/keras/assign_weights.js';
import { Config, type JsonObject } from '../../../lib/keras/config.js';
import type { LayerKind, VariableSpec } from '../../../lib/keras/layer_kind.js';
import type { LayerNode } from '../../../lib/keras/layer_node.js';
import type { StoredArray, StoredWeights } from '../../../lib/keras/stored_weights.js';

const kind = (className: string, variables: readonly VariableSpec[] = []): LayerKind => ({
  names: [className],
  variables: () => variables,
  build: () => () => [],
});

const BIASED = [{ name: 'kernel' }, { name: 'bias' }];
const FROZEN = { trainable: false };
const KINDS: Readonly<Record<string, LayerKind>> = {
  Dense: kind('Dense', BIASED),
  Conv2D: kind('Conv2D', BIASED),
  // Declared in the order of `add_weight`, in which a variable without training may come first.
  BatchNormalization: kind('BatchNormalization', [
    { name: 'moving_mean', ...FROZEN },
    { name: 'gamma' },
    { name: 'beta' },
  ]),
  LSTM: kind('LSTM'),
  LSTMCell: kind('LSTMCell', [{ name: 'kernel' }, { name: 'recurrent_kernel' }]),
  Bidirectional: kind('Bidirectional'),
  Activation: kind('Activation'),
  MultiHeadAttention: kind('MultiHeadAttention'),
  SpectralNormalization: kind('SpectralNormalization', [
    { name: 'kernel', isShared: true },
    { name: 'vector_u', ...FROZEN },
  ]),
};

interface NodeOptions {
  readonly config?: JsonObject;
  readonly sublayers?: Readonly<Record<string, LayerNode>>;
  readonly layers?: readonly LayerNode[];
  readonly module?: string;
}

function node(className: string, name: string, options: NodeOptions = {}): LayerNode {
  const { config = {}, sublayers = {}, layers, module = 'keras.layers' } = options;
  return {
    name,
    className,
    module,
    registeredName: '',
    config: new Config(config, `layer '${name}' (${className})`),
    kind: KINDS[className] ?? null,
    sublayers: new Map(Object.entries(sublayers)),
    model: layers ? { layers, names: new Map(), calls: new Map(), inputs: null, outputs: null } : null,
  };
}

const model = (name: string, layers: readonly LayerNode[], config?: JsonObject) =>
  node('Functional', name, { layers, ...(config && { config }) });

const lstm = (name: string) => node('LSTM', name, { sublayers: { cell: node('LSTMCell', 'lstm_cell') } });

const array = (name: string, index = 0): StoredArray => ({ name, dtype: 'float32', shape: [3, 4], index });

const indexed = (names: readonly string[]) =>
  new Map(names.map((name, i) => [name, array(name, i)] as const));

const tree = (...paths: string[]): StoredWeights => ({ layout: 'tree', arrays: indexed(paths) });
const flat = (...names: string[]): StoredWeights => ({ layout: 'flat', arrays: indexed(names) });
const groups = (lists: Readonly<Record<string, readonly string[]>>): StoredWeights => {
  let next = 0;
  return {
    layout: 'groups',
    groups: new Map(
      Object.entries(lists).map(([layer, names]) => [layer, names.map((name) => array(name, next++))]),
    ),
  };
};

/** The numbers of the assigned arrays in the file, by the names of layer and variable. */
function assigned(root: LayerNode, weights: StoredWeights, kerasVersion = '3.15.0'): Record<string, number> {
  const found = assignWeights(root, { weights, kerasVersion });
  return Object.fromEntries(
    [...found].flatMap(([layer, arrays]) =>
      Object.entries(arrays).map(([name, { index }]) => [`${layer.name}.${name}`, index]),
    ),
  );
}

describe('weights by attributes', () => {
  const vars = (path: string, count: number) => Array.from({ length: count }, (_, i) => `${path}/vars/${i}`);

  test('layers are numbered by class in the order of the model', () => {
    const root = model('m', [
      node('Dense', 'z'),
      node('Conv2D', 'c'),
      node('Dense', 'a'),
      node('Activation', 'r'),
    ]);
    const weights = tree(
      ...vars('layers/dense_1', 2),
      ...vars('layers/conv2d', 2),
      ...vars('layers/dense', 2),
    );
    expect(assigned(root, weights)).toEqual({
      'a.kernel': 0,
      'a.bias': 1,
      'c.kernel': 2,
      'c.bias': 3,
      'z.kernel': 4,
      'z.bias': 5,
    });
  });

  test('Keras 2.12 numbers a layer with weights twice', () => {
    const container = '_layer_checkpoint_dependencies';
    const inner = model('inner', [node('Dense', 'c'), node('Dense', 'd')]);
    const root = model('m', [
      node('Dense', 'a'),
      node('Activation', 'r'),
      node('Dense', 'b'),
      inner,
      model('end', []),
    ]);
    const weights = tree(
      ...vars(`${container}/dense`, 2),
      ...vars(`${container}/dense_2`, 2),
      ...vars(`${container}/functional/${container}/dense`, 2),
      ...vars(`${container}/functional/${container}/dense_2`, 2),
    );
    expect(assigned(root, weights, '2.12.0')).toMatchObject({
      'a.kernel': 0,
      'b.kernel': 2,
      'c.kernel': 4,
      'd.bias': 7,
    });
  });

  test('trainable variables are stored before all others', () => {
    const root = model('m', [node('BatchNormalization', 'bn')]);
    expect(assigned(root, tree(...vars('layers/batch_normalization', 3)))).toEqual({
      'bn.gamma': 0,
      'bn.beta': 1,
      'bn.moving_mean': 2,
    });
  });

  test('sublayers are found by attribute, with an underscore or without', () => {
    const attention = node('MultiHeadAttention', 'mha', {
      sublayers: { query_dense: node('Dense', 'query'), _key_dense: node('Dense', 'key') },
    });
    const both = node('Bidirectional', 'bi', {
      sublayers: { forward_layer: lstm('f'), backward_layer: lstm('b') },
    });
    const weights = tree(
      ...vars('layers/bidirectional/backward_layer/cell', 2),
      ...vars('layers/bidirectional/forward_layer/cell', 2),
      ...vars('layers/multi_head_attention/_query_dense', 2),
      ...vars('layers/multi_head_attention/key_dense', 2),
    );
    const found = assignWeights(model('m', [both, attention]), { weights, kerasVersion: '3.0.0' });
    const forward = both.sublayers.get('forward_layer')?.sublayers.get('cell') as LayerNode;
    expect(found.get(forward)?.kernel?.index).toBe(2);
    expect(found.get(attention.sublayers.get('query_dense') as LayerNode)?.kernel?.index).toBe(4);
    expect(found.get(attention.sublayers.get('_key_dense') as LayerNode)?.kernel?.index).toBe(6);
  });

  test('a custom class has all its arrays by their paths', () => {
    const custom = node('MyLayer', 'mine', { module: '' });
    const weights = tree(
      'layers/my_layer/vars/0',
      'layers/my_layer/dense/vars/0',
      'layers/my_layer/dense/vars/1',
    );
    expect(assigned(model('m', [custom]), weights)).toEqual({
      'mine.vars/0': 0,
      'mine.dense/vars/0': 1,
      'mine.dense/vars/1': 2,
    });
  });

  test('optimizers, metrics and the state of random numbers are left out', () => {
    const inner = model('inner', [node('Dense', 'd')]);
    const weights = tree(
      'layers/functional/layers/dense/vars/0',
      'layers/functional/layers/dense/vars/1',
      'layers/functional/optimizer/vars/0',
      'layers/activation/_dropout_layer/seed_generator/vars/0',
      'optimizer/vars/0',
      '_metrics/mean/vars/0',
    );
    expect(assigned(model('m', [inner, node('Activation', 'a')]), weights)).toEqual({
      'd.kernel': 0,
      'd.bias': 1,
    });
  });

  test('operations of Keras 3 do not count as layers', () => {
    const root = model('m', [node('Dense', 'op', { module: 'keras.src.ops.nn' }), node('Dense', 'd')]);
    expect(assigned(root, tree(...vars('layers/dense', 2)))).toEqual({ 'd.kernel': 0, 'd.bias': 1 });
  });

  test('a layer of two models is stored once', () => {
    const shared = node('Dense', 'shared');
    const root = model('m', [shared, model('inner', [shared])]);
    expect(assigned(root, tree(...vars('layers/dense', 2)))).toEqual({
      'shared.kernel': 0,
      'shared.bias': 1,
    });
  });

  test.each([
    [
      'too few',
      vars('layers/dense', 1),
      /layer 'd' \(Dense\).* Expected 2 arrays \(kernel, bias\).*'layers\/dense\/vars\/0' float32 \(3, 4\)/,
    ],
    ['none', [], /Expected 2 arrays \(kernel, bias\) but the file has 0 \(none\)/],
    ['too many', vars('layers/dense', 3), /has 3 \('layers\/dense\/vars\/0'/],
    ['other numbers', ['layers/dense/vars/0', 'layers/dense/vars/2'], /has 2/],
    [
      'another layer',
      [...vars('layers/dense', 2), 'layers/dense_1/vars/0'],
      /no layer .*'layers\/dense_1\/vars\/0'/,
    ],
    ['a variable of the model', [...vars('layers/dense', 2), 'vars/0'], /no layer .*'vars\/0'/],
    [
      'a sublayer',
      [...vars('layers/dense', 2), 'layers/dense/lora/vars/0'],
      /'layers\/dense\/lora\/vars\/0'/,
    ],
  ])('refuses arrays that do not match: %s', (_, paths, message) => {
    const root = model('m', [node('Dense', 'd')]);
    expect(() => assigned(root, tree(...paths))).toThrow(message);
  });
});

describe('weights by layer', () => {
  const normalized = (name: string, trainable = true) =>
    node('BatchNormalization', name, trainable ? {} : { config: FROZEN });

  test('layers have the names of the groups', () => {
    const root = model('m', [node('Dense', 'a'), node('Activation', 'r'), node('Dense', 'b')]);
    const weights = groups({ b: ['b/kernel:0', 'b/bias:0'], a: ['a/kernel:0', 'a/bias:0'], r: [] });
    expect(assigned(root, weights)).toEqual({ 'b.kernel': 0, 'b.bias': 1, 'a.kernel': 2, 'a.bias': 3 });
  });

  test('layers of another instance of the model are paired in order', () => {
    const root = model('m', [node('Dense', 'dense'), node('Activation', 'r'), node('Dense', 'dense_1')]);
    const weights = groups({
      dense_7: ['dense_7/kernel:0', 'dense_7/bias:0'],
      r_3: [],
      dense_1: ['dense_1/kernel:0', 'dense_1/bias:0'],
    });
    expect(assigned(root, weights)).toMatchObject({ 'dense.kernel': 0, 'dense_1.kernel': 2 });
  });

  test('the variables of a nested model begin with all that are trainable', () => {
    const root = model('m', [model('inner', [normalized('bn'), node('Dense', 'd')])]);
    const weights = groups({
      inner: ['bn/gamma:0', 'bn/beta:0', 'd/kernel:0', 'd/bias:0', 'bn/moving_mean:0'],
    });
    expect(assigned(root, weights)).toEqual({
      'bn.gamma': 0,
      'bn.beta': 1,
      'd.kernel': 2,
      'd.bias': 3,
      'bn.moving_mean': 4,
    });
  });

  test('a layer without training is stored with the others that are not trained', () => {
    const root = model('m', [
      model('inner', [normalized('bn', false), node('Dense', 'd'), normalized('bn2')]),
    ]);
    const weights = groups({
      inner: [
        ...['d/kernel:0', 'd/bias:0', 'bn2/gamma:0', 'bn2/beta:0'],
        ...['bn/gamma:0', 'bn/beta:0', 'bn/moving_mean:0', 'bn2/moving_mean:0'],
      ],
    });
    for (const version of ['2.12.0', '3.0.0']) {
      expect(assigned(root, weights, version)).toEqual({
        'd.kernel': 0,
        'd.bias': 1,
        'bn2.gamma': 2,
        'bn2.beta': 3,
        'bn.gamma': 4,
        'bn.beta': 5,
        'bn.moving_mean': 6,
        'bn2.moving_mean': 7,
      });
    }
  });

  test('the names tell that the config of a frozen layer is newer than the order', () => {
    const root = model('m', [model('inner', [normalized('bn', false), node('Dense', 'd')])]);
    const names = ['bn/gamma:0', 'bn/beta:0', 'd/kernel:0', 'd/bias:0', 'bn/moving_mean:0'];
    expect(assigned(root, groups({ inner: names }), '2.4.0')).toMatchObject({
      'bn.gamma': 0,
      'bn.moving_mean': 4,
    });
  });

  test('a frozen model of Keras 3 has the variables of each layer together', () => {
    const inner = model('inner', [normalized('bn'), node('Dense', 'd')], FROZEN);
    const names = [
      'inner/bn/gamma',
      'inner/bn/beta',
      'inner/bn/moving_mean',
      'inner/d/kernel',
      'inner/d/bias',
    ];
    expect(assigned(model('m', [inner]), groups({ inner: names }))).toMatchObject({
      'bn.moving_mean': 2,
      'd.kernel': 3,
    });
  });

  test('sublayers are stored in their order', () => {
    const both = node('Bidirectional', 'bi', {
      sublayers: { forward_layer: lstm('f'), backward_layer: lstm('b') },
    });
    const names = ['forward', 'backward'].flatMap((way) =>
      ['kernel', 'recurrent_kernel'].map((name) => `bi/${way}_lstm/lstm_cell/${name}:0`),
    );
    const found = assignWeights(model('m', [both]), {
      weights: groups({ bi: names }),
      kerasVersion: '2.12.0',
    });
    const backward = both.sublayers.get('backward_layer')?.sublayers.get('cell') as LayerNode;
    expect(found.get(backward)?.recurrent_kernel?.index).toBe(3);
  });

  test('names of Keras 1 and numbers of TensorFlow 1 contradict nothing', () => {
    const root = model('m', [node('Dense', 'dense_1'), node('Dense', 'dense_2')]);
    const weights = groups({
      dense_1: ['dense_1_W', 'dense_1_b'],
      dense_2: ['dense_2/kernel_1:0', 'dense_2/bias_1:0'],
    });
    expect(assigned(root, weights, '1')).toMatchObject({ 'dense_1.kernel': 0, 'dense_2.bias': 3 });
  });

  test('a custom class has its arrays by their names within the layer', () => {
    const mine = node('MyLayer', 'mine', { module: '' });
    const nested = model('inner', [node('Dense', 'd'), node('MyLayer', 'yours', { module: '' })]);
    const weights = groups({
      mine: ['mine/scale:0', 'mine/dense/kernel:0'],
      inner: ['yours/scale:0', 'd/kernel:0', 'd/bias:0'],
    });
    expect(assigned(model('m', [mine, nested]), weights)).toEqual({
      'mine.scale': 0,
      'mine.dense/kernel': 1,
      'yours.scale': 2,
      'd.kernel': 3,
      'd.bias': 4,
    });
  });

  test.each([
    ['too few arrays', { d: ['d/kernel:0'] }, /Expected 2 arrays \(kernel, bias\) but the file has 1/],
    ['no arrays', { d: [] }, /layer 'd' \(Dense\)/],
    ['too many', { d: ['d/kernel:0', 'd/bias:0', 'd/scale:0'] }, /has 3 .*'d\/scale:0' float32 \(3, 4\)/],
    ['another order', { d: ['d/bias:0', 'd/kernel:0'] }, /layer 'd' \(Dense\)/],
    [
      'another layer',
      { d: ['d/kernel:0', 'd/bias:0'], e: ['e/kernel:0'] },
      /1 layers \('d'\) but the file has 2/,
    ],
  ])('refuses arrays that do not match: %s', (_, lists, message) => {
    expect(() => assigned(model('m', [node('Dense', 'd')]), groups(lists))).toThrow(message);
  });
});

describe('weights in one list', () => {
  test('layers are found by name, below the name of the model or not', () => {
    const root = model('m', [node('Dense', 'a'), model('inner', [node('Dense', 'c')]), node('Dense', 'b')]);
    const weights = flat(
      'b/kernel',
      'b/bias',
      'sequential_1/a/kernel',
      'sequential_1/a/bias',
      'c/kernel',
      'c/bias',
    );
    expect(assigned(root, weights)).toMatchObject({ 'b.kernel': 0, 'a.kernel': 2, 'c.bias': 5 });
  });

  test('the order of a list that begins with all trainable variables is followed', () => {
    const root = model('m', [node('BatchNormalization', 'bn'), node('Dense', 'd')]);
    const weights = flat('bn/gamma', 'bn/beta', 'd/kernel', 'd/bias', 'bn/moving_mean');
    expect(assigned(root, weights)).toMatchObject({ 'bn.moving_mean': 4, 'd.kernel': 2 });
  });

  test('names that tell nothing are followed in order', () => {
    const root = model('m', [node('Dense', 'a'), node('Dense', 'b')]);
    expect(assigned(root, flat('x/kernel', 'x/bias', 'y/kernel', 'y/bias'))).toMatchObject({
      'a.bias': 1,
      'b.bias': 3,
    });
    expect(() => assigned(root, flat('x/kernel', 'x/bias', 'y/bias', 'y/kernel'))).toThrow(/layer 'b'/);
    expect(() => assigned(root, flat('x/kernel', 'x/bias'))).toThrow(/Expected 4 arrays but the file has 2/);
    expect(() => assigned(root, flat('a', 'b', 'c', 'd', 'e'))).toThrow(
      /Expected 4 arrays but the file has 5/,
    );
  });
});

test('a variable of two layers is stored for both by attributes, and once in lists', () => {
  const layer = node('Conv2D', 'c');
  const root = model('m', [node('SpectralNormalization', 'n', { sublayers: { layer } })]);
  const path = 'layers/spectral_normalization';
  const stored = ['vars/0', 'vars/1', 'layer/vars/0', 'layer/vars/1'].map((name) => `${path}/${name}`);
  expect(assigned(root, tree(...stored))).toEqual({
    'n.kernel': 0,
    'n.vector_u': 1,
    'c.kernel': 2,
    'c.bias': 3,
  });
  expect(assigned(root, groups({ n: ['kernel', 'bias', 'vector_u'] }))).toEqual({
    'c.kernel': 0,
    'c.bias': 1,
    'n.vector_u': 2,
  });
});
