import { describe, expect, it } from 'vitest';
import { makeDataHandler } from '../../../lib/data/data_handler.js';
import { indicesTensor } from '../../../lib/data/indices.js';
import { inputTensors, refuseNotFinite } from '../../../lib/data/inputs.js';
import type { TensorSpec } from '../../../lib/graph/layer.js';
import { tensor } from '../../../lib/tensor/tensor.js';

const image: TensorSpec = { name: 'image', dtype: 'float32', shape: [null, 4, 4, 3] };
const meta: TensorSpec = { name: 'meta', dtype: 'int32', shape: [null, 2] };
const logits: TensorSpec = { name: 'logits', dtype: 'float32', shape: [null, 10] };
const model = { inputs: [image], outputs: [logits] };
const images = (n: number) => tensor(new Float32Array(n * 48), [n, 4, 4, 3]);

describe('x', () => {
  it('may be a tensor, an array with its shape, a list or a record', () => {
    const one = images(2);
    expect(inputTensors(one, [image])).toEqual([one]);
    expect(inputTensors([one], [image])).toEqual([one]);
    expect(inputTensors({ image: one }, [image])).toEqual([one]);
    const [made] = inputTensors({ data: new Float32Array(48), shape: [1, 4, 4, 3] }, [image]);
    expect(made?.shape).toEqual([1, 4, 4, 3]);
    const two = tensor(
      [
        [1, 2],
        [3, 4],
      ],
      undefined,
      'int32',
    );
    expect(inputTensors({ meta: two, image: one }, [image, meta])).toEqual([one, two]);
  });

  it.each(['float32', 'float64', 'float16', 'bfloat16', 'uint8', 'int32', 'int64'] as const)(
    'may be %s',
    (dtype) => {
      const [made] = inputTensors(tensor([[1, 2, 3]], [1, 3], dtype), [{ ...image, shape: [null, 3] }]);
      expect(made?.dtype).toBe(dtype);
    },
  );

  it.each([
    ['wrong rank', tensor(new Float32Array(48), [4, 4, 3]), 'Add the axis of samples: [1, 4, 4, 3].'],
    ['wrong size', tensor(new Float32Array(100), [1, 5, 5, 4]), 'received (1, 5, 5, 4): axis 1 must be 4'],
    ['empty batch', tensor(new Float32Array(0), [0, 4, 4, 3]), 'at least one sample for argument `x`'],
    ['bool', tensor(new Uint8Array(48), [1, 4, 4, 3], 'bool'), 'values of dtype float32'],
    ['flat', new Float32Array(48), 'A flat array has no shape'],
    ['nested arrays', [[1, 2]], 'Make nested arrays a tensor'],
    ['null', null, 'but received null'],
    ['text', 'cat.png', 'but received "cat.png" of type string'],
    ['too many inputs', [images(1), images(1)], 'Expected 1 input (image) for argument `x` but received 2'],
    ['unknown name', { imgae: images(1) }, 'Did you mean "image"?'],
    ['an empty list', [], 'Expected a Tensor'],
  ])('is refused: %s', (_, x, message) => {
    expect(() => inputTensors(x, [image])).toThrow(message);
  });

  it('must have all inputs with equal numbers of samples', () => {
    const two = tensor([[1, 2]], undefined, 'int32');
    expect(() => inputTensors(images(1), [image, meta])).toThrow('Expected 2 inputs (image, meta)');
    expect(() => inputTensors({ image: images(1) }, [image, meta])).toThrow('but received none for "meta"');
    expect(() => inputTensors([images(2), two], [image, meta])).toThrow(
      'Expected 2 samples, the number in `x[0]`,',
    );
  });

  it('refuses floats for an integer input', () => {
    expect(() => inputTensors(tensor([[0.5, 1]]), [meta])).toThrow('values of dtype int32');
  });

  it.each([
    ['float32', [0, 1, Number.NaN, 3, 4, 5]],
    ['float64', [0, 1, Number.NaN, 3, 4, 5]],
    ['float16', [0, 1, Number.NaN, 3, 4, 5]],
    ['bfloat16', [0, 1, Number.NaN, 3, 4, 5]],
  ] as const)('has neither NaN nor Infinity (%s)', async (dtype, values) => {
    const swapped = (value: number) => values.map((each) => (Number.isNaN(each) ? value : each)).reverse();
    const bad = tensor(values, [2, 3], dtype);
    await expect(refuseNotFinite('x', bad)).rejects.toThrow(
      'Expected finite numbers for argument `x` but received NaN at [0, 2] (sample 0). Check how the inputs were ' +
        'prepared.',
    );
    for (const infinity of [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      await expect(refuseNotFinite('x', tensor(swapped(infinity), [2, 3], dtype))).rejects.toThrow(
        `Expected finite numbers for argument \`x\` but received ${infinity} at [1, 0] (sample 1).`,
      );
    }
    const good = tensor(swapped(6e4), [2, 3], dtype);
    await expect(refuseNotFinite('x', good)).resolves.toBeUndefined();
  });

  it('is scanned for NaN to its end', async () => {
    const data = new Float32Array(1 << 20);
    data[data.length - 1] = Number.NaN;
    await expect(refuseNotFinite('x', tensor(data))).rejects.toThrow(`NaN at [${data.length - 1}]`);
  });
});

describe('y', () => {
  it.each([
    [
      'nested arrays',
      [
        [3, 5],
        [0, 9],
      ],
    ],
    [
      'a tensor',
      tensor(
        [
          [3, 5],
          [0, 9],
        ],
        undefined,
        'int64',
      ),
    ],
    ['an array with its shape', { data: Uint8Array.of(3, 5, 0, 9), shape: [2, 2] }],
    ['a list with its shape', { data: [3, 5, 0, 9], shape: [2, 2] }],
  ])('may be %s', (_, y) => {
    const made = indicesTensor(y, 2, [10]);
    expect(made.dtype).toBe('int32');
    expect(made.shape).toEqual([2, 2]);
    expect(made.data).toEqual(Int32Array.of(3, 5, 0, 9));
  });

  it('can be a flat list of one unit per sample', () => {
    expect(indicesTensor([4, 2], 2, [10]).shape).toEqual([2, 1]);
    expect(indicesTensor(Int32Array.of(4, 2), 2, [10]).shape).toEqual([2, 1]);
  });

  it.each([
    ['a unit too large', [[10], [0]], 'Expected a unit from 0 to 9 for argument `y[0][0]` but received 10'],
    [
      'a negative unit',
      [
        [1, 2],
        [3, -1],
      ],
      'for argument `y[1][1]` but received -1',
    ],
    ['too few rows', [[1]], 'Expected a row of units for each of the 2 samples of `x` for argument `y`'],
    ['too many rows', [[1], [2], [3]], 'but received 3 rows'],
    ['no units', [[], []], 'Leave `y` out to explain every unit.'],
    ['ragged rows', [[1, 2], [3]], 'arrays of equal length'],
    ['fractions', [[0.5], [1]], 'Expected integers of shape (samples, units)'],
    ['names', [['cat'], ['dog']], 'but received "cat" of type string'],
    ['floats', tensor([[1], [2]]), 'Pass an Int32Array'],
    ['three axes', [[[1]], [[2]]], 'but received shape (2, 1, 1)'],
    ['a number', 3, 'but received 3 of type number'],
  ])('is refused: %s', (_, y, message) => {
    expect(() => indicesTensor(y, 2, [10])).toThrow(message);
  });

  it('has an index for each axis of an output of several axes', () => {
    const y = [
      [
        [0, 7],
        [3, 2],
      ],
    ];
    expect(indicesTensor(y, 1, [4, 8]).shape).toEqual([1, 2, 2]);
    expect(indicesTensor(y, 1, [4, null]).data).toEqual(Int32Array.of(0, 7, 3, 2));
    expect(() => indicesTensor(y, 1, [3, 8])).toThrow(
      'Expected an index from 0 to 2 for argument `y[0][1][0]` but received 3',
    );
    expect(() => indicesTensor([[0, 7]], 1, [4, 8])).toThrow(
      'Expected units of 2 indices each, of shape (samples, units, 2), for example [[[0, 1]]]',
    );
    expect(() => indicesTensor([[1]], 1, [1])).toThrow('Expected a unit from 0 to 0');
  });

  it('has no upper bound if the number of units is unknown', () => {
    expect(indicesTensor([[10]], 1, null).data).toEqual(Int32Array.of(10));
  });
});

describe('batches', () => {
  const plan = (n: number, options = {}) => {
    const handler = makeDataHandler(model, images(n), null, options);
    return [handler.batchSize, handler.inferredSteps, handler.samples];
  };

  it.each([
    [100, {}, [32, 4, 100]],
    [3, {}, [32, 1, 3]],
    [10, { batchSize: 4 }, [4, 3, 10]],
    [10, { steps: 5 }, [2, 5, 10]],
    [10, { steps: 3 }, [4, 3, 10]],
    [10, { batchSize: 4, steps: 2 }, [4, 2, 8]],
  ])('of %d samples with %o', (n, options, expected) => {
    expect(plan(n, options)).toEqual(expected);
  });

  it.each([
    [{ batchSize: 0 }, 'Expected an integer of at least 1 for argument `batchSize` but received 0'],
    [{ batchSize: '8' }, 'argument `batchSize` but received "8" of type string'],
    [{ batchSize: 4, steps: 4 }, 'Expected at most 3, which is all of 10 samples in batches of 4,'],
    [{ maxQueueSize: 0 }, 'argument `maxQueueSize`'],
    [{ workers: -1 }, 'argument `workers`'],
    [{ useMultiprocessing: 1 }, 'Expected true or false for argument `useMultiprocessing`'],
    [{ batch_size: 3 }, 'Misspelled option "batch_size" should be "batchSize".'],
  ])('are refused for %o', (options, message) => {
    expect(() => makeDataHandler(model, images(10), null, options as object)).toThrow(message);
  });

  it('have the fixed batch size of the model', () => {
    const fixed = { inputs: [{ ...image, shape: [4, 4, 4, 3] }], outputs: [logits] };
    expect(makeDataHandler(fixed, images(8)).batchSize).toBe(4);
    expect(() => makeDataHandler(fixed, images(6))).toThrow('a multiple of 4 samples');
    expect(() => makeDataHandler(fixed, images(8), null, { batchSize: 2 })).toThrow(
      'Expected 4, the only batch size',
    );
  });

  it('check units against the axis that y indexes', () => {
    const segmentation = { inputs: [image], outputs: [{ ...logits, shape: [null, 7, 4] }] };
    expect(() => makeDataHandler(segmentation, images(1), [[5]], {}, -2)).not.toThrow();
    // Without a named axis, a unit of an output of two axes has an index for each.
    expect(() => makeDataHandler(segmentation, images(1), [[5]], {}, -1)).toThrow('units of 2 indices each');
    expect(() => makeDataHandler(segmentation, images(1), [[[5, 3]]], {}, -1)).not.toThrow();
    expect(() => makeDataHandler(segmentation, images(1), [[[5, 4]]], {}, -1)).toThrow(
      'an index from 0 to 3',
    );
  });
});
