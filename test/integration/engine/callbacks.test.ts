/** Callbacks that fail, hang or abort: the run ends as it should, and keeps what it had. */
import { getEventListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import * as ke from '../../../lib/index.js';

const fixture = fileURLToPath(new URL('../../fixtures/tiny/frozen.pb', import.meta.url));
const raw = { resizing: false, verbose: 0 } as const;
const { gradcam } = ke.methods.cams;
const x = ke.tensor(
  Float32Array.from({ length: 64 }, (_, i) => Math.sin(i ** 2)),
  [8, 2, 2, 2],
);

let model: ke.Model;
beforeAll(async () => {
  model = await ke.loadModel(fixture, { inputs: ['x'], outputs: ['logits', 'activations'] });
});
afterAll(() => model.close());

const failureOf = (run: Promise<unknown>) =>
  run.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error,
  );

/** The hooks of a run, and the steps that are done when each is called for the first time. */
const HOOKS = [
  ['onPredictBegin', 0],
  ['onPredictBatchBegin', 0],
  ['onPredictBatchEnd', 1],
  ['onPredictEnd', 4],
] as const;

describe('a callback', () => {
  it('that throws in any hook ends the run with its error, and all others hear of it', async () => {
    for (const [hook, steps] of HOOKS) {
      const failure = new Error(hook);
      const thrower = {
        [hook]: () => {
          throw failure;
        },
        onPredictError: () => {
          throw new Error('again');
        },
      };
      const onPredictError = vi.fn();
      const callbacks = [thrower, { onPredictError }];
      const error = await failureOf(ke.explain(gradcam, model, x, null, { ...raw, batchSize: 2, callbacks }));
      expect(error, hook).toBe(failure);
      expect(ke.finishedSteps(error)?.steps ?? 0, hook).toBe(steps);
      expect(onPredictError, hook).toHaveBeenCalledExactlyOnceWith(failure);
    }
  });

  it('that throws when the loop is left is heard of, and the others end', async () => {
    const failure = new Error('at the end');
    const thrower = {
      onPredictEnd: () => {
        throw failure;
      },
    };
    const onPredictError = vi.fn();
    const options = { ...raw, batchSize: 2, callbacks: [thrower, { onPredictError }] };
    const leaving = async () => {
      for await (const _ of ke.explainBatches(gradcam, model, x, null, options)) break;
    };
    expect(await failureOf(leaving())).toBe(failure);
    expect(onPredictError).toHaveBeenCalledExactlyOnceWith(failure);
  });

  it('that never settles does not hold a run that is aborted or late', async () => {
    for (const [hook, steps] of [...HOOKS, ['onProgress', 0]] as const) {
      const controller = new AbortController();
      const hanging = () => new Promise<void>(() => setTimeout(() => controller.abort(hook), 5));
      const onPredictError = vi.fn(() => new Promise<void>(() => undefined));
      const callbacks = [hook === 'onProgress' ? {} : { [hook]: hanging }, { onPredictError }];
      const watched = hook === 'onProgress' ? { onProgress: hanging } : {};
      const options = { ...raw, ...watched, batchSize: 2, callbacks, signal: controller.signal };
      const error = await failureOf(ke.explain(gradcam, model, x, null, options));
      expect(error, hook).toBeInstanceOf(ke.CancelledError);
      expect((error as Error).cause, hook).toBe(hook);
      if (hook !== 'onProgress') expect(ke.finishedSteps(error)?.steps ?? 0, hook).toBe(steps);
      expect(onPredictError, hook).toHaveBeenCalledOnce();
      expect(getEventListeners(controller.signal, 'abort'), hook).toEqual([]);
    }
    const hanging = { onPredictBegin: () => new Promise<void>(() => undefined) };
    const options = { ...raw, callbacks: [hanging], timeout: 20 };
    expect(await failureOf(ke.explain(gradcam, model, x, null, options))).toBeInstanceOf(ke.TimeoutError);
  });

  it('that is slow is waited for at the end, aborted or not', async () => {
    const controller = new AbortController();
    const ends: string[] = [];
    const slow = {
      onPredictBatchEnd: async (end: number) => {
        if (end !== 2) return;
        controller.abort();
        await sleep(20);
        ends.push('batch');
      },
      onPredictEnd: async () => {
        await sleep(400);
        ends.push('end');
      },
      onPredictError: async () => {
        await sleep(20);
        ends.push('error');
      },
    };
    const options = { ...raw, batchSize: 2, callbacks: [slow] };
    const aborted = ke.explain(gradcam, model, x, null, { ...options, signal: controller.signal });
    // What was done already when it was aborted is given, too.
    expect(ke.finishedSteps(await failureOf(aborted))?.steps).toBeGreaterThanOrEqual(2);
    expect(ends).toEqual(['batch', 'error']);
    await ke.explain(gradcam, model, x, null, { ...raw, callbacks: [slow] });
    for await (const _ of ke.explainBatches(gradcam, model, x, null, options)) break;
    expect(ends).toEqual(['batch', 'error', 'end', 'end']);
  });
});

describe('finishedSteps', () => {
  it('is of the run that threw, not of one that it reads from, and of errors of any type', async () => {
    const failure = () => undefined;
    async function* failing() {
      yield ke.tensor(x.data.slice(0, 16), [2, 2, 2, 2]);
      throw failure;
    }
    const inner = await failureOf(ke.explain(gradcam, model, failing(), null, raw));
    expect(inner).toBe(failure);
    expect(ke.finishedSteps(inner)?.steps).toBe(1);
    // biome-ignore lint/correctness/useYield: it fails before its first batch.
    async function* reading() {
      await ke.explain(gradcam, model, failing(), null, raw);
    }
    const outer = await failureOf(ke.explain(gradcam, model, reading(), null, raw));
    expect(outer).toBe(failure);
    expect(ke.finishedSteps(outer)).toBeUndefined();
  });
});
