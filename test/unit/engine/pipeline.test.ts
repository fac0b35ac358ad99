/** Batches in flight: order, limit, failures and ends, on a handler and steps without TensorFlow. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Batch, DataHandler } from '../../../lib/data/batch.js';
import { type Finished, pipeline } from '../../../lib/engine/pipeline.js';
import { follow } from '../../../lib/support/signal.js';

const turns = async (n: number) => {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
};

interface Plan {
  readonly steps: number;
  /** Turns of the event loop that the source takes for each batch. */
  readonly reading?: (step: number) => number;
  /** Turns that each batch takes. */
  readonly computing?: (step: number) => number;
  readonly room?: number;
  readonly failRead?: number;
  readonly failStep?: number;
  readonly failAnnounce?: number;
}

/** A source and steps that note what happens to them. */
class Recorder {
  readonly plan: Plan;
  readonly released: number[] = [];
  readonly aborted: number[] = [];
  readonly announced: number[] = [];
  begun = 0;
  underWay = 0;
  most = 0;
  closed = 0;

  constructor(plan: Plan) {
    this.plan = plan;
  }

  handler(): DataHandler {
    const { steps, reading = () => 0, failRead } = this.plan;
    const self = this;
    return {
      inferredSteps: null,
      samples: null,
      batchSize: null,
      maxQueueSize: 10,
      validate: async () => undefined,
      async *batches(signal) {
        try {
          for (let step = 0; step < steps; step++) {
            await turns(reading(step));
            if (signal?.aborted) throw signal.reason;
            if (step === failRead) throw new Error(`read ${step}`);
            const release = () => void self.released.push(step);
            const about = { begin: 0, samples: 1, steps: 1, batchSize: 1, inputs: [], indices: null };
            yield { step, ...about, release };
          }
        } finally {
          self.closed += 1;
        }
      },
    };
  }

  readonly stage = {
    announce: async ({ step }: Batch) => {
      this.announced.push(step);
      if (step === this.plan.failAnnounce) throw new Error(`announce ${step}`);
    },
    begin: async ({ step }: Batch, signal: AbortSignal): Promise<number> => {
      this.begun += 1;
      this.most = Math.max(this.most, ++this.underWay);
      try {
        for (let left = this.plan.computing?.(step) ?? 0; left > 0; left--) {
          await turns(1);
          if (signal.aborted) {
            this.aborted.push(step);
            throw signal.reason;
          }
        }
        if (step === this.plan.failStep) throw new Error(`step ${step}`);
        return step * 10;
      } finally {
        this.underWay -= 1;
      }
    },
    inFlight: () => this.plan.room ?? 3,
  };

  run(control = follow(undefined)): AsyncGenerator<Finished<number>, void> {
    return pipeline(this.handler(), this.stage, control);
  }
}

async function collect(steps: AsyncIterable<Finished<number>>): Promise<{ given: number[]; error: unknown }> {
  const given: number[] = [];
  try {
    for await (const { outputs } of steps) given.push(outputs);
    return { given, error: null };
  } catch (error) {
    return { given, error };
  }
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);

