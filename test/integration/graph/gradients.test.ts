/** `graph.gradient` and `graph.batchJacobian`, by hand-worked numbers. */
import { describe, expect, it } from 'vitest';
import { graph } from '../../../lib/index.js';
import { evaluate, evaluateAll } from '../helpers/evaluate.js';

const { ops } = graph;

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

  it('passes through loops', async () => {
    const results = await evaluateAll(() => {
      const x = ops.constant([1, 2]);
      const [power] = ops.forRange(2, (_, value) => [ops.multiply(value as graph.Symbolic, x)], [x]);
      const [above] = ops.whileLoop(
        (value) => ops.less(ops.reduceMax(value as graph.Symbolic), 10),
        (value) => [ops.multiply(value as graph.Symbolic, ops.square(x))],
        [x],
      );
      const stacked = ops.mapRange(3, (i) => ops.multiply(ops.square(x), ops.cast(i, 'float32')));
      return [power, above, stacked].map((y) => graph.gradient(y as graph.Symbolic, x));
    });
    // x³; x⁵ after two rounds; (0 + 1 + 2) x²
    expect(results.map(({ values }) => values)).toEqual([
      [3, 12],
      [5, 80],
      [6, 12],
    ]);
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

  it('refuses ys, xs and `gradYs` that are neither a tensor nor a list', async () => {
    const x = () => ops.constant([1, 2]);
    await expect(evaluate(() => graph.gradient(1 as never, x()))).rejects.toThrow(
      'Expected a symbolic tensor for argument `ys` but received 1',
    );
    await expect(evaluate(() => graph.gradient(x(), null as never))).rejects.toThrow(
      'Expected a symbolic tensor for argument `xs` but received null',
    );
    await expect(evaluate(() => graph.gradient([x()], x(), 2 as never))).rejects.toThrow(
      'Expected a list with an entry for each of `ys` for argument `gradYs` but received 2',
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
    await expect(list((x) => [x])).rejects.toThrow('With a list of `xs`, `each` reduces their gradients');
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
