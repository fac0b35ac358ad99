import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { makeDataHandler } from '../../../lib/data/data_handler.js';
import type { Indices } from '../../../lib/data/indices.js';
import type { ArrayData } from '../../../lib/data/inputs.js';
import type { BatchLike, Sequence } from '../../../lib/data/source.js';
import { type Tensor, tensor } from '../../../lib/tensor/tensor.js';
import {
  count,
  countSlowly,
  expected,
  handlerOf,
  logits,
  Noted,
  numbered,
  pair,
  takeAll,
} from './source_fixture.js';

describe('every kind of source yields its batches in order', () => {
  const objects = () => Readable.from(count(5));
  const web = () =>
    new ReadableStream({
      start(controller) {
        for (const batch of count(5)) controller.enqueue(batch);
        controller.close();
      },
    });
  it.each<[string, () => unknown]>([
    ['a generator', () => count(5)],
    ['an async generator', () => countSlowly(5)],
    ['an iterator of a list', () => [...count(5)].values()],
    ['a Set', () => new Set(count(5))],
    ['an iterable of promises', () => [...count(5)].map(async (batch) => batch).values()],
    ['a Readable in object mode', objects],
    ['a web ReadableStream', web],
    ['a Sequence', () => new Noted(5)],
    ['a Sequence that is not async', () => ({ length: 5, at: (i: number) => numbered(i) })],
  ])('%s', async (_, source) => {
    for (const workers of [0, 1, 3]) {
      const taken = await takeAll(handlerOf(source(), { workers }));
      expect(taken.map(({ x }) => x)).toEqual(expected(5));
      expect(taken.map(({ step, steps, y }) => [step, steps, y])).toEqual(
        [0, 1, 2, 3, 4].map((step) => [step, 1, [0, 1]]),
      );
    }
  });

  it('in every form of a batch', async () => {
    const x = () => tensor([[7, 8]]);
    const forms: BatchLike[] = [
      x(),
      [x()],
      [x(), null],
      { x: x() },
      { pair: x() },
      { data: Float32Array.of(7, 8), shape: [1, 2] },
      [{ pair: x() }],
      { x: [x()], y: null },
    ];
    const taken = await takeAll(handlerOf(forms.values()));
    expect(taken).toEqual(forms.map((_, step) => ({ step, steps: 1, x: [[7, 8]], y: null })));
    const named: BatchLike[] = [[x(), [[3]]], { x: x(), y: Int32Array.of(3) }, [[x()], [3]]];
    expect((await takeAll(handlerOf(named.values()))).map(({ y }) => y)).toEqual([[3], [3], [3]]);
  });

  it('in every form of a batch of several inputs', async () => {
    const two = { inputs: [pair, { ...pair, name: 'y' }], outputs: [logits] };
    const [a, b] = [tensor([[1, 2]]), tensor([[3, 4]])];
    const forms: BatchLike[] = [
      [[a, b]],
      [[a, b], null],
      { x: [a, b] },
      { pair: a, y: b },
      [{ pair: a, y: b }],
      { x: { pair: a, y: b } },
    ];
    for await (const { inputs, release } of makeDataHandler(two, forms.values()).batches()) {
      expect(inputs.map(({ data }) => [...(data as Float32Array)])).toEqual([
        [1, 2],
        [3, 4],
      ]);
      release();
    }
    const flat = makeDataHandler(two, [[a, b] as BatchLike].values());
    await expect(takeAll(flat)).rejects.toThrow(
      '`x` of step 0 but received an array of 2. An array is [x, y]; several inputs are a list in it: [[a, b], y].',
    );
  });

  it.each([['x'], ['x', 'y'], ['data', 'shape'], ['x', 'release']])(
    'a model whose inputs are called %s (and %s) takes all forms of them',
    async (...names) => {
      const named = { inputs: names.map((name) => ({ ...pair, name })), outputs: [logits] };
      const list = names.map((_, i) => tensor([[i + 1, 2]]));
      const arrays = list.map(({ data, shape }) => ({ data: data as Float32Array, shape }));
      const record = Object.fromEntries(names.map((name, i) => [name, list[i] as Tensor]));
      const arrayRecord = Object.fromEntries(names.map((name, i) => [name, arrays[i] as ArrayData]));
      const y = [[3]];
      const batches: [BatchLike, number[] | null][] = [list, record, arrayRecord].flatMap((x) => [
        [[x], null],
        [[x, y], [3]],
        [{ x }, null],
        [{ x, y }, [3]],
        [{ x, y: null, release: () => undefined }, null],
      ]);
      batches.push([record, null], [arrayRecord, null]);
      for (const [batch, units] of batches) {
        for await (const { inputs, indices } of makeDataHandler(named, [batch].values()).batches()) {
          expect(inputs.map(({ data }) => data[0])).toEqual(names.map((_, i) => i + 1));
          expect(indices && [...indices.data]).toEqual(units);
        }
      }
      for (const x of [list, record, arrayRecord]) {
        for await (const { inputs } of makeDataHandler(named, x).batches()) {
          expect(inputs.map(({ data }) => data[0])).toEqual(names.map((_, i) => i + 1));
        }
      }
    },
  );

  it('keeps the dtype of its batches', async () => {
    const batch = { data: Uint8Array.of(1, 2), shape: [1, 2] };
    for await (const { inputs, release } of handlerOf([batch].values()).batches()) {
      expect(inputs[0]?.dtype).toBe('uint8');
      release();
    }
  });
});