describe('pipeline', () => {
  it('yields results in order for any durations, with at most `inFlight` batches at once', async () => {
    const plan = fc.record({
      steps: fc.nat(20),
      room: fc.integer({ min: 1, max: 5 }),
      reads: fc.array(fc.nat(4), { minLength: 1 }),
      computes: fc.array(fc.nat(6), { minLength: 1 }),
    });
    await fc.assert(
      fc.asyncProperty(plan, async ({ steps, room, reads, computes }) => {
        const recorder = new Recorder({
          steps,
          room,
          reading: (step) => reads[step % reads.length] as number,
          computing: (step) => computes[step % computes.length] as number,
        });
        const { given, error } = await collect(recorder.run());
        expect(error).toBeNull();
        expect(given).toEqual(upTo(steps).map((step) => step * 10));
        expect(recorder.announced).toEqual(upTo(steps));
        expect(recorder.released).toEqual(upTo(steps));
        expect(recorder.most).toBeLessThanOrEqual(room);
        expect(recorder.closed).toBe(1);
      }),
      { numRuns: 60 },
    );
  });

  it('yields the batches before a failure, then throws the failure, and leaves no batch in flight', async () => {
    const plan = fc.record({
      steps: fc.integer({ min: 1, max: 12 }),
      at: fc.nat(11),
      kind: fc.constantFrom('failRead', 'failStep', 'failAnnounce'),
      room: fc.integer({ min: 1, max: 5 }),
      computes: fc.array(fc.nat(6), { minLength: 1 }),
    });
    await fc.assert(
      fc.asyncProperty(plan, async ({ steps, at, kind, room, computes }) => {
        fc.pre(at < steps);
        const recorder = new Recorder({
          steps,
          room,
          computing: (step) => computes[step % computes.length] as number,
          [kind]: at,
        });
        const { given, error } = await collect(recorder.run());
        const word = { failRead: 'read', failStep: 'step', failAnnounce: 'announce' }[kind];
        expect(error).toEqual(new Error(`${word} ${at}`));
        expect(given).toEqual(upTo(at).map((step) => step * 10));
        expect(recorder.underWay).toBe(0);
        expect(recorder.closed).toBe(1);
        expect(recorder.released.sort((a, b) => a - b)).toEqual(upTo(recorder.announced.length));
      }),
      { numRuns: 100 },
    );
  });

  it('yields finished batches while the source is still waiting', async () => {
    let more: () => void = () => undefined;
    const recorder = new Recorder({ steps: 2, reading: () => 0 });
    const handler = recorder.handler();
    const batches = handler.batches;
    const slow: DataHandler = {
      ...handler,
      async *batches(signal) {
        for await (const batch of batches(signal)) {
          if (batch.step === 1) {
            await new Promise<void>((resolve) => {
              more = resolve;
            });
          }
          yield batch;
        }
      },
    };
    const steps = pipeline(slow, recorder.stage, follow(undefined));
    expect((await steps.next()).value).toMatchObject({ outputs: 0 });
    const second = steps.next();
    await turns(3);
    more();
    expect((await second).value).toMatchObject({ outputs: 10 });
    expect((await steps.next()).done).toBe(true);
  });

  it('stops the source while its results are not taken', async () => {
    const recorder = new Recorder({ steps: 100, room: 3 });
    const steps = recorder.run();
    await steps.next();
    await turns(20);
    expect(recorder.begun).toBeLessThanOrEqual(4);
    await steps.return();
    expect(recorder.closed).toBe(1);
  });

  it('aborts the batches in flight when the consumer stops early', async () => {
    const recorder = new Recorder({
      steps: 100,
      room: 4,
      computing: (step) => (step === 0 ? 0 : Number.POSITIVE_INFINITY),
    });
    for await (const { outputs } of recorder.run()) {
      expect(outputs).toBe(0);
      break;
    }
    expect(recorder.underWay).toBe(0);
    expect(recorder.aborted.length).toBe(recorder.begun - 1);
    expect(recorder.closed).toBe(1);
  });

  it.each([
    [3, 'step 3'],
    [undefined, 'closing'],
  ])(
    'is silent about a source that fails to close, where something failed before (%s)',
    async (failStep, message) => {
      const recorder = new Recorder({ steps: 5, failStep });
      const handler = recorder.handler();
      const closing: DataHandler = {
        ...handler,
        async *batches(signal) {
          try {
            yield* handler.batches(signal);
          } finally {
            // biome-ignore lint/correctness/noUnsafeFinally: what is tested
            throw new Error('closing');
          }
        },
      };
      const { error } = await collect(pipeline(closing, recorder.stage, follow(undefined)));
      expect(error).toEqual(new Error(message));
    },
  );

  it('ends with its signal, and leaves no listener on it', async () => {
    const outer = new AbortController();
    const control = follow(outer.signal);
    const recorder = new Recorder({ steps: 100, computing: () => Number.POSITIVE_INFINITY });
    setTimeout(() => outer.abort(new Error('enough')), 5);
    const { given, error } = await collect(recorder.run(control));
    expect(given).toEqual([]);
    expect(error).toEqual(new Error('enough'));
    expect(recorder.underWay).toBe(0);
    expect(control.interruption()).toMatchObject({ code: 'CANCELLED', cause: new Error('enough') });
  });

  it('begins nothing once it is aborted, left, or has failed, while a batch was announced', async () => {
    const abort = new Recorder({ steps: 9, computing: () => 5 });
    const control = follow(undefined);
    const fail = new Recorder({ steps: 9, failStep: 0, computing: () => 2 });
    const leave = new Recorder({ steps: 9, computing: () => 2 });
    const announcing = (recorder: Recorder, meanwhile: (step: number) => unknown) =>
      pipeline(
        recorder.handler(),
        {
          ...recorder.stage,
          announce: async (batch) => {
            await recorder.stage.announce(batch);
            await meanwhile(batch.step);
          },
        },
        recorder === abort ? control : follow(undefined),
      );

    const aborted = await collect(
      announcing(abort, (step) => step === 1 && control.abort(new Error('enough'))),
    );
    expect(aborted.error).toEqual(new Error('enough'));
    expect([abort.begun, abort.released]).toEqual([1, expect.arrayContaining([0, 1])]);

    const failed = await collect(announcing(fail, (step) => step === 1 && turns(5)));
    expect(failed.error).toEqual(new Error('step 0'));
    expect([fail.begun, fail.released.toSorted()]).toEqual([1, [0, 1]]);

    for await (const _ of announcing(leave, (step) => step === 1 && turns(5))) break;
    expect([leave.begun, leave.released.toSorted()]).toEqual([1, [0, 1]]);
  });

  it('yields the step whose batch cannot be released, then throws the error, and closes the source', async () => {
    const recorder = new Recorder({ steps: 9, room: 2 });
    const handler = recorder.handler();
    const failing: DataHandler = {
      ...handler,
      async *batches(signal) {
        const release = () => {
          throw new Error('release');
        };
        for await (const batch of handler.batches(signal)) yield { ...batch, release };
      },
    };
    const { given, error } = await collect(pipeline(failing, recorder.stage, follow(undefined)));
    expect(error).toEqual(new Error('release'));
    expect(given).toEqual(upTo(recorder.begun).map((step) => step * 10));
    expect(recorder.closed).toBe(1);
  });
});
