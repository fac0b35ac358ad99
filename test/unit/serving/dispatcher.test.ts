/** When batches are sent: Dispatcher alone, its clock and its runs in the test's hands. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Dispatcher } from '../../../lib/serving/dispatcher.js';
import type { Queued } from '../../../lib/serving/fair_queue.js';

interface Item extends Queued {
  readonly name: string;
}

const item = (name: string, group = 'g'): Item => ({
  name,
  group,
  client: undefined,
  arrived: performance.now(),
});

function dispatching({ maxBatchSize = 4, maxDelayMs = 5, replicas = 2 } = {}) {
  const batches: { names: string; end: () => void }[] = [];
  const dispatcher = new Dispatcher<Item>({
    maxBatchSize,
    maxDelayMs,
    replicas,
    run: (items) =>
      new Promise((resolve) => {
        batches.push({ names: items.map(({ name }) => name).join(' '), end: resolve });
      }),
  });
  const add = (names: string, group?: string) => {
    for (const name of names.split(' ')) dispatcher.add(item(name, group));
  };
  return { dispatcher, batches, add, sent: () => batches.map(({ names }) => names) };
}

/** All that is due in this turn of the event loop, and what follows from it at once. */
const turn = () => vi.advanceTimersByTimeAsync(0);
const wait = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('Dispatcher', () => {
  it('sends the calls of one turn together, at once if no batch is in flight', async () => {
    const { add, sent } = dispatching();
    add('a');
    expect(sent()).toEqual([]);
    add('b');
    await turn();
    expect(sent()).toEqual(['a b']);
  });

  it('lets a call wait for company while a replica is idle, for maxDelayMs', async () => {
    const { add, sent } = dispatching();
    add('a');
    await turn();
    add('b');
    await wait(3);
    add('c');
    await turn();
    expect(sent()).toEqual(['a']);
    await wait(2);
    expect(sent()).toEqual(['a', 'b c']);
  });

  it('does not wait with a delay of 0', async () => {
    const { add, sent } = dispatching({ maxDelayMs: 0 });
    add('a');
    await turn();
    add('b');
    await turn();
    expect(sent()).toEqual(['a', 'b']);
  });

  it('sends a full batch without waiting', async () => {
    const { add, sent } = dispatching();
    add('a');
    await turn();
    add('b c d e f');
    await turn();
    expect(sent()).toEqual(['a', 'b c d e']);
  });

  it('holds calls back while all replicas are busy, so that batches grow', async () => {
    const { add, batches, sent } = dispatching();
    add('a b');
    await turn();
    add('c');
    await wait(100);
    add('d');
    await wait(100);
    expect(sent()).toEqual(['a b']);
    batches[0]?.end();
    await turn();
    expect(sent()).toEqual(['a b', 'c d']);
  });

  it('has one full batch ready to follow those that are computed, not more', async () => {
    const { add, batches, sent } = dispatching();
    add('a b c d e f g h i j k l m');
    await turn();
    expect(sent()).toEqual(['a b c d', 'e f g h']);
    batches[0]?.end();
    await turn();
    expect(sent()).toEqual(['a b c d', 'e f g h', 'i j k l']);
    batches[1]?.end();
    await turn();
    await wait(100);
    expect(sent()).toHaveLength(3);
    batches[2]?.end();
    await turn();
    expect(sent().at(-1)).toBe('m');
  });

  it('never mixes groups, and sends those that wait longest first', async () => {
    const { add, batches, sent } = dispatching({ replicas: 1 });
    add('a1', 'a');
    await turn();
    add('b1', 'b');
    add('a2 a3 a4 a5', 'a');
    add('b2', 'b');
    await wait(6);
    for (let i = 0; i < 3; i++) {
      batches[i]?.end();
      await turn();
    }
    expect(sent()).toEqual(['a1', 'a2 a3 a4 a5', 'b1 b2']);
  });

  it('forgets a call that is taken out, and the clock of the last one', async () => {
    const { dispatcher, add, sent } = dispatching();
    add('a');
    await turn();
    const given = item('b');
    dispatcher.add(given);
    await turn();
    expect(vi.getTimerCount()).toBe(1);
    expect(dispatcher.remove(given)).toBe(true);
    expect(dispatcher.remove(given)).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
    await wait(10);
    expect(sent()).toEqual(['a']);
  });

  it('has no clock running while it has nothing to do, or waits for replicas', async () => {
    const { add, batches } = dispatching();
    add('a b');
    await turn();
    add('c');
    await turn();
    expect(vi.getTimerCount()).toBe(0);
    for (let i = 0; i < 2; i++) {
      batches[i]?.end();
      await turn();
    }
    expect(batches).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits for no company once nothing more will come', async () => {
    const { dispatcher, add, sent } = dispatching({ maxDelayMs: 1000 });
    add('a');
    await turn();
    add('b');
    await turn();
    expect(sent()).toEqual(['a']);
    dispatcher.drain();
    await turn();
    expect(sent()).toEqual(['a', 'b']);
  });
});
