import { describe, expect, it } from 'vitest';
import { positionSizes, resizePositions } from '../../lib/graph/positions.js';
import { graph, tensor } from '../../lib/index.js';
import { evaluate, evaluateAll } from './evaluate.js';

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

describe('loops', () => {
  it('run while a condition holds', async () => {
    const [n, sum] = await evaluateAll(() =>
      ops.whileLoop(
        (i) => ops.less(i as graph.Symbolic, 5),
        (i, total) => [
          ops.add(i as graph.Symbolic, 1),
          ops.add(total as graph.Symbolic, ops.cast(i as graph.Symbolic, 'float32')),
        ],
        [ops.constant(0, 'int32'), 0],
      ),
    );
    expect([n?.values, sum?.values]).toEqual([[5], [10]]); // 0 + 1 + 2 + 3 + 4
  });

  it('run a number of rounds, with tensors from around them', async () => {
    const { values } = await evaluate(() => {
      const step = ops.constant([1, 10]);
      const [total] = ops.forRange(
        3,
        (i, sum) => [ops.add(sum as graph.Symbolic, ops.multiply(step, ops.cast(i, 'float32')))],
        [[0, 0]],
      );
      return total as graph.Symbolic;
    });
    expect(values).toEqual([3, 30]); // 0 + 1 + 2
  });

  it('may change the sizes that are named', async () => {
    const { values } = await evaluate(() => {
      const [grown] = ops.forRange(
        3,
        (i, all) => [ops.concat([all as graph.Symbolic, ops.expandDims(i, 0)], 0)],
        [ops.constant([9], 'int32')],
        { shapes: [[null]] },
      );
      return grown as graph.Symbolic;
    });
    expect(values).toEqual([9, 0, 1, 2]);
  });

  it('draw other numbers in every round from one seed', async () => {
    const { values } = await evaluate(() => {
      const [all] = ops.forRange(
        2,
        (i, drawn) => [ops.concat([drawn as graph.Symbolic, ops.random.uniform([1], { seed: i })], 0)],
        [ops.constant([0])],
        { shapes: [[null]] },
      );
      return all as graph.Symbolic;
    });
    expect(values[1]).not.toBe(values[2]);
  });

  it('refuse bodies that do not fit', async () => {
    const loop = (body: (i: graph.Symbolic) => readonly graph.Symbolic[], start: graph.Operand = 0) =>
      evaluate(
        () =>
          ops.whileLoop(
            (i) => ops.less(i as graph.Symbolic, 3),
            (i) => body(i as graph.Symbolic),
            [start],
          )[0] as graph.Symbolic,
      );
    await expect(loop((i) => [ops.cast(i, 'int32')])).rejects.toThrow(
      'Expected loop variable 0 to stay float32',
    );
    await expect(loop((i) => [i, i])).rejects.toThrow('Expected `body` to return 1 tensors');
    await expect(loop((i) => [i], [0])).rejects.toThrow('Expected `condition` to return one bool scalar');
    const grows = () =>
      ops.forRange(2, (_, x) => [ops.concat([x as graph.Symbolic, x as graph.Symbolic], 0)], [
        [0],
      ])[0] as graph.Symbolic;
    await expect(evaluate(grows)).rejects.toThrow('Name the sizes that change as null in `shapes`.');
    await expect(evaluate(() => ops.forRange(-1, () => [], [])[0] as graph.Symbolic)).rejects.toThrow(
      RangeError,
    );
  });

  // An int32 scalar that nobody knows before the graph runs.
  const unknown = (value: number) =>
    ops.forRange(value, (_, n) => [ops.add(n as graph.Symbolic, 1)], [
      ops.constant(0, 'int32'),
    ])[0] as graph.Symbolic;

  it('stack the values of a body', async () => {
    const around = () => ops.constant([1, 10]);
    const rows = (count: number | graph.Symbolic) =>
      ops.mapRange(count, (i) => ops.multiply(around(), ops.cast(i, 'float32')));
    expect(await evaluate(() => rows(3))).toMatchObject({ values: [0, 0, 1, 10, 2, 20], shape: [3, 2] });
    expect(await evaluate(() => rows(ops.constant(2, 'int32')))).toMatchObject({
      values: [0, 0, 1, 10],
      shape: [2, 2],
    });
    expect(await evaluate(() => rows(0))).toMatchObject({ values: [], shape: [0, 2] });
    const counts: graph.Symbolic['shape'][] = [];
    await evaluate(() => {
      const known = rows(4);
      const open = rows(unknown(2));
      counts.push(known.shape, open.shape);
      return open;
    });
    expect(counts).toEqual([
      [4, 2],
      [null, 2],
    ]);
  });

  it('stack nothing in no turns, also of a shape that only a turn would tell', async () => {
    const open = () => ops.zeros(ops.expandDims(unknown(2), 0));
    for (const [count, shape] of [
      [0, [0, 2]],
      [2, [2, 2]],
    ] as const) {
      for (const given of [() => count, () => unknown(count)]) {
        const stacked = await evaluate(() =>
          ops.mapRange(given(), (i) => ops.add(open(), ops.cast(i, 'float32'))),
        );
        expect(stacked.shape).toEqual(shape);
        expect(stacked.values).toEqual(count === 0 ? [] : [0, 0, 1, 1]);
      }
    }
  });

  it('stack in turns of other loops, and in those of a Jacobian', async () => {
    const table = await evaluate(() =>
      ops.mapRange(2, (i) => ops.mapRange(3, (j) => ops.add(ops.multiply(i, 10), j))),
    );
    expect(table).toMatchObject({ values: [0, 1, 2, 10, 11, 12], shape: [2, 3] });
    // x = (1, 2), y = (x0², x1²): of unit u, sum_{i < 3} i · dy[u]/dx = 3 · (2 x0, 0) and 3 · (0, 2 x1).
    const sums = await evaluate(() => {
      const x = ops.constant([[1, 2]]);
      return graph.batchJacobian(ops.square(x), x, {
        each: (g) =>
          ops.reduceSum(
            ops.mapRange(3, (i) => ops.multiply(g, ops.cast(i, 'float32'))),
            0,
          ),
      });
    });
    expect(sums).toMatchObject({ values: [6, 0, 0, 12], shape: [1, 2, 2] });
  });

  it('refuse a body without a value', async () => {
    await expect(evaluate(() => ops.mapRange(2, (() => undefined) as never))).rejects.toThrow(
      'Expected `body` to return a symbolic tensor',
    );
    await expect(evaluate(() => ops.mapRange(-1, (i) => i))).rejects.toThrow(RangeError);
    await expect(evaluate(() => ops.mapRange(ops.constant([1, 2], 'int32'), (i) => i))).rejects.toThrow(
      'int32 scalar',
    );
  });

  it('keep what they recorded to themselves', async () => {
    let leaked: graph.Symbolic | undefined;
    const leak = () => {
      const [last] = ops.forRange(
        2,
        (_, x) => {
          leaked = ops.add(x as graph.Symbolic, 1);
          return [leaked];
        },
        [0],
      );
      return ops.add(last as graph.Symbolic, leaked as graph.Symbolic);
    };
    await expect(evaluate(leak)).rejects.toThrow(
      'belongs to the body of a loop that has ended. Return it from the body',
    );
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

describe('gradient', () => {
  it('of one by one', async () => {
    // d(x² + 3x) = 2x + 3
    const { values } = await evaluate(() => {
      const x = ops.constant([1, 2]);
      return graph.gradient(ops.add(ops.square(x), ops.multiply(x, 3)), x);
    });
    expect(values).toEqual([5, 7]);
  });

  it('of several by several, weighted', async () => {
    // d(10 · a b + 1 · a) by a: 10 b + 1; by b: 10 a
    const results = await evaluateAll(() => {
      const [a, b] = [ops.constant([2]), ops.constant([5])];
      return graph.gradient([ops.multiply(a, b), ops.identity(a)], [a, b], [[10], null]);
    });
    expect(results.map(({ values }) => values[0])).toEqual([51, 20]);
  });

  it('is zero where nothing depends', async () => {
    const { values } = await evaluate(() => graph.gradient(ops.constant([1, 2]), ops.constant([3, 4, 5])));
    expect(values).toEqual([0, 0, 0]);
  });

  it('takes the rule that overrides', async () => {
    // Guided: the gradient passes where both the input and what comes in are positive.
    const record = (override: Record<string, string>) =>
      evaluate(() => {
        const x = ops.constant([1, 1, -1]);
        return graph.gradient(ops.relu(x), x, [2, -3, 4], { override });
      });
    expect((await record({})).values).toEqual([2, -3, 0]);
    expect((await record({ Relu: 'guided' })).values).toEqual([2, 0, 0]);
    await expect(record({ Relu: 'misguided' })).rejects.toThrow(/misguided/);
  });

  it('refuses a `gradYs` of another shape', async () => {
    const wrong = () => graph.gradient(ops.constant([1, 2]), ops.constant([1, 2]), [[2, 3]]);
    await expect(evaluate(wrong)).rejects.toThrow(
      'Expected `gradYs[0]` shaped like its y, float32 (2), but received float32 (1, 2).',
    );
  });

  it('refuses integers and what is no symbol', async () => {
    const int = () => ops.constant([1], 'int32');
    await expect(evaluate(() => graph.gradient(int(), int()))).rejects.toThrow(
      'Expected `ys` of a floating dtype',
    );
    await expect(evaluate(() => graph.gradient([1] as never, int()))).rejects.toThrow(TypeError);
    const typo = { overide: {} } as never;
    await expect(
      evaluate(() => graph.gradient(ops.constant([1]), ops.constant([1]), [1], typo)),
    ).rejects.toThrow('Misspelled');
  });
});

describe('batchJacobian', () => {
  // ys[n] = (a², a b) of xs[n] = (a, b): rows (2a, 0) and (b, a).
  const record = (options?: graph.JacobianOptions) =>
    evaluate(() => {
      const xs = ops.constant([
        [1, 2],
        [3, 4],
      ]);
      const [a, b] = ops.unstack(xs, 1) as [graph.Symbolic, graph.Symbolic];
      return graph.batchJacobian(ops.stack([ops.square(a), ops.multiply(a, b)], 1), xs, options);
    });

  it('has a row per unit', async () => {
    expect(await record()).toMatchObject({ values: [2, 0, 2, 1, 6, 0, 4, 3], shape: [2, 2, 2] });
  });

  it('keeps what `each` keeps', async () => {
    const each = (g: graph.Symbolic) => ops.reduceSum(g, -1);
    expect(await record({ each })).toMatchObject({ values: [2, 3, 6, 7], shape: [2, 2] });
  });

  it('takes several xs in one pass', async () => {
    // y[n] = (a b, a²) of a (2, 1) and b (2, 1), and c, which y does not depend on.
    const both = await evaluate(() => {
      const [a, b, c] = [ops.constant([[1], [3]]), ops.constant([[2], [4]]), ops.constant([[5], [6]])];
      const ys = ops.concat([ops.multiply(a, b), ops.square(a)], 1);
      return graph.batchJacobian(ys, [a, b, c], { each: (gradients) => ops.concat(gradients, 1) });
    });
    expect(both).toMatchObject({ values: [2, 1, 0, 2, 0, 0, 4, 3, 0, 6, 0, 0], shape: [2, 2, 3] });
    const alone = await evaluate(() => {
      const [a, b] = [ops.constant([[3]]), ops.constant([[4]])];
      return graph.batchJacobian(ops.multiply(a, b), [a, b], {
        each: ([g, h]) => ops.stack([g, h] as never, 1),
      });
    });
    expect(alone).toMatchObject({ values: [4, 3], shape: [1, 1, 2, 1] });
  });

  it('needs `each` for several xs', async () => {
    const list = (xs: (x: graph.Symbolic) => unknown, options?: object) =>
      evaluate(() => {
        const x = ops.constant([[1, 2]]);
        return graph.batchJacobian(ops.square(x), xs(x) as graph.Symbolic[], options as never);
      });
    await expect(list((x) => [x])).rejects.toThrow(TypeError);
    await expect(list((x) => [x])).rejects.toThrow('With a list of `xs`, say what to keep');
    await expect(list(() => [], { each: () => 0 })).rejects.toThrow(TypeError);
    await expect(list(() => [3], { each: () => 0 })).rejects.toThrow('xs[0]');
  });

  it('refuses an `each` that returns nothing', async () => {
    await expect(record({ each: (() => undefined) as never })).rejects.toThrow(
      'Expected `each` to return a symbolic tensor',
    );
    await expect(record({ each: 3 as never })).rejects.toThrow('Expected a function for argument `each`');
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
          positionSizes(ops.zeros(ops.shape(ops.ones([1, 4, 1, 2, 3])))),
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
