/** Order, completeness and bounds of sources, whatever the delays, sizes, failures and ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { type HandlerOptions, makeDataHandler } from '../../../lib/data/data_handler.js';
import { parseNpyHeader } from '../../../lib/data/npy/npy_header.js';
import type { Sequence, Source } from '../../../lib/data/source.js';
import { DataError } from '../../../lib/support/errors.js';
import { memory, ready } from '../../../lib/tensor/tensor.js';
import { model, numbered, type Taken, takeAll } from './source_fixture.js';

beforeAll(() => ready());

/** Mostly no delay, and a turn of the event loop or a few milliseconds now and then. */
const delays = fc.array(fc.constantFrom(0, 0, 0, 1, 2, 5), { minLength: 1, maxLength: 6 });
const pause = (list: readonly number[], i: number) => {
  const { [i % list.length]: milliseconds } = list;
  return milliseconds === 0 ? undefined : sleep(milliseconds);
};

const plans = fc.record({
  /** The samples of each batch. */
  sizes: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 14 }),
  kind: fc.constantFrom<'iterable' | 'async' | 'sequence'>('iterable', 'async', 'sequence', 'sequence'),
  making: delays,
  taking: delays,
  workers: fc.integer({ min: 0, max: 5 }),
  maxQueueSize: fc.integer({ min: 1, max: 6 }),
  stepsPerExecution: fc.constantFrom(1, 1, 2, 3),
  steps: fc.option(fc.integer({ min: 1, max: 14 }), { nil: undefined }),
  failsAt: fc.option(fc.nat({ max: 13 }), { nil: undefined }),
  leavesAfter: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
});
type Plan = typeof plans extends fc.Arbitrary<infer P> ? P : never;

class Producer {
  asked = 0;
  given = 0;
  released = 0;
  closed = 0;
  underWay = 0;
  mostUnderWay = 0;
  readonly reason = new Error('it fails, as planned');
  constructor(readonly plan: Plan) {}

  async make(i: number) {
    const { sizes, making, failsAt } = this.plan;
    this.asked += 1;
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.underWay);
    try {
      await pause(making, i);
      if (i === failsAt) throw this.reason;
      this.given += 1;
      return { ...numbered(i, sizes[i]), release: () => (this.released += 1) };
    } finally {
      this.underWay -= 1;
    }
  }

  source(): Source {
    const { sizes, kind } = this.plan;
    const make = (i: number) => this.make(i);
    const closed = () => {
      this.closed += 1;
    };
    if (kind === 'sequence') return { length: sizes.length, at: make, close: closed } satisfies Sequence;
    if (kind === 'async') {
      return (async function* () {
        try {
          for (const i of sizes.keys()) yield await make(i);
        } finally {
          closed();
        }
      })();
    }
    return (function* () {
      try {
        for (const i of sizes.keys()) yield make(i) as never;
      } finally {
        closed();
      }
    })();
  }
}

async function check(plan: Plan): Promise<void> {
  const { sizes, kind, taking, workers, maxQueueSize, stepsPerExecution, failsAt, leavesAfter } = plan;
  const before = memory().liveBytes;
  const producer = new Producer(plan);
  // More steps than a Sequence has are refused; an iterable that ends sooner only warns.
  const steps = plan.steps === undefined ? undefined : Math.min(plan.steps, sizes.length);
  const options: HandlerOptions = { workers, maxQueueSize, stepsPerExecution, steps };
  const all = steps ?? sizes.length;
  const fails = failsAt !== undefined && failsAt < all;
  const whole = fails ? failsAt : all;

  const taken: Taken[] = [];
  let row = 0;
  const handler = makeDataHandler(model, producer.source(), null, options);
  const left = new Error('left');
  const run = takeAll(handler, async (batch) => {
    taken.push(batch);
    await pause(taking, taken.length);
    row += batch.steps;
    // What is read and not taken, in steps; one more batch may be waiting to be joined.
    const ahead = workers === 0 ? stepsPerExecution : Math.max(maxQueueSize, stepsPerExecution);
    expect(producer.asked - row).toBeLessThanOrEqual(ahead);
    if (taken.length === leavesAfter) throw left;
  });
  const error = await run.then(
    () => null,
    (thrown) => thrown,
  );

  // Complete and in order, up to where it ended.
  const expected = Array.from({ length: row }, (_, step) =>
    Array.from({ length: sizes[step] as number }, (_, i) => [step, i]),
  ).flat();
  expect(taken.flatMap(({ x }) => x)).toEqual(expected);
  expect(taken.flatMap(({ y }) => y)).toEqual(expected.map(([, i]) => i));
  expect(taken.map(({ step }) => step)).toEqual(
    taken.map((_, i) => sumOf(taken.slice(0, i).map((batch) => batch.steps))),
  );
  for (const batch of taken) expect(batch.steps).toBeLessThanOrEqual(stepsPerExecution);
  if (error === left) expect(row).toBeLessThanOrEqual(whole);
  else {
    expect(error).toBe(fails ? producer.reason : null);
    expect(row).toBe(whole);
  }

  // Nothing is left of it.
  await vi.waitFor(() => expect(producer.underWay).toBe(0));
  expect(producer.closed).toBe(1);
  expect(producer.released).toBe(producer.given);
  expect(producer.mostUnderWay).toBeLessThanOrEqual(
    kind === 'sequence' ? Math.max(1, Math.min(workers, maxQueueSize + stepsPerExecution)) : 1,
  );
  expect(memory().liveBytes).toBeLessThanOrEqual(before);
}

