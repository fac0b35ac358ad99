import { describe, expect, it } from 'vitest';
import { channelsLastLayout, positionSizes } from '../../../lib/graph/layout.js';
import { resizePositions } from '../../../lib/graph/positions.js';
import { graph, tensor } from '../../../lib/index.js';
import { evaluate, evaluateAll } from '../helpers/evaluate.js';

const { ops } = graph;
type Case = [name: string, record: () => graph.Symbolic, values: number[], shape?: number[]];

const m = [
  [1, 2, 3],
  [4, 5, 6],
];

function check(cases: Case[]): void {
  it.each<Case>(cases)('%s', async (_, record, values, shape) => {
    const result = await evaluate(record);
    expect(result.values.length).toBe(values.length);
    values.forEach((value, i) => {
      const apart = Math.abs(Number(result.values[i]) - value);
      expect(apart, `${result.values[i]} for ${value}`).toBeLessThanOrEqual(
        1e-6 * Math.max(1, Math.abs(value)),
      );
    });
    if (shape !== undefined) expect(result.shape).toEqual(shape);
  });
}

describe('arithmetic', () => {
  check([
    ['add', () => ops.add([1, 2], [3, 4]), [4, 6]],
    ['add broadcasts', () => ops.add(m, [10, 20, 30]), [11, 22, 33, 14, 25, 36], [2, 3]],
    ['subtract', () => ops.subtract([1, 2], 3), [-2, -1]],
    ['multiply', () => ops.multiply(2, [1.5, -1]), [3, -2]],
    ['divide', () => ops.divide([1, 2], [4, -8]), [0.25, -0.25]],
    ['divideNoNan', () => ops.divideNoNan([1, 2], [0, 4]), [0, 0.5]],
    ['multiplyNoNan', () => ops.multiplyNoNan([Number.POSITIVE_INFINITY, 2], [0, 4]), [0, 8]],
    ['floordiv', () => ops.floordiv([7, -7], 2), [3, -4]],
    ['floormod', () => ops.floormod([7, -7], 3), [1, 2]],
    ['pow', () => ops.pow([2, 3], [3, 2]), [8, 9]],
    ['maximum', () => ops.maximum([-1, 1], 0), [0, 1]],
    ['minimum', () => ops.minimum([-1, 1], 0), [-1, 0]],
    ['squaredDifference', () => ops.squaredDifference([1, 2], [4, 0]), [9, 4]],
    ['atan2', () => ops.atan2([1], [-1]), [(3 * Math.PI) / 4]],
    ['negative', () => ops.negative([1, -2]), [-1, 2]],
    ['abs', () => ops.abs([1, -2]), [1, 2]],
    ['sign', () => ops.sign([3, 0, -2]), [1, 0, -1]],
    ['square', () => ops.square([3, -2]), [9, 4]],
    ['reciprocal', () => ops.reciprocal([4]), [0.25]],
    ['sqrt', () => ops.sqrt([9]), [3]],
    ['rsqrt', () => ops.rsqrt([4]), [0.5]],
    ['exp', () => ops.exp([1]), [Math.E]],
    ['expm1', () => ops.expm1([1]), [Math.E - 1]],
    ['log', () => ops.log([Math.E]), [1]],
    ['log1p', () => ops.log1p([Math.E - 1]), [1]],
    ['sin', () => ops.sin([Math.PI / 6]), [0.5]],
    ['cos', () => ops.cos([Math.PI / 3]), [0.5]],
    ['tan', () => ops.tan([Math.PI / 4]), [1]],
    ['tanh', () => ops.tanh([1]), [Math.tanh(1)]],
    ['erf', () => ops.erf([0.5]), [0.5204998778]],
    ['floor', () => ops.floor([1.7, -1.2]), [1, -2]],
    ['ceil', () => ops.ceil([1.2, -1.7]), [2, -1]],
    ['round', () => ops.round([0.5, 1.5, 2.4]), [0, 2, 2]],
    ['clipByValue', () => ops.clipByValue([-1, 0.5, 2], 0, 1), [0, 0.5, 1]],
    ['addN', () => ops.addN([ops.constant([1, 2]), ops.constant([3, 4])]), [4, 6]],
  ]);

  it('gives numbers the dtype of the tensor that they meet', async () => {
    const results = await evaluateAll(() => [
      ops.add(ops.constant([1, 2], 'int32'), 1),
      ops.multiply(0.5, ops.constant([3], 'float64')),
      ops.add(tensor([1], [1], 'int64'), 2),
    ]);
    expect(results.map(({ dtype }) => dtype)).toEqual(['int32', 'float64', 'int64']);
    expect(results.map(({ values }) => Number(values[0]))).toEqual([2, 1.5, 3]);
  });

  it('refuses to mix dtypes, and numbers that would lose their fraction', async () => {
    const int = () => ops.constant([1, 2], 'int32');
    await expect(evaluate(() => ops.add(int(), ops.constant([1, 2])))).rejects.toThrow(
      'Expected `x` and `y` of one dtype but received int32 (2) and float32 (2). Convert one with `ops.cast`.',
    );
    await expect(evaluate(() => ops.multiply(int(), 0.5))).rejects.toThrow('would lose its fraction');
    await expect(evaluate(() => ops.sqrt(int()))).rejects.toThrow('Expected a floating tensor for Sqrt');
    await expect(evaluate(() => ops.add('1' as never, int()))).rejects.toThrow(TypeError);
  });

  it('tells what TensorFlow refused, and with what', async () => {
    await expect(evaluate(() => ops.add([1, 2], [1, 2, 3]))).rejects.toMatchObject({
      name: 'GraphError',
      code: 'INVALID_ARGUMENT',
      op: 'AddV2',
      message: expect.stringMatching(/^TensorFlow's AddV2 refused float32 \(2\), float32 \(3\): /),
    });
  });
});

describe('comparison', () => {
  check([
    ['equal', () => ops.equal([1, 2], [1, 3]), [1, 0]],
    ['notEqual', () => ops.notEqual([1, 2], [1, 3]), [0, 1]],
    ['less', () => ops.less([1, 3], 2), [1, 0]],
    ['lessEqual', () => ops.lessEqual([2, 3], 2), [1, 0]],
    ['greater', () => ops.greater([1, 3], 2), [0, 1]],
    ['greaterEqual', () => ops.greaterEqual([2, 1], 2), [1, 0]],
    ['logicalAnd', () => ops.logicalAnd(ops.less([1, 3], 2), ops.less([1, 1], 2)), [1, 0]],
    ['logicalOr', () => ops.logicalOr(ops.less([1, 3], 2), ops.less([3, 3], 2)), [1, 0]],
    ['logicalNot', () => ops.logicalNot(ops.less([1, 3], 2)), [0, 1]],
    ['isNan', () => ops.isNan([Number.NaN, 1]), [1, 0]],
    ['isInf', () => ops.isInf([Number.POSITIVE_INFINITY, 1]), [1, 0]],
    ['isFinite', () => ops.isFinite([Number.POSITIVE_INFINITY, 1]), [0, 1]],
    ['where', () => ops.where(ops.greater([1, -1], 0), [10, 20], 0), [10, 0]],
  ]);
});

describe('reduction', () => {
  check([
    ['reduceSum of all', () => ops.reduceSum(m), [21], []],
    ['reduceSum of an axis', () => ops.reduceSum(m, 0), [5, 7, 9], [3]],
    ['reduceSum keeps axes', () => ops.reduceSum(m, -1, { keepdims: true }), [6, 15], [2, 1]],
    ['reduceSum of axes', () => ops.reduceSum([m, m], [0, -1]), [12, 30], [2]],
    ['reduceMean', () => ops.reduceMean(m, 1), [2, 5]],
    ['reduceMax', () => ops.reduceMax(m, 0), [4, 5, 6]],
    ['reduceMin', () => ops.reduceMin(m, 1), [1, 4]],
    ['reduceProd', () => ops.reduceProd(m, 1), [6, 120]],
    ['reduceAny', () => ops.reduceAny(ops.greater(m, 5), 1), [0, 1]],
    ['reduceAll', () => ops.reduceAll(ops.greater(m, 3), 1), [0, 1]],
    ['reduceVariance', () => ops.reduceVariance(m, 1), [2 / 3, 2 / 3]],
    [
      'reduceStd',
      () => ops.reduceStd(m, 1, { keepdims: true }),
      [Math.sqrt(2 / 3), Math.sqrt(2 / 3)],
      [2, 1],
    ],
    ['reduceLogsumexp', () => ops.reduceLogsumexp([[1000, 1000]], 1), [1000 + Math.log(2)], [1]],
    [
      'reduceLogsumexp',
      () =>
        ops.cast(
          ops.equal(
            ops.reduceLogsumexp(
              [
                [Infinity, 0],
                [-Infinity, -Infinity],
                [-Infinity, 3],
              ],
              1,
            ),
            [Infinity, -Infinity, 3],
          ),
          'float32',
        ),
      [1, 1, 1],
      [3],
    ],
    ['argmax', () => ops.argmax([[1, 3, 2]]), [1]],
    ['argmin', () => ops.argmin([[1, 3, 2]], 1), [0]],
    ['cumsum', () => ops.cumsum([1, 2, 3]), [1, 3, 6]],
    [
      'cumsum reversed, exclusive',
      () => ops.cumsum([1, 2, 3], 0, { reverse: true, exclusive: true }),
      [5, 3, 0],
    ],
  ]);

  it('refuses an axis that is not there', async () => {
    await expect(evaluate(() => ops.reduceSum(m, 2))).rejects.toThrow(
      'Expected `axis` from -2 to 1 for a tensor of rank 2 but received 2.',
    );
  });
});

describe('array', () => {
  check([
    ['shape', () => ops.shape(m), [2, 3]],
    ['size', () => ops.size(m), [6]],
    ['identity', () => ops.identity([1, 2]), [1, 2]],
    ['cast', () => ops.cast([1.9, -1.9], 'int32'), [1, -1]],
    ['reshape', () => ops.reshape(m, [3, -1]), [1, 2, 3, 4, 5, 6], [3, 2]],
    [
      'reshape to a symbolic size',
      () => ops.reshape(m, [ops.reduceSum(ops.constant([1, 2], 'int32')), 2]),
      [1, 2, 3, 4, 5, 6],
      [3, 2],
    ],
    ['transpose', () => ops.transpose(m), [1, 4, 2, 5, 3, 6], [3, 2]],
    ['transpose by a permutation', () => ops.transpose([m], [1, 0, -1]), [1, 2, 3, 4, 5, 6], [2, 1, 3]],
    ['expandDims', () => ops.expandDims(m, 1), [1, 2, 3, 4, 5, 6], [2, 1, 3]],
    ['squeeze', () => ops.squeeze([[[1, 2]]], 1), [1, 2], [1, 2]],
    ['squeeze all', () => ops.squeeze([[[1, 2]]]), [1, 2], [2]],
    ['broadcastTo', () => ops.broadcastTo([1, 2], [2, 2]), [1, 2, 1, 2], [2, 2]],
    ['tile', () => ops.tile([1, 2], [2]), [1, 2, 1, 2]],
    ['reverse', () => ops.reverse(m, -1), [3, 2, 1, 6, 5, 4]],
    ['pad', () => ops.pad([1], [[1, 2]], { value: 9 }), [9, 1, 9, 9]],
    ['pad mirrored', () => ops.pad([1, 2, 3], [[2, 0]], { mode: 'reflect' }), [3, 2, 1, 2, 3]],
    ['concat', () => ops.concat([m, [[7, 8, 9]]], 0), [1, 2, 3, 4, 5, 6, 7, 8, 9], [3, 3]],
    [
      'concat on the last axis',
      () =>
        ops.concat(
          [
            [[1], [2]],
            [[3], [4]],
          ],
          -1,
        ),
      [1, 3, 2, 4],
      [2, 2],
    ],
    [
      'stack',
      () =>
        ops.stack(
          [
            [1, 2],
            [3, 4],
          ],
          1,
        ),
      [1, 3, 2, 4],
      [2, 2],
    ],
    ['unstack', () => ops.unstack(m, 1)[2] as graph.Symbolic, [3, 6], [2]],
    ['split', () => ops.split(m, 3, 1)[1] as graph.Symbolic, [2, 5], [2, 1]],
    ['split by sizes', () => ops.split([1, 2, 3], [1, 2])[1] as graph.Symbolic, [2, 3]],
    ['fill', () => ops.fill([2, 2], 7), [7, 7, 7, 7], [2, 2]],
    ['zeros', () => ops.zeros([2]), [0, 0]],
    ['ones', () => ops.ones([2], 'int32'), [1, 1]],
    ['zerosLike', () => ops.zerosLike([3, 4]), [0, 0]],
    ['onesLike', () => ops.onesLike([3, 4]), [1, 1]],
    ['range', () => ops.range(3), [0, 1, 2]],
    ['range from, to, by', () => ops.range(1, 6, 2), [1, 3, 5]],
    ['linspace', () => ops.linspace(0, 1, 3), [0, 0.5, 1]],
    ['stopGradient', () => ops.stopGradient([1]), [1]],
  ]);
});

describe('indexing', () => {
  check([
    ['slice', () => ops.slice(m, [0, 1], [-1, 2]), [2, 3, 5, 6], [2, 2]],
    ['stridedSlice', () => ops.stridedSlice([0, 1, 2, 3, 4], [0], [5], { strides: [2] }), [0, 2, 4]],
    [
      'stridedSlice with masks',
      () => ops.stridedSlice(m, [0, -1], [0, 0], { endMask: 1, shrinkAxisMask: 2 }),
      [3, 6],
      [2],
    ],
    ['gather', () => ops.gather(m, [1, 0]), [4, 5, 6, 1, 2, 3], [2, 3]],
    ['gather on the last axis', () => ops.gather(m, [2, 0], { axis: -1 }), [3, 1, 6, 4], [2, 2]],
    [
      'gather by sample',
      () =>
        ops.gather(
          m,
          [
            [2, 0],
            [1, 1],
          ],
          { axis: -1, batchDims: 1 },
        ),
      [3, 1, 5, 5],
      [2, 2],
    ],
    [
      'gather by sample, counted from the end',
      () => ops.gather(m, [[2], [1]], { axis: -1, batchDims: -1 }),
      [3, 5],
      [2, 1],
    ],
    [
      'gatherNd',
      () =>
        ops.gatherNd(m, [
          [0, 2],
          [1, 0],
        ]),
      [3, 4],
    ],
    ['oneHot', () => ops.oneHot([1, 0], 3), [0, 1, 0, 1, 0, 0], [2, 3]],
    ['topK values', () => ops.topK([1, 5, 3], 2).values, [5, 3]],
    ['topK indices', () => ops.topK([1, 5, 3], 2).indices, [1, 2]],
  ]);

  it('refuses batchDims that the indices do not have', async () => {
    await expect(evaluate(() => ops.gather(m, [0], { batchDims: 2 }))).rejects.toThrow(
      'Expected `batchDims` from -1 to 1 for indices int32 (1) but received 2.',
    );
  });
});

describe('linear algebra', () => {
  check([
    ['matmul', () => ops.matmul(m, [[1], [0], [2]]), [7, 16], [2, 1]],
    ['matmul transposed', () => ops.matmul(m, m, { transposeB: true }), [14, 32, 32, 77], [2, 2]],
    ['einsum', () => ops.einsum('ij,jk->ik', m, [[1], [0], [2]]), [7, 16], [2, 1]],
    // Σ_k a[n, h, w, k] · w[n, u, k]
    [
      'einsum with ...',
      () =>
        ops.einsum(
          'b...k,bck->b...c',
          [[[[1, 2]], [[3, 4]]]],
          [
            [
              [1, 0],
              [1, 1],
            ],
          ],
        ),
      [1, 3, 3, 7],
      [1, 2, 1, 2],
    ],
    ['einsum of one', () => ops.einsum('ij->ji', m), [1, 4, 2, 5, 3, 6], [3, 2]],
  ]);
});

describe('neural networks', () => {
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
  check([
    ['relu', () => ops.relu([-1, 2]), [0, 2]],
    ['relu6', () => ops.relu6([-1, 7]), [0, 6]],
    ['elu', () => ops.elu([-1, 2]), [Math.exp(-1) - 1, 2]],
    ['selu', () => ops.selu([1]), [1.05070098]],
    ['leakyRelu', () => ops.leakyRelu([-1, 2], 0.1), [-0.1, 2]],
    ['softplus', () => ops.softplus([0]), [Math.log(2)]],
    ['softsign', () => ops.softsign([1]), [0.5]],
    ['sigmoid', () => ops.sigmoid([2]), [sigmoid(2)]],
    ['silu', () => ops.silu([2]), [2 * sigmoid(2)]],
    ['softmax', () => ops.softmax([[0, Math.log(3)]]), [0.25, 0.75]],
    ['logSoftmax', () => ops.logSoftmax([[0, 0]]), [-Math.log(2), -Math.log(2)]],
    ['l2Normalize', () => ops.l2Normalize([[3, 4]], -1), [0.6, 0.8]],
  ]);
});

describe('images', () => {
  const image = [
    [
      [[0], [1]],
      [[2], [3]],
    ],
  ];
  check([
    // Pixel centres: of 4 samples over 2 pixels the outer two are clamped, the inner two at 1/4 and 3/4.
    ['resize bilinear', () => ops.resize([[[[0], [1]]]], [1, 4]), [0, 0.25, 0.75, 1], [1, 1, 4, 1]],
    ['resize nearest', () => ops.resize(image, [4, 2], 'nearest'), [0, 1, 0, 1, 2, 3, 2, 3], [1, 4, 2, 1]],
    ['resize area', () => ops.resize(image, [1, 1], 'area'), [1.5], [1, 1, 1, 1]],
    [
      'resize bicubic of a constant',
      () => ops.resize(ops.fill([1, 2, 2, 1], 5), [3, 3], 'bicubic'),
      Array(9).fill(5),
    ],
    ['resize one image', () => ops.resize(image[0] ?? [], [1, 1], 'area'), [1.5], [1, 1, 1]],
    [
      'resize to a symbolic size',
      () => ops.resize(image, ops.shape([[1, 2, 3, 4]]), 'nearest'),
      [2, 2, 3, 3],
      [1, 1, 4, 1],
    ],
    ['flipLeftRight', () => ops.flipLeftRight(image), [1, 0, 3, 2]],
    ['flipUpDown', () => ops.flipUpDown(image[0] ?? []), [2, 3, 0, 1], [2, 2, 1]],
  ]);

  it('leaves images of the size alone', async () => {
    const trace: boolean[] = [];
    await evaluate(() => {
      const whole = ops.constant(image);
      trace.push(ops.resize(whole, [2, 2]) === whole, ops.resize(whole, [2, 3]) === whole);
      return whole;
    });
    expect(trace).toEqual([true, false]);
  });

  it('refuses what is no image and no way of resizing', async () => {
    await expect(evaluate(() => ops.resize(m, [1, 1]))).rejects.toThrow('Expected images (N, H, W, C)');
    await expect(evaluate(() => ops.resize(image, [1, 1], 'cubic' as never))).rejects.toThrow(
      'one of bilinear, nearest',
    );
  });
});

describe('random', () => {
  it('draws the same numbers for a seed, and others without', async () => {
    const draw = () =>
      evaluateAll(() => [ops.random.normal([1000], { seed: 7, mean: 3, stddev: 2 }), ops.random.normal([8])]);
    const [a, b] = [await draw(), await draw()];
    expect(a[0]?.values).toEqual(b[0]?.values);
    expect(a[1]?.values).not.toEqual(b[1]?.values);
    const mean = (a[0]?.values ?? []).reduce<number>((sum, value) => sum + Number(value), 0) / 1000;
    expect(Math.abs(mean - 3)).toBeLessThan(0.3); // 4.7 standard errors of 2 / √1000
  });

  it('draws within bounds', async () => {
    const { values } = await evaluate(() => ops.random.uniform([1000], { least: 2, most: 5, seed: 1 }));
    expect(Math.min(...values.map(Number))).toBeGreaterThanOrEqual(2);
    expect(Math.max(...values.map(Number))).toBeLessThan(5);
  });
});

describe('symbols', () => {
  it('exist only while a graph is recorded', async () => {
    expect(() => ops.add(1, 2)).toThrow('call them inside a method or filter');
    let kept: graph.Symbolic | undefined;
    await evaluate(() => (kept = ops.constant([1])));
    await expect(evaluate(() => ops.add(kept as graph.Symbolic, 1))).rejects.toThrow(/belongs to/);
  });

  it('say what they are', async () => {
    await evaluate(() => {
      const symbol = ops.constant(m);
      expect([symbol.dtype, symbol.shape, symbol.rank, `${symbol}`]).toEqual([
        'float32',
        [2, 3],
        2,
        'float32 (2, 3)',
      ]);
      return symbol;
    });
  });
});

describe('resizing maps', () => {
  check([
    ['of signals', () => resizePositions(ops.constant([[[0], [1]]]), [4]), [0, 0.25, 0.75, 1], [1, 4, 1]],
    [
      'of images',
      () => resizePositions(ops.constant([[[[0], [1]]]]), [1, 4]),
      [0, 0.25, 0.75, 1],
      [1, 1, 4, 1],
    ],
    // Depth 0 to 1 in 4 samples, each widened to 1x2.
    [
      'of volumes',
      () => resizePositions(ops.constant([[[[[0]]], [[[1]]]]]), [4, 1, 2]),
      [0, 0, 0.25, 0.25, 0.75, 0.75, 1, 1],
      [1, 4, 1, 2, 1],
    ],
    [
      'of volumes to symbolic sizes',
      () =>
        resizePositions(
          ops.constant([[[[[0]]], [[[1]]]]]),
          positionSizes(ops.zeros(ops.shape(ops.ones([1, 4, 1, 2, 3]))), channelsLastLayout(3)),
        ),
      [0, 0, 0.25, 0.25, 0.75, 0.75, 1, 1],
      [1, 4, 1, 2, 1],
    ],
  ]);

  it('needs a size for every axis', async () => {
    await expect(evaluate(() => resizePositions(ops.constant([[[[0]]]]), [2]))).rejects.toThrow(
      'have 2 axes of positions and cannot be resized to 1 sizes',
    );
  });
});
