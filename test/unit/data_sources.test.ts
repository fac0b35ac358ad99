import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Batch, DataOptions } from '../../lib/data/data_handler.js';
import { makeDataHandler } from '../../lib/data/data_handler.js';
import type { Indices } from '../../lib/data/indices.js';
import type { ArrayData } from '../../lib/data/inputs.js';
import type { BatchLike, Sequence, Source } from '../../lib/data/source.js';
import { allocate, memory, ready, type Tensor, tensor } from '../../lib/tensor.js';
import { logits, model, numbered, pair, take, takeAll } from './data_fixture.js';

const handlerOf = (
  source: unknown,
  options: DataOptions & { stepsPerExecution?: number } = {},
  y?: Indices,
) => makeDataHandler(model, source as Source, y, options);

function* count(n: number, samples = 2) {
  for (let step = 0; step < n; step++) yield numbered(step, samples);
}

async function* countSlowly(n: number, samples = 2) {
  for (const batch of count(n, samples)) {
    await turn();
    yield batch;
  }
}

/** A Sequence that notes what was asked of it. */
class Noted implements Sequence {
  readonly asked: number[] = [];
  closed = 0;
  underWay = 0;
  mostUnderWay = 0;
  constructor(
    readonly length: number,
    readonly delay: (i: number) => number = () => 0,
  ) {}
  async at(i: number) {
    this.asked.push(i);
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.underWay);
    await sleep(this.delay(i));
    this.underWay -= 1;
    return numbered(i);
  }
  close() {
    this.closed += 1;
  }
}

const expected = (n: number) =>
  Array.from({ length: n }, (_, step) => [
    [step, 0],
    [step, 1],
  ]);

describe('every kind of source gives its batches in order', () => {
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

  it('keeps the dtype of what it is given', async () => {
    const batch = { data: Uint8Array.of(1, 2), shape: [1, 2] };
    for await (const { inputs, release } of handlerOf([batch].values()).batches()) {
      expect(inputs[0]?.dtype).toBe('uint8');
      release();
    }
  });
});