describe('a value that is no valid source is refused', () => {
  it.each<[string, () => unknown, string]>([
    ['a generator function', () => count, 'Call it, and pass what it returns.'],
    [
      'a stream of bytes',
      () => Readable.from([Buffer.from('x')], { objectMode: false }),
      'Bytes have no shape',
    ],
    ['a typed array', () => new Float32Array(4), 'A flat array has no shape'],
    ['an array of pairs', () => [[tensor([[1, 2]]), [[1]]]], 'Expected'],
    ['a string', () => 'cat.png', 'but received "cat.png"'],
    ['an empty Sequence', () => ({ length: 0, at: numbered }), 'at least 1 for argument `x.length`'],
  ])('%s', (_, source, message) => {
    expect(() => handlerOf(source())).toThrow(message);
  });

  it('a stream with another reader', () => {
    const stream = new ReadableStream();
    stream.getReader();
    expect(() => handlerOf(stream)).toThrow('a ReadableStream without another reader');
  });

  it.each<[string, object, Indices | undefined, string]>([
    ['batchSize', { batchSize: 4 }, undefined, 'Expected none together with a source'],
    ['useMultiprocessing', { useMultiprocessing: true }, undefined, 'data.moduleSequence(url, args)'],
    ['steps', { steps: 6 }, undefined, 'at most 5, the number of batches that `x` has, for argument `steps`'],
    ['y', {}, [[1]], 'Let the source yield the units with each batch: [x, y] or { x, y }.'],
  ])('%s beside a Sequence', (_, options, y, message) => {
    expect(() => handlerOf(new Noted(5), options, y)).toThrow(message);
  });

  it.each<[string, unknown, string]>([
    [
      'nothing',
      undefined,
      'Expected a batch: x, [x], [x, y] or { x, y }, for argument `x` of step 3 but received undefined',
    ],
    ['bytes', Buffer.from('abc'), 'Bytes have no shape'],
    ['a number', 3, '`x` of step 3 but received 3 of type number'],
    ['an empty list', [], '`x` of step 3 but received an array of 0'],
    [
      'a list of three',
      [tensor([[1, 2]]), [[1]], [[1]]],
      'An array is [x, y]; several inputs are a list in it',
    ],
    ['a wrong shape', tensor([1, 2]), 'Add the axis of samples: [1, 2].'],
    ['a wrong size', tensor([[1, 2, 3]]), 'for argument `x` of step 3 but received (1, 3): axis 1 must be 2'],
    ['no samples', tensor(new Float32Array(0), [0, 2]), 'at least one sample for argument `x` of step 3'],
    ['NaN', tensor([[1, Number.NaN]]), 'numbers for argument `x` of step 3 but received NaN at [0, 1]'],
    ['units out of range', [tensor([[1, 2]]), [[10]]], '`y[0][0]` of step 3 but received 10'],
    ['too many rows of units', [tensor([[1, 2]]), [[1], [2]]], '`y` of step 3 but received 2 rows'],
    [
      'no units, where others have',
      [tensor([[1, 2]])],
      'units, because the steps before have units, for argument `y` of step 3',
    ],
    ['data that does not fit', { data: new Float32Array(3), shape: [1, 2] }, '`x.shape` of step 3'],
    ['a misspelt key', { x: tensor([[1, 2]]), Y: [[1]] }, 'Step 3: Misspelled option "Y" should be "y"'],
  ])('%s in a step, which is named, after the steps before it', async (_, bad, message) => {
    const source = [...count(3), bad, ...count(2)].values();
    const seen: number[] = [];
    await expect(takeAll(handlerOf(source), ({ step }) => seen.push(step))).rejects.toThrow(message);
    expect(seen).toEqual([0, 1, 2]);
  });

  it('units, if the steps before have none', async () => {
    const source = [tensor([[1, 2]]), [tensor([[1, 2]]), [[1]]]].values();
    await expect(takeAll(handlerOf(source))).rejects.toThrow('no units, because the steps before have none');
  });

  it('batches of another size than the model takes', async () => {
    const fixed = { inputs: [{ ...pair, shape: [4, 2] }], outputs: [logits] };
    expect(await takeAll(makeDataHandler(fixed, count(1, 8)))).toHaveLength(1);
    await expect(takeAll(makeDataHandler(fixed, count(1, 6)))).rejects.toThrow(
      'a multiple of 4 samples, the batch size that this model was saved for, for argument `x` of step 0',
    );
  });

  it.each([0, 1, 2])('an empty source (%d workers)', async (workers) => {
    await expect(takeAll(handlerOf(count(0), { workers }))).rejects.toThrow('a source of at least one batch');
  });
});

