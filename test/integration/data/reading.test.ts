/** How far sources are read ahead, and what is copied on the way. */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { makeDataHandler } from '../../../lib/data/data_handler.js';
import { allocate, memory, ready, tensor } from '../../../lib/tensor/tensor.js';
import { count, expected, handlerOf, model, Noted, numbered, take, takeAll } from './source_fixture.js';

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
    await vi.waitFor(() => expect(made).toBe(5));
    // Nothing is read beyond the queue, however often the producer could have been asked.
    for (let i = 0; i < 20; i++) await turn();
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
  it('are made once of memory that is not aligned, and are freed', async () => {
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

  it('are made before the next batch is requested, so the producer may reuse its array', async () => {
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

  it('are separate for steps that cannot be joined', async () => {
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

  it('in other memory are copied batch by batch together with their units', async () => {
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

  it('free converted units with the last batch', async () => {
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