describe('what is no source, or nearly one, is refused', () => {
  it.each<[string, () => unknown, string]>([
    ['a generator function', () => count, 'Call it, and pass what it returns.'],
    [
      'a stream of bytes',
      () => Readable.from([Buffer.from('x')], { objectMode: false }),
      'Bytes have no shape',
    ],
    ['a typed array', () => new Float32Array(4), 'A flat array says no shape'],
    ['an array of pairs', () => [[tensor([[1, 2]]), [[1]]]], 'Expected'],
    ['a string', () => 'cat.png', 'but received "cat.png"'],
    ['an empty Sequence', () => ({ length: 0, at: numbered }), 'at least 1 for argument `x.length`'],
  ])('%s', (_, source, message) => {
    expect(() => handlerOf(source())).toThrow(message);
  });

  it('a stream that another reads', () => {
    const stream = new ReadableStream();
    stream.getReader();
    expect(() => handlerOf(stream)).toThrow('a ReadableStream that nobody else reads');
  });

  it.each<[string, object, Indices | undefined, string]>([
    ['batchSize', { batchSize: 4 }, undefined, 'Expected none beside a source'],
    ['useMultiprocessing', { useMultiprocessing: true }, undefined, 'data.moduleSequence(url, args)'],
    ['steps', { steps: 6 }, undefined, 'at most 5, the number of batches that `x` has, for argument `steps`'],
    ['y', {}, [[1]], 'Let the source give the units, too: [x, y] or { x, y }.'],
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
      'units, as the steps before it have, for argument `y` of step 3',
    ],
    ['data that does not fit', { data: new Float32Array(3), shape: [1, 2] }, 'Step 3: '],
    ['a misspelt key', { x: tensor([[1, 2]]), Y: [[1]] }, 'Step 3: Misspelled option "Y" should be "y"'],
  ])('%s in a step, which is named, after the steps before it', async (_, bad, message) => {
    const source = [...count(3), bad, ...count(2)].values();
    const seen: number[] = [];
    await expect(takeAll(handlerOf(source), ({ step }) => seen.push(step))).rejects.toThrow(message);
    expect(seen).toEqual([0, 1, 2]);
  });

  it('units, where no step before had any', async () => {
    const source = [tensor([[1, 2]]), [tensor([[1, 2]]), [[1]]]].values();
    await expect(takeAll(handlerOf(source))).rejects.toThrow('no units, as for the steps before it');
  });

  it('batches of another size than the model was saved for', async () => {
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
  it('come as they are', async () => {
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

  it('reads no more than asked for', async () => {
    const sequence = new Noted(9);
    await takeAll(handlerOf(sequence, { steps: 4, workers: 3 }));
    expect(sequence.asked).toEqual([0, 1, 2, 3]);
    expect(sequence.closed).toBe(1);
  });

  it('more than there are end the run with what there is, and a warning', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    expect(await takeAll(handlerOf(count(3), { steps: 5 }))).toHaveLength(3);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(String(warn.mock.calls[0]?.[0])).toMatch(/ran out of data: `steps` is 5, but it ended after 3/);
  });

  it('are known of a Sequence, not of an iterable', () => {
    expect(handlerOf(new Noted(5)).inferredSteps).toBe(5);
    expect(handlerOf(count(5)).inferredSteps).toBe(null);
  });
});

describe('reading ahead', () => {
  it.each([
    [1, 1],
    [3, 1],
    [2, 4],
    [5, 3],
  ])('is bounded: maxQueueSize %d, workers %d', async (maxQueueSize, workers) => {
    const sequence = new Noted(30);
    let taken = 0;
    let most = 0;
    for await (const batch of handlerOf(sequence, { maxQueueSize, workers }).batches()) {
      taken += 1;
      batch.release();
      await sleep(2);
      most = Math.max(most, sequence.asked.length - taken);
    }
    expect(most).toBeLessThanOrEqual(maxQueueSize);
    expect(most).toBeGreaterThan(0);
    expect(sequence.mostUnderWay).toBeLessThanOrEqual(Math.min(workers, maxQueueSize));
  });

  it('goes on while the consumer works', async () => {
    let made = 0;
    async function* source() {
      for (let step = 0; step < 8; step++) {
        made += 1;
        yield numbered(step);
      }
    }
    const batches = handlerOf(source(), { maxQueueSize: 4 }).batches();
    const first = await batches.next();
    await sleep(20);
    expect(made).toBe(5);
    if (first.done !== true) first.value.release();
    await batches.return();
  });

  it('does not happen without workers', async () => {
    const sequence = new Noted(6);
    for await (const batch of handlerOf(sequence, { workers: 0 }).batches()) {
      const { step } = take(batch);
      await sleep(2);
      expect(sequence.asked.length).toBe(step + 1);
    }
  });

  it('keeps all workers busy, and the order', async () => {
    const sequence = new Noted(20, (i) => (i % 4 === 0 ? 12 : 2));
    const taken = await takeAll(handlerOf(sequence, { workers: 4 }));
    expect(taken.map(({ step }) => step)).toEqual([...Array(20).keys()]);
    expect(taken.map(({ x }) => x)).toEqual(expected(20));
    expect(sequence.mostUnderWay).toBe(4);
  });
});

describe('copies', () => {
  it('are made once, of what is not aligned, and given back', async () => {
    await ready();
    const before = memory();
    await takeAll(handlerOf(count(10, 4)));
    const after = memory();
    // 10 batches of 4 rows of 2 floats; the units are written where they are read.
    expect(after.copiedInBytes - before.copiedInBytes).toBe(10 * 4 * 2 * 4);
    expect(after.liveBytes).toBeLessThanOrEqual(before.liveBytes);
  });

  it('are not made of memory from allocate()', async () => {
    await ready();
    const x = allocate([2, 2]);
    const y = allocate([2, 1], 'int32');
    x.data.set([0, 0, 0, 1]);
    y.data.set([0, 1]);
    const before = memory();
    for await (const batch of handlerOf(
      [
        { x, y },
        { x, y },
      ].values(),
    ).batches()) {
      expect(batch.inputs[0]).toBe(x);
      expect(batch.indices).toBe(y);
      batch.release();
    }
    expect(memory()).toEqual(before);
    expect(x.released).toBe(false);
  });

  it('are made before the producer is asked again, which may write into the same array', async () => {
    const data = new Float32Array(4);
    const lasting = tensor(data, [2, 2]);
    function* overwriting() {
      for (let step = 0; step < 6; step++) {
        data.set([step, 0, step, 1]);
        yield step % 2 === 0 ? lasting : { data, shape: [2, 2] };
      }
    }
    const taken = await takeAll(handlerOf(overwriting()), () => sleep(1));
    expect(taken.map(({ x }) => x)).toEqual(expected(6));
  });

  it('of joined steps are the only ones', async () => {
    await ready();
    const before = memory();
    const taken = await takeAll(handlerOf(count(7, 4), { stepsPerExecution: 3 }));
    expect(taken.map(({ step, steps, x }) => [step, steps, x.length])).toEqual([
      [0, 3, 12],
      [3, 3, 12],
      [6, 1, 4],
    ]);
    expect(taken.flatMap(({ x }) => x)).toEqual([...count(7, 4)].flatMap(({ x }) => rowsOf(x)));
    const after = memory();
    expect(after.copiedInBytes - before.copiedInBytes).toBe(7 * 4 * (2 * 4 + 4));
    expect(after.liveBytes).toBeLessThanOrEqual(before.liveBytes);
  });

  const rowsOf = (x: unknown) => {
    const { data } = x as { data: Float32Array };
    return Array.from({ length: data.length / 2 }, (_, row) => [...data.subarray(row * 2, row * 2 + 2)]);
  };

  it('of steps that do not fit together are kept apart', async () => {
    const sizes = [2, 2, 5, 2, 2, 2];
    const source = sizes.map((samples, step) => numbered(step, samples)).values();
    const taken = await takeAll(handlerOf(source, { stepsPerExecution: 2 }));
    expect(taken.map(({ step, steps, x }) => [step, steps, x.length])).toEqual([
      [0, 2, 4],
      [2, 2, 7],
      [4, 2, 4],
    ]);
    const growing = [1, 4, 9].map((samples, step) => numbered(step, samples)).values();
    expect((await takeAll(handlerOf(growing, { stepsPerExecution: 2 }))).map(({ steps }) => steps)).toEqual([
      1, 1, 1,
    ]);
  });
});

describe('a producer is told what is over', () => {
  it('when a batch is not needed any more', async () => {
    const released: number[] = [];
    function* lending() {
      for (const [step, batch] of [...count(4)].entries())
        yield { ...batch, release: () => released.push(step) };
    }
    const handler = handlerOf(lending(), { maxQueueSize: 1 });
    await takeAll(handler);
    expect(released).toEqual([0, 1, 2, 3]);
  });

  it('of aligned memory only when the run has read it', async () => {
    await ready();
    let lent = 0;
    function* lending() {
      for (let step = 0; step < 3; step++) {
        const x = allocate([1, 2]);
        x.data.set([step, 0]);
        lent += 1;
        yield {
          x,
          release: () => {
            lent -= 1;
            x.release();
          },
        };
      }
    }
    for await (const batch of handlerOf(lending(), { workers: 0 }).batches()) {
      expect(lent).toBe(1);
      expect(batch.inputs[0]?.data[0]).toBe(batch.step);
      batch.release();
      batch.release();
      expect(lent).toBe(0);
    }
  });

  it('of batches that were read in vain', async () => {
    await ready();
    const before = memory().liveBytes;
    let lent = 0;
    const sequence: Sequence = {
      length: 20,
      at: async (i) => {
        await sleep(1);
        lent += 1;
        return { ...numbered(i), release: () => (lent -= 1) };
      },
    };
    for (const workers of [1, 4]) {
      for await (const batch of handlerOf(sequence, { workers }).batches()) {
        batch.release();
        await sleep(10);
        break;
      }
      await sleep(10);
      expect(lent).toBe(0);
      expect(memory().liveBytes).toBeLessThanOrEqual(before);
    }
  });
});

it('a step that waits for the next batch is let go where the run is left with the one before it', async () => {
  await ready();
  const before = memory().liveBytes;
  let lent = 0;
  function* lending() {
    for (const samples of [1, 2, 3]) {
      lent += 1;
      yield { ...numbered(0, samples), release: () => (lent -= 1) };
    }
  }
  for await (const batch of handlerOf(lending(), { workers: 0, stepsPerExecution: 3 }).batches()) {
    batch.release();
    break;
  }
  expect(lent).toBe(0);
  expect(memory().liveBytes).toBeLessThanOrEqual(before);
});

describe('a producer that fails', () => {
  const reason = Object.assign(new Error('the disk is full'), { code: 'ENOSPC' });

  it.each<[string, () => unknown]>([
    [
      'a generator',
      function* () {
        yield* count(3);
        throw reason;
      },
    ],
    [
      'an async generator',
      async function* () {
        yield* countSlowly(3);
        throw reason;
      },
    ],
    [
      'a Readable',
      () =>
        Readable.from(
          (async function* () {
            yield* countSlowly(3);
            throw reason;
          })(),
        ),
    ],
    [
      'a web stream',
      () => {
        const source = count(3);
        return new ReadableStream(
          {
            pull(controller) {
              const { done, value } = source.next();
              if (done) controller.error(reason);
              else controller.enqueue(value);
            },
          },
          { highWaterMark: 0 },
        );
      },
    ],
    [
      'a Sequence',
      () => ({
        length: 9,
        at: async (i: number) => {
          if (i === 3) throw reason;
          return numbered(i);
        },
      }),
    ],
    [
      'a Sequence that throws at once',
      () => ({
        length: 9,
        at: (i: number) => {
          if (i === 3) throw reason;
          return numbered(i);
        },
      }),
    ],
    [
      'an iterable with a promise that rejects',
      function* () {
        yield* count(3);
        yield Promise.reject(reason);
        yield* count(3);
      },
    ],
  ])('ends the run with its own error after the steps before it: %s', async (_, source) => {
    for (const [workers, stepsPerExecution] of [
      [0, 1],
      [1, 1],
      [3, 1],
      [1, 2],
    ] as const) {
      let steps = 0;
      const all = takeAll(handlerOf(source(), { workers, stepsPerExecution }), (taken) => {
        steps += taken.steps;
      });
      await expect(all).rejects.toBe(reason);
      expect(steps).toBe(3);
    }
  });

  it('in parallel: nothing is begun behind it, and what is under way is let go', async () => {
    const aborted: number[] = [];
    const asked: number[] = [];
    const sequence: Sequence = {
      length: 50,
      at: async (i, signal) => {
        asked.push(i);
        if (i === 2) throw reason;
        signal?.addEventListener('abort', () => aborted.push(i));
        await sleep(i === 3 ? 1e6 : 1, null, { signal });
        return numbered(i);
      },
    };
    await expect(takeAll(handlerOf(sequence, { workers: 4 }))).rejects.toBe(reason);
    expect(asked).toEqual([0, 1, 2, 3]);
    expect(aborted).toEqual([3]);
  });

  it('while it is closed', async () => {
    function* source() {
      try {
        yield* count(5);
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: that is what is tested
        throw reason;
      }
    }
    await expect(takeAll(handlerOf(source(), { steps: 2 }))).rejects.toBe(reason);
  });
});

describe('leaving early closes the source', () => {
  const leave = async (source: unknown, workers = 1) => {
    for await (const batch of handlerOf(source, { workers }).batches()) {
      batch.release();
      break;
    }
  };

  it.each([0, 1])('a generator: return() (%d workers)', async (workers) => {
    let closed = 0;
    async function* source() {
      try {
        yield* countSlowly(20);
      } finally {
        closed += 1;
      }
    }
    await leave(source(), workers);
    expect(closed).toBe(1);
  });

  it('a Readable: destroy()', async () => {
    const stream = Readable.from(countSlowly(50));
    await leave(stream);
    expect(stream.destroyed).toBe(true);
  });

  it('a web stream: cancel()', async () => {
    const cancel = vi.fn();
    const stream = new ReadableStream({ pull: (controller) => controller.enqueue(numbered(0)), cancel });
    await leave(stream);
    expect(cancel).toHaveBeenCalledTimes(1);
    expect(stream.locked).toBe(false);
  });

  it.each([0, 1, 3])('a Sequence: close() (%d workers)', async (workers) => {
    const sequence = new Noted(50);
    await leave(sequence, workers);
    expect(sequence.closed).toBe(1);
  });

  it.each([1, 3])('which waits for what is being read (%d workers)', async (workers) => {
    const events: string[] = [];
    const sequence: Sequence = {
      length: 9,
      async at(i, signal) {
        if (i === 0) return numbered(i);
        await sleep(30);
        events.push(`read ${signal?.aborted}`);
        return numbered(i);
      },
      close: () => {
        events.push('closed');
      },
    };
    const batches = handlerOf(sequence, { workers }).batches();
    take((await batches.next()).value as Batch);
    await sleep(5);
    await batches.return();
    expect(events.at(-1)).toBe('closed');
    expect(events.filter((event) => event === 'read true').length).toBeGreaterThan(0);
  });

  it('and a run to the end, too', async () => {
    const sequence = new Noted(3);
    await takeAll(handlerOf(sequence));
    await takeAll(handlerOf(sequence, { workers: 2 }));
    expect(sequence.closed).toBe(2);
  });
});

describe('a signal', () => {
  const never = () => new Promise<never>(() => undefined);
  async function* stuck() {
    yield numbered(0);
    await never();
  }

  it.each<[string, () => unknown, object]>([
    ['a generator', stuck, {}],
    ['without workers', stuck, { workers: 0 }],
    ['joined steps', stuck, { stepsPerExecution: 2 }],
    ['a Readable', () => Readable.from(stuck()), {}],
    [
      'a web stream',
      () => new ReadableStream({ pull: (c) => (c.desiredSize === 1 ? c.enqueue(numbered(0)) : never()) }),
      {},
    ],
    ['a Sequence', () => ({ length: 5, at: (i: number) => (i === 0 ? numbered(0) : never()) }), {}],
    [
      'a Sequence in parallel',
      () => ({ length: 5, at: (i: number) => (i === 0 ? numbered(0) : never()) }),
      { workers: 3 },
    ],
    ['a source that never closes', () => ({ length: 5, at: never, close: never }), {}],
  ])('ends a run whose producer never settles: %s', async (_, source, options) => {
    const controller = new AbortController();
    const why = new Error('enough');
    setTimeout(() => controller.abort(why), 20);
    const all = takeAll(handlerOf(source(), options), () => undefined, controller.signal);
    await expect(all).rejects.toMatchObject({ name: 'CancelledError', cause: why });
  });

  it('that is aborted already reads nothing', async () => {
    const sequence = new Noted(5);
    await expect(takeAll(handlerOf(sequence), undefined, AbortSignal.abort())).rejects.toThrow('cancelled');
    expect(sequence.asked).toEqual([]);
  });

  it('keeps no listener', async () => {
    const { signal } = new AbortController();
    const added = vi.spyOn(signal, 'addEventListener');
    const removed = vi.spyOn(signal, 'removeEventListener');
    await takeAll(handlerOf(new Noted(20), { workers: 3 }), undefined, signal);
    expect(removed.mock.calls.length).toBe(added.mock.calls.length);
    expect(EventEmitter.getEventListeners?.(signal, 'abort') ?? []).toEqual([]);
  });

  it('makes Node warn of no leak, however many workers there are', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const { signal } = new AbortController();
    const sequence = new Noted(60, () => 2);
    await takeAll(handlerOf(sequence, { workers: 30, maxQueueSize: 40 }), undefined, signal);
    expect(sequence.mostUnderWay).toBe(30);
    expect(warn).not.toHaveBeenCalled();
    vi.restoreAllMocks();
  });

  it('waits for a producer that tidies up', async () => {
    const controller = new AbortController();
    let tidy = false;
    async function* source() {
      try {
        for (let step = 0; ; step++) yield numbered(step);
      } finally {
        await sleep(30);
        tidy = true;
      }
    }
    const all = takeAll(
      handlerOf(source()),
      ({ step }) => step === 2 && controller.abort(),
      controller.signal,
    );
    await expect(all).rejects.toThrow('cancelled');
    expect(tidy).toBe(true);
  });
});

describe('units beside a Sequence that knows its samples', () => {
  const sequence = (samples: number, sizes: readonly number[]): Sequence => ({
    length: sizes.length,
    samples,
    at: (i) => ({ x: (numbered(i, sizes[i]) as { x: never }).x }),
  });

  it('go along with the samples in order', async () => {
    const handler = handlerOf(sequence(5, [2, 2, 1]), { workers: 2 }, [[0], [1], [2], [3], [4]]);
    expect(handler.samples).toBe(5);
    expect((await takeAll(handler)).map(({ y }) => y)).toEqual([[0, 1], [2, 3], [4]]);
    const joined = handlerOf(sequence(5, [2, 2, 1]), { stepsPerExecution: 2 }, [[0], [1], [2], [3], [4]]);
    expect((await takeAll(joined)).map(({ y }) => y)).toEqual([[0, 1, 2, 3], [4]]);
  });

  it('are not looked for in what is no number', async () => {
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

  it('are checked first', () => {
    expect(() => handlerOf(sequence(5, [5]), {}, [[0]])).toThrow('a row of units for each of the 5 samples');
  });

  it('fail where it is wrong about them', async () => {
    const five = [[0], [1], [2], [3], [4]];
    await expect(takeAll(handlerOf(sequence(5, [3, 3]), {}, five))).rejects.toThrow(
      'no more than the 5 samples',
    );
    await expect(takeAll(handlerOf(sequence(5, [2, 2]), {}, five))).rejects.toThrow(
      'Expected 4, the samples that its batches had, for argument `x.samples` but received 5',
    );
  });

  it('and in its batches are too many', async () => {
    const both: Sequence = { length: 1, samples: 2, at: (i) => numbered(i) };
    await expect(takeAll(handlerOf(both, {}, [[0], [1]]))).rejects.toThrow(
      'no units, as `y` was given beside',
    );
  });
});

describe('arrays', () => {
  const rows = (n: number) => Array.from({ length: n }, (_, row) => [row, row]);

  it('in aligned memory are cut without a copy', async () => {
    await ready();
    const x = allocate([7, 2]);
    x.data.set(rows(7).flat());
    const y = allocate([7, 1], 'int32');
    y.data.set([0, 1, 2, 3, 4, 5, 6]);
    const before = memory();
    const taken = await takeAll(makeDataHandler(model, x, y, { batchSize: 3 }));
    expect(memory()).toEqual(before);
    expect(taken.map((batch) => batch.x)).toEqual([
      rows(7).slice(0, 3),
      rows(7).slice(3, 6),
      rows(7).slice(6),
    ]);
    expect(taken.map((batch) => batch.y)).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
  });

  it('that are not are copied batch by batch, units with them', async () => {
    const y = rows(7).map(([row]) => [row as number]);
    const taken = await takeAll(makeDataHandler(model, tensor(rows(7)), y, { batchSize: 3 }));
    expect(taken.map((batch) => batch.y)).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
    expect(taken.flatMap((batch) => batch.x)).toEqual(rows(7));
  });

  it.each([false, true])('run several steps in one go (aligned: %s)', async (aligned) => {
    await ready();
    const x = tensor(rows(11));
    if (aligned) await x.toAligned();
    const taken = await takeAll(makeDataHandler(model, x, null, { batchSize: 2, stepsPerExecution: 3 }));
    expect(taken.map(({ step, steps, x: part }) => [step, steps, part.length])).toEqual([
      [0, 3, 6],
      [3, 3, 5],
    ]);
    expect(taken.flatMap((batch) => batch.x)).toEqual(rows(11));
  });

  it('keep memory of their own for units no longer than their batches', async () => {
    await ready();
    const x = allocate([6, 2]);
    x.data.fill(1);
    const before = memory().liveBytes;
    const batches = [];
    for await (const batch of makeDataHandler(model, x, rows(6), { batchSize: 2 }).batches())
      batches.push(batch);
    expect(memory().liveBytes).toBeGreaterThan(before);
    for (const batch of batches) expect(batch.indices?.released).toBe(false);
    for (const batch of batches) batch.release();
    expect(memory().liveBytes).toBeLessThanOrEqual(before);
  });

  it('stop for a signal', async () => {
    const handler = makeDataHandler(model, tensor(rows(7)), null, { batchSize: 1 });
    await expect(takeAll(handler, undefined, AbortSignal.abort())).rejects.toThrow('cancelled');
  });
});

describe('a batch whose release fails', () => {
  const failing = (step: number, release: () => void) => ({ ...numbered(step), release });
  const boom = () => {
    throw new Error('boom');
  };

  it('ends the run with its error, and is released once', async () => {
    const release = vi.fn(boom);
    const reading = takeAll(handlerOf([numbered(0), failing(1, release), numbered(2)].values()));
    await expect(reading).rejects.toThrow('boom');
    expect(release).toHaveBeenCalledOnce();
  });

  it('is warned of where nobody waits for it: late, or beside an error of its own', async () => {
    const warnings: string[] = [];
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation((warning) => {
      warnings.push(String(warning));
    });
    try {
      await takeAll(
        handlerOf([failing(0, () => Promise.reject(new Error('late')) as unknown as undefined)].values()),
      );
      const misfit = { x: tensor([[1, 2, 3]]), release: boom };
      await expect(takeAll(handlerOf([misfit as BatchLike].values()))).rejects.toThrow('axis 1 must be 2');
      let give: (batch: unknown) => void = () => undefined;
      const given = new Promise<unknown>((resolve) => {
        give = resolve;
      });
      const slow: Sequence = { length: 2, at: () => given as Promise<BatchLike> };
      for (const workers of [1, 2]) {
        const controller = new AbortController();
        setTimeout(() => controller.abort(), 5);
        const reading = takeAll(handlerOf(slow, { workers }), undefined, controller.signal);
        await expect(reading).rejects.toMatchObject({ code: 'CANCELLED' });
      }
      give(failing(0, boom));
      await sleep(5);
      expect(warnings).toEqual(
        ['late', 'boom', 'boom', 'boom', 'boom'].map((why) => `\`release\` of a batch failed: ${why}`),
      );
    } finally {
      warn.mockRestore();
    }
  });
});

describe('a Sequence', () => {
  it.each([[0], [1], [2]])(
    'is not waited for by a run that is aborted already (%d workers)',
    async (workers) => {
      const at = vi.fn(() => numbered(0));
      const reading = takeAll(handlerOf({ length: 2, at }, { workers }), undefined, AbortSignal.abort());
      await expect(reading).rejects.toMatchObject({ code: 'CANCELLED' });
      expect(at).not.toHaveBeenCalled();
    },
  );

  it.each([[0], [1.5], [Number.NaN], ['3'], [undefined]])('whose length is %s is refused', (length) => {
    const sequence = { length, at: () => numbered(0) } as unknown as Sequence;
    expect(() => handlerOf(sequence)).toThrow('argument `x.length`');
  });
});

describe('a stream', () => {
  it('that fails when it is destroyed unread does not end the process', async () => {
    const uncaught = vi.fn();
    process.once('uncaughtException', uncaught);
    const stream = new Readable({
      objectMode: true,
      read: () => undefined,
      destroy: (_, done) => done(new Error('cannot be destroyed')),
    });
    await expect(takeAll(handlerOf(stream), undefined, AbortSignal.abort())).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    await sleep(5);
    process.off('uncaughtException', uncaught);
    expect(stream.destroyed).toBe(true);
    expect(uncaught).not.toHaveBeenCalled();
  });
});