const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, each) => sum + each, 0);

describe('a source', () => {
  it('is read completely, in order and within its bounds, and is closed', { timeout: 60_000 }, async () => {
    await fc.assert(fc.asyncProperty(plans, check), { numRuns: 150 });
  });

  it('ends soon after its signal at any point of the run', { timeout: 60_000 }, async () => {
    const after = fc.integer({ min: 0, max: 30 });
    await fc.assert(
      fc.asyncProperty(plans, after, async (plan, milliseconds) => {
        const before = memory().liveBytes;
        const producer = new Producer({ ...plan, sizes: Array(40).fill(2), failsAt: undefined });
        const controller = new AbortController();
        const { workers, maxQueueSize, stepsPerExecution } = plan;
        const handler = makeDataHandler(model, producer.source(), null, {
          workers,
          maxQueueSize,
          stepsPerExecution,
        });
        const clock = setTimeout(() => controller.abort(), milliseconds);
        const error = await takeAll(
          handler,
          () => pause(plan.taking, producer.asked),
          controller.signal,
        ).catch((thrown) => thrown);
        clearTimeout(clock);
        if (controller.signal.aborted && error instanceof Error) {
          expect(error).toMatchObject({ code: 'CANCELLED' });
        } else expect(error).toHaveLength(Math.ceil(40 / stepsPerExecution));
        await vi.waitFor(() => expect(producer.underWay).toBe(0));
        expect(producer.released).toBe(producer.given);
        expect(memory().liveBytes).toBeLessThanOrEqual(before);
      }),
      { numRuns: 60 },
    );
  });
});

describe('the header of a .npy file', () => {
  const valid = Buffer.concat([
    Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, 118, 0]),
    Buffer.from(`{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.padEnd(117)),
    Buffer.from('\n'),
  ]);

  it('with random bytes is read or refused with a DataError', () => {
    const change = fc.record({ at: fc.nat({ max: valid.length - 1 }), byte: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 4 }), fc.nat({ max: valid.length }), (changes, length) => {
        const bytes = Buffer.from(valid.subarray(0, changes.length > 2 ? length : valid.length));
        for (const { at, byte } of changes) if (at < bytes.length) bytes[at] = byte;
        try {
          const { shape, byteLength, offset } = parseNpyHeader(bytes);
          expect(shape.every((size) => Number.isSafeInteger(size) && size >= 0)).toBe(true);
          expect(Number.isSafeInteger(byteLength + offset)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(DataError);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('of any text is parsed quickly', () => {
    const text = fc.string({
      unit: fc.constantFrom(...`{}'",:() \\n[]0123456789LTrueFalsedescrfortran_ordershape<>f4`),
    });
    fc.assert(
      fc.property(text, (dictionary) => {
        const bytes = Buffer.from(`\x93NUMPY\x01\x00\x00\x00${dictionary}`, 'latin1');
        bytes.writeUInt16LE(bytes.length - 10, 8);
        expect(() => parseNpyHeader(bytes)).toThrow(DataError);
      }),
      { numRuns: 2000 },
    );
  });
});
