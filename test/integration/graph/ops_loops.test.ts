/** `ops.whileLoop`, `forRange` and `mapRange`. */
import { describe, expect, it } from 'vitest';
import { graph } from '../../../lib/index.js';
import { evaluate, evaluateAll } from '../helpers/evaluate.js';

const { ops } = graph;

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

  // TensorFlow ends the process at 255 axes.
  it('refuse a variable that gains an axis in every round', async () => {
    const grown = (rounds: number) =>
      evaluate(
        () =>
          ops.forRange(rounds, (_, x) => [ops.expandDims(x as graph.Symbolic, 0)], [[1, 2]], {
            shapes: [null],
          })[0] as graph.Symbolic,
      );
    expect((await grown(3)).shape).toEqual([1, 1, 1, 2]);
    await expect(grown(300)).rejects.toThrow('indices = 65 is not in [0, 65)');
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
