/** How runs over sources end: failures, early leaving, signals, and what the source is told. */
import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { Batch } from '../../../lib/data/data_handler.js';
import type { BatchLike, Sequence } from '../../../lib/data/source.js';
import { allocate, memory, ready, tensor } from '../../../lib/tensor/tensor.js';
import { count, countSlowly, handlerOf, Noted, numbered, take, takeAll } from './source_fixture.js';

describe('a producer is asked to release a batch', () => {
  it('when a batch is no longer needed', async () => {
    const released: number[] = [];
    function* lending() {
      for (const [step, batch] of [...count(4)].entries())
        yield { ...batch, release: () => released.push(step) };
    }
    const handler = handlerOf(lending(), { maxQueueSize: 1 });
    await takeAll(handler);
    expect(released).toEqual([0, 1, 2, 3]);
  });

  it('of aligned memory only after the run has read the memory', async () => {
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

  it('that was read but not taken', async () => {
    await ready();
    const before = memory().liveBytes;
    let [read, lent] = [0, 0];
    const sequence: Sequence = {
      length: 20,
      at: async (i) => {
        await sleep(1);
        read += 1;
        lent += 1;
        return { ...numbered(i), release: () => (lent -= 1) };
      },
    };
    for (const workers of [1, 4]) {
      read = 0;
      for await (const batch of handlerOf(sequence, { workers }).batches()) {
        batch.release();
        await vi.waitFor(() => expect(read).toBeGreaterThan(2));
        break;
      }
      await vi.waitFor(() => expect(lent).toBe(0));
      expect(memory().liveBytes).toBeLessThanOrEqual(before);
    }
  });
});

it('releases a step that waits for the next batch when the consumer stops at the batch before', async () => {
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

  it('in parallel starts no further read and releases reads in flight', async () => {
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

  it('while it is closed fails the run', async () => {
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
        events.push('begun');
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
    await vi.waitFor(() => expect(events).toContain('begun'));
    await batches.return();
    expect(events.at(-1)).toBe('closed');
    expect(events.filter((event) => event === 'read true').length).toBeGreaterThan(0);
  });

  it('and so does a run to the end', async () => {
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

  it('that is already aborted prevents every read', async () => {
    const sequence = new Noted(5);
    await expect(takeAll(handlerOf(sequence), undefined, AbortSignal.abort())).rejects.toThrow('cancelled');
    expect(sequence.asked).toEqual([]);
  });

  it('has no listener after the run', async () => {
    const { signal } = new AbortController();
    const added = vi.spyOn(signal, 'addEventListener');
    const removed = vi.spyOn(signal, 'removeEventListener');
    await takeAll(handlerOf(new Noted(20), { workers: 3 }), undefined, signal);
    expect(removed.mock.calls.length).toBe(added.mock.calls.length);
    expect(EventEmitter.getEventListeners?.(signal, 'abort') ?? []).toEqual([]);
  });

  it('causes no leak warning of Node with many workers', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const { signal } = new AbortController();
    const sequence = new Noted(60, () => 2);
    await takeAll(handlerOf(sequence, { workers: 30, maxQueueSize: 40 }), undefined, signal);
    expect(sequence.mostUnderWay).toBe(30);
    expect(warn).not.toHaveBeenCalled();
    vi.restoreAllMocks();
  });

  it('waits for a producer that cleans up', async () => {
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

describe('a batch whose release throws', () => {
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

  it('becomes a warning if the run has ended or has its own error', async () => {
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
      const expected = ['late', 'boom', 'boom', 'boom', 'boom'];
      await vi.waitFor(() => expect(warnings).toHaveLength(expected.length));
      expect(warnings).toEqual(expected.map((why) => `\`release\` of a batch failed: ${why}`));
    } finally {
      warn.mockRestore();
    }
  });
});

describe('a Sequence', () => {
  it.each([[0], [1], [2]])('does not delay a run that is already aborted (%d workers)', async (workers) => {
    const at = vi.fn(() => numbered(0));
    const reading = takeAll(handlerOf({ length: 2, at }, { workers }), undefined, AbortSignal.abort());
    await expect(reading).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(at).not.toHaveBeenCalled();
  });

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