describe('batches of different sizes', () => {
  it('stay unchanged', async () => {
    const sizes = [3, 1, 2];
    const source = sizes.map((samples, step) => numbered(step, samples));
    expect((await takeAll(handlerOf(source.values()))).map(({ x }) => x.length)).toEqual(sizes);
  });

  it('may differ in their units', async () => {
    const x = () => tensor([[1, 2]]);
    const source: BatchLike[] = [
      [x(), [[1, 2, 3]]],
      [x(), [[4]]],
    ];
    expect((await takeAll(handlerOf(source.values()))).map(({ y }) => y)).toEqual([[1, 2, 3], [4]]);
  });
});

describe('steps', () => {
  afterEach(() => vi.restoreAllMocks());

  it('ends the run there, and the source', async () => {
    let closed = false;
    function* endless() {
      try {
        for (let step = 0; ; step++) yield numbered(step);
      } finally {
        closed = true;
      }
    }
    const handler = handlerOf(endless(), { steps: 4 });
    expect(handler.inferredSteps).toBe(4);
    expect((await takeAll(handler)).map(({ step }) => step)).toEqual([0, 1, 2, 3]);
    expect(closed).toBe(true);
  });

  it('reads no more than `steps` batches', async () => {
    const sequence = new Noted(9);
    await takeAll(handlerOf(sequence, { steps: 4, workers: 3 }));
    expect(sequence.asked).toEqual([0, 1, 2, 3]);
    expect(sequence.closed).toBe(1);
  });

  it('beyond the end of the source end the run with a warning', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    expect(await takeAll(handlerOf(count(3), { steps: 5 }))).toHaveLength(3);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(String(warn.mock.calls[0]?.[0])).toMatch(/ran out of data: `steps` is 5, but it ended after 3/);
  });

  it('are inferred from a Sequence, not from an iterable', () => {
    expect(handlerOf(new Noted(5)).inferredSteps).toBe(5);
    expect(handlerOf(count(5)).inferredSteps).toBe(null);
  });
});

describe('units together with a Sequence of known length', () => {
  const sequence = (samples: number, sizes: readonly number[]): Sequence => ({
    length: sizes.length,
    samples,
    at: (i) => ({ x: (numbered(i, sizes[i]) as { x: never }).x }),
  });

  it('follow the order of the samples', async () => {
    const handler = handlerOf(sequence(5, [2, 2, 1]), { workers: 2 }, [[0], [1], [2], [3], [4]]);
    expect(handler.samples).toBe(5);
    expect((await takeAll(handler)).map(({ y }) => y)).toEqual([[0, 1], [2, 3], [4]]);
    const joined = handlerOf(sequence(5, [2, 2, 1]), { stepsPerExecution: 2 }, [[0], [1], [2], [3], [4]]);
    expect((await takeAll(joined)).map(({ y }) => y)).toEqual([[0, 1, 2, 3], [4]]);
  });

  it('ignore sizes that are not numbers', async () => {
    const other = { length: 2, samples: ['a', 'b'], batchSize: '2', at: (i: number) => numbered(i) };
    const handler = handlerOf(other);
    expect([handler.samples, handler.batchSize]).toEqual([null, null]);
    expect(await takeAll(handler)).toHaveLength(2);
    expect(() => handlerOf({ ...other, samples: 0.5 })).toThrow('for argument `x.samples` but received 0.5');
  });

  it('are cut with the steps', () => {
    const known = { ...sequence(5, [2, 2, 1]), batchSize: 2 };
    expect(handlerOf(known, { steps: 2 }).samples).toBe(4);
    expect(handlerOf(known, { steps: 3 }).samples).toBe(5);
    expect(handlerOf(sequence(5, [2, 2, 1]), { steps: 2 }).samples).toBe(null);
  });

  it('are checked before the run', () => {
    expect(() => handlerOf(sequence(5, [5]), {}, [[0]])).toThrow('a row of units for each of the 5 samples');
  });

  it('fail if the Sequence declares a wrong number of samples', async () => {
    const five = [[0], [1], [2], [3], [4]];
    await expect(takeAll(handlerOf(sequence(5, [3, 3]), {}, five))).rejects.toThrow(
      'no more than the 5 samples',
    );
    await expect(takeAll(handlerOf(sequence(5, [2, 2]), {}, five))).rejects.toThrow(
      'Expected 4, the number of samples in its batches, for argument `x.samples` but received 5',
    );
  });

  it('are refused if the batches hold units too', async () => {
    const both: Sequence = { length: 1, samples: 2, at: (i) => numbered(i) };
    await expect(takeAll(handlerOf(both, {}, [[0], [1]]))).rejects.toThrow(
      'no units, because the caller passed `y`',
    );
  });
});
