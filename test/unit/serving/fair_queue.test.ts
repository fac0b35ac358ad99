/** Whose turn it is: FairQueue alone. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FairQueue, type Queued } from '../../../lib/serving/fair_queue.js';

interface Item extends Queued {
  readonly name: string;
}

let clock = 0;
const item = (name: string, client: unknown = undefined, group = 'g'): Item => ({
  name,
  client,
  group,
  arrived: clock++,
});
const any = () => true;
const names = (items: readonly Item[]) => items.map(({ name }) => name).join(' ');

describe('FairQueue', () => {
  it('is first in, first out for one client, over all groups', () => {
    const queue = new FairQueue<Item>();
    for (const [name, group] of ['a1', 'b2', 'a3', 'c4', 'b5'].map((name) => [name, name[0]] as const)) {
      queue.push(item(name, undefined, group));
    }
    expect(names(queue.take(8, any))).toBe('a1 a3');
    expect(names(queue.take(8, any))).toBe('b2 b5');
    expect(names(queue.take(8, any))).toBe('c4');
    expect(queue.take(8, any)).toEqual([]);
    expect(queue.size).toBe(0);
  });

  it('takes at most as many as asked for, and leaves the rest in order', () => {
    const queue = new FairQueue<Item>();
    for (let i = 0; i < 5; i++) queue.push(item(String(i)));
    expect(names(queue.take(2, any))).toBe('0 1');
    expect(names(queue.take(2, any))).toBe('2 3');
    expect(names(queue.take(2, any))).toBe('4');
  });

  it('lets clients take turns', () => {
    const queue = new FairQueue<Item>();
    for (let i = 0; i < 1000; i++) queue.push(item(`a${i}`, 'a'));
    expect(names(queue.take(3, any))).toBe('a0 a1 a2');
    queue.push(item('b0', 'b'));
    queue.push(item('b1', 'b'));
    expect(names(queue.take(4, any))).toBe('b0 b1 a3 a4');
  });

  it('lets clients take turns across groups', () => {
    const queue = new FairQueue<Item>();
    for (let i = 0; i < 1000; i++) queue.push(item(`a${i}`, 'a', `shape ${i}`));
    queue.take(8, any);
    queue.push(item('b', 'b', 'another'));
    const order = [0, 1].map(() => names(queue.take(8, any)));
    expect(order).toContain('b');
  });

  it('moves later calls up after a call is removed', () => {
    const queue = new FairQueue<Item>();
    const first = Array.from({ length: 100 }, (_, i) => item(`a${i}`, 'a'));
    for (const each of first) queue.push(each);
    queue.push(item('b0', 'b'));
    for (const each of first.slice(0, 99)) expect(queue.remove(each)).toBe(true);
    expect(queue.remove(first[0] as Item)).toBe(false);
    queue.push(item('b1', 'b'));
    queue.push(item('a', 'a'));
    expect(names(queue.take(8, any))).toBe('a99 b0 b1 a');
  });

  it('keeps no client that has nothing waiting', () => {
    const queue = new FairQueue<Item>();
    const lanes = () => queue.clients;
    for (let i = 0; i < 10_000; i++) {
      queue.push(item(String(i), `client ${i}`));
      if (i % 10 === 9) queue.take(8, any);
      if (i % 10 === 8) queue.take(2, any);
      expect(lanes()).toBeLessThanOrEqual(2 * queue.size + 20);
    }
    while (queue.size > 0) queue.take(8, any);
    expect(lanes()).toBe(0);
  });

  it('asks which groups may go', () => {
    const queue = new FairQueue<Item>();
    queue.push(item('small', undefined, 'small'));
    for (let i = 0; i < 3; i++) queue.push(item(`large${i}`, undefined, 'large'));
    expect(names(queue.take(8, ({ size }) => size === 3))).toBe('large0 large1 large2');
    expect(queue.take(8, ({ size }) => size === 3)).toEqual([]);
    expect([...queue.groups()]).toEqual([{ size: 1, oldest: expect.any(Number) }]);
  });

  it('starves no call: each call is taken within a bounded number of turns', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ client: fc.nat(4), group: fc.nat(3) }) },
      { weight: 1, arbitrary: fc.constant('take' as const) },
      { weight: 1, arbitrary: fc.record({ remove: fc.nat(50) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), fc.integer({ min: 1, max: 4 }), (steps, most) => {
        const queue = new FairQueue<Item>();
        const waiting = new Set<Item>();
        const taken: Item[] = [];
        const take = () => {
          const batch = queue.take(most, any);
          expect(batch.length).toBeLessThanOrEqual(most);
          expect(new Set(batch.map(({ group }) => group)).size).toBeLessThanOrEqual(1);
          for (const each of batch) {
            expect(waiting.delete(each)).toBe(true);
            // A client's own calls of one group keep their order.
            const earlier = [...waiting].find(
              (other) =>
                other.client === each.client && other.group === each.group && other.arrived < each.arrived,
            );
            expect(earlier).toBeUndefined();
          }
          taken.push(...batch);
        };
        for (const each of steps) {
          if (each === 'take') take();
          else if ('remove' in each) {
            const victim = [...waiting][each.remove];
            if (victim === undefined) continue;
            waiting.delete(victim);
            expect(queue.remove(victim)).toBe(true);
          } else {
            const pushed = item('', each.client, String(each.group));
            waiting.add(pushed);
            queue.push(pushed);
          }
          expect(queue.size).toBe(waiting.size);
        }
        // From here on other clients flood the queue: what waits is nevertheless taken.
        const left = new Set(waiting);
        const bound = left.size + 1;
        for (let turn = 0; turn < 3 * bound && left.size > 0; turn++) {
          for (let i = 0; i < most; i++) {
            const pushed = item('', `flood ${turn % 2}`, '0');
            waiting.add(pushed);
            queue.push(pushed);
          }
          take();
          for (const each of [...left]) if (!waiting.has(each)) left.delete(each);
        }
        expect(left.size).toBe(0);
      }),
    );
  });
});
