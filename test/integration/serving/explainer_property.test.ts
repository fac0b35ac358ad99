/** `createExplainer` under random arrivals, pauses, clients, cancellations, failures and ends. */
import { setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import * as ke from '../../../lib/index.js';
import { model, nanSample, poison, raw, sample, strict, values } from './explainer_fixture.js';

const SAMPLES = 40;
/** What `explain` gives for each sample alone. */
const RESULTS: number[][] = [];

beforeAll(async () => {
  for (let i = 0; i < SAMPLES; i++) {
    RESULTS.push(values(await ke.explain(strict, model, sample(i), null, { ...raw, verbose: 0 })));
  }
});

const KINDS = {
  good: sample,
  poison,
  nan: nanSample,
  wrong: () => ke.tensor([1, 2, 3]),
} as const;
type Kind = keyof typeof KINDS;

interface RandomCall {
  readonly id: number;
  readonly kind: Kind;
  readonly client: string | undefined;
  /** Of the caller, after it, in milliseconds. */
  readonly pause: number;
  readonly abortAfter: number | null;
  readonly timeout: number | undefined;
  /** Names every unit: another group, with the same result. */
  readonly units: boolean;
}

const oneIn = <T>(n: number, rare: fc.Arbitrary<T>, usual: T) =>
  fc.oneof({ weight: n - 1, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: rare });

const randomCall: fc.Arbitrary<RandomCall> = fc.record({
  id: fc.nat(SAMPLES - 1),
  kind: oneIn<Kind>(6, fc.constantFrom('poison', 'nan', 'wrong'), 'good'),
  client: fc.constantFrom(undefined, 'a', 'b'),
  pause: oneIn(4, fc.integer({ min: 1, max: 3 }), 0),
  abortAfter: oneIn<number | null>(6, fc.nat(4), null),
  timeout: oneIn<number | undefined>(10, fc.integer({ min: 1, max: 4 }), undefined),
  units: fc.boolean(),
});

const queue = fc.record({
  maxBatchSize: fc.integer({ min: 1, max: 6 }),
  maxDelayMs: fc.constantFrom(0, 1, 3),
  maxQueueSize: fc.constantFrom(4, 100),
});

/** graceful: after the last call; forced: everything left is cancelled; early: in the middle of the calls. */
const ending = fc.constantFrom('graceful' as const, 'forced' as const, 'early' as const);

/** How a call may fail that was not at fault. */
function excused(error: unknown, { abortAfter, timeout }: RandomCall, end: string): boolean {
  if (error instanceof ke.QueueFullError) return true;
  const { code } = error as ke.KerasExplainableError;
  if (code === 'CANCELLED') return abortAfter !== null || end === 'forced';
  if (code === 'DEADLINE_EXCEEDED') return timeout !== undefined;
  return code === 'CLOSED' && end === 'early';
}

/** Makes the call; resolves to what is wrong with how it ended, or to null. */
async function outcome(explainer: ke.Explainer, call: RandomCall, end: string): Promise<string | null> {
  const { id, kind, client, abortAfter, timeout, units } = call;
  const controller = new AbortController();
  if (abortAfter === 0) controller.abort();
  else if (abortAfter !== null) setTimeout(() => controller.abort(), abortAfter);
  const options = { signal: controller.signal, ...(client && { client }), ...(timeout && { timeout }) };
  try {
    const result = await explainer.explain(KINDS[kind](id), units ? [[0, 1, 2]] : null, options);
    if (kind !== 'good') return `${kind} was answered`;
    const right = values(result).join() === RESULTS[id]?.join();
    return right ? null : `sample ${id} got another's result: ${values(result)}`;
  } catch (error) {
    if (excused(error, call, end)) return null;
    if (kind === 'good') return `sample ${id} failed: ${error}`;
    const misuse = error instanceof TypeError || error instanceof RangeError;
    return misuse === (kind !== 'poison') ? null : `${kind} failed with ${error}`;
  }
}

it('settles every call once, with its own result', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(randomCall, { minLength: 1, maxLength: 40 }),
      queue,
      ending,
      async (calls, options, end) => {
        const explainer = ke.createExplainer(strict, model, { ...raw, ...options });
        const outcomes: Promise<string | null>[] = [];
        for (const [i, call] of calls.entries()) {
          if (end === 'early' && i === 15) void explainer.close();
          outcomes.push(outcome(explainer, call, end));
          if (call.pause > 0) await wait(call.pause);
        }
        await explainer.close(end === 'forced' ? { timeout: 0 } : {});
        const { waiting, inFlight, ...stats } = explainer.stats();
        expect({ waiting, inFlight, calls: stats.calls }).toEqual({
          waiting: 0,
          inFlight: 0,
          calls: calls.length,
        });
        expect(stats.completed + stats.failed + stats.cancelled + stats.rejected).toBe(calls.length);
        expect(stats.batchSizes.max).toBeLessThanOrEqual(options.maxBatchSize);
        expect((await Promise.all(outcomes)).filter((wrong) => wrong !== null)).toEqual([]);
      },
    ),
    { numRuns: 60 },
  );
});
