/** Inside one batch: how far its loops are, and ending them. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import * as ke from '../../../lib/index.js';

type Progress = ke.engine.StepProgress;
type Symbolic = ke.graph.Symbolic;

const { ops } = ke.graph;
const fixture = fileURLToPath(new URL('../../fixtures/tiny/frozen.pb', import.meta.url));
const raw = { resizing: false, verbose: 0 } as const;
/** Turns that take minutes: a run of so many ends only by being ended. */
const ENDLESS = 100_000_000;

function random(n: number): ke.Tensor {
  const values = Float32Array.from({ length: n * 8 }, (_, i) => Math.sin(i * i));
  return ke.tensor(values, [n, 2, 2, 2]);
}

/** The method whose maps are what `maps` makes of the activations. */
function mapping(maps: (activations: Symbolic) => Symbolic): ke.Method {
  return function mapping({ model, inputs }) {
    const [logits, activations] = model(inputs);
    return { logits, maps: maps(activations as Symbolic) };
  };
}

/** After `turns` turns of a loop. */
function counting(turns: number): ke.Method {
  return mapping((activations) => {
    const [left] = ops.forRange(turns, (_, value) => [ops.subtract(value as Symbolic, 1)], [turns]);
    return ops.multiply(activations, left as Symbolic);
  });
}

let model: Awaited<ReturnType<typeof ke.loadModel>>;
beforeAll(async () => {
  model = await ke.loadModel(fixture, { inputs: ['x'], outputs: ['logits', 'activations'] });
});
afterAll(() => model.close());

async function worksOn(): Promise<void> {
  const seen: Progress[] = [];
  const onProgress = (progress: Progress) => void seen.push(progress);
  await ke.explain(counting(3), model, random(1), null, { ...raw, onProgress });
  expect(seen.at(-1)).toEqual({ step: 0, done: 3, total: 3 });
}

describe('a signal', () => {
  it('ends a loop inside one batch', async () => {
    const controller = new AbortController();
    const reason = new Error('the client has gone');
    const seen: Progress[] = [];
    const running = ke.explain(counting(ENDLESS), model, random(1), null, {
      ...raw,
      signal: controller.signal,
      onProgress: (progress) => {
        seen.push(progress);
        controller.abort(reason);
      },
    });
    await expect(running).rejects.toMatchObject({ name: 'CancelledError', cause: reason });
    expect(seen).toHaveLength(1);
    expect(seen[0]?.total).toBe(ENDLESS);
    expect(seen[0]?.done).toBeLessThan(ENDLESS);
    await worksOn();
  });

  it('ends the loops of all batches in flight', async () => {
    const controller = new AbortController();
    const running = ke.explain(counting(ENDLESS), model, random(6), null, {
      ...raw,
      batchSize: 2,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(running).rejects.toBeInstanceOf(ke.CancelledError);
    await worksOn();
  });

  it('ends a loop that does not say how many turns it makes', async () => {
    const method = mapping((activations) => {
      const [last] = ops.whileLoop(
        (i) => ops.less(i as Symbolic, ENDLESS),
        (i) => [ops.add(i as Symbolic, 1)],
        [ops.constant(0, 'int32')],
      );
      return ops.multiply(activations, ops.cast(last as Symbolic, 'float32'));
    });
    const onProgress = vi.fn();
    const signal = AbortSignal.timeout(200);
    await expect(ke.explain(method, model, random(1), null, { ...raw, signal, onProgress })).rejects.toThrow(
      ke.CancelledError,
    );
    expect(onProgress).not.toHaveBeenCalled();
    await worksOn();
  });
});

describe('onProgress', () => {
  it('grows to the total, for each batch', async () => {
    const seen: Progress[] = [];
    const turns = 60_000;
    await ke.explain(counting(turns), model, random(4), null, {
      ...raw,
      batchSize: 2,
      onProgress: (progress) => void seen.push(progress),
    });
    for (const step of [0, 1]) {
      const own = seen.filter((progress) => progress.step === step);
      const { done, total } = own.at(-1) as Progress;
      // All parts of a batch, however many it was split into.
      expect(total % turns).toBe(0);
      expect(done).toBe(total);
      own.forEach((progress, i) => {
        expect(progress.total).toBe(total);
        expect(progress.done).toBeGreaterThan(own[i - 1]?.done ?? -1);
      });
    }
  });

  it('counts the units of a Jacobian and the turns of mapRange', async () => {
    const seen: Progress[] = [];
    const options = { ...raw, onProgress: (progress: Progress) => void seen.push(progress) };
    await ke.explain(ke.methods.cams.gradcam, model, random(1), [[0, 1, 2]], options);
    expect(seen.at(-1)).toEqual({ step: 0, done: 3, total: 3 });
    const mapped = mapping((activations) =>
      ops.reduceSum(
        ops.mapRange(5, () => activations),
        0,
      ),
    );
    await ke.explain(mapped, model, random(1), null, options);
    expect(seen.at(-1)).toEqual({ step: 0, done: 5, total: 5 });
  });

  it('counts what a loop of the user says', async () => {
    const halving = (count: Symbolic | number) =>
      mapping((activations) => {
        const [small] = ops.whileLoop(
          (x) => ops.greater(x as Symbolic, 1),
          (x) => [ops.divide(x as Symbolic, 2)],
          [16],
          { count },
        );
        return ops.multiply(activations, small as Symbolic);
      });
    const seen: Progress[] = [];
    const onProgress = (progress: Progress) => void seen.push(progress);
    await ke.explain(halving(4), model, random(1), null, { ...raw, onProgress });
    expect(seen.at(-1)).toEqual({ step: 0, done: 4, total: 4 });

    const pair: ke.Method = (args) => halving(ops.constant([1, 2], 'int32'))(args);
    await expect(ke.explain(pair, model, random(1), null, raw)).rejects.toThrow('must be an int32 scalar');
  });

  it('is not called where there is no loop', async () => {
    const onProgress = vi.fn();
    await ke.explain(ke.methods.cams.gradcam, model, random(3), [[0], [1], [2]], { ...raw, onProgress });
    expect(onProgress).not.toHaveBeenCalled();
  });

  it.each<[string, () => void | Promise<void>]>([
    [
      'throws',
      () => {
        throw new Error('of the callback');
      },
    ],
    ['rejects', () => Promise.reject(new Error('of the callback'))],
  ])('that %s ends the run with its error, and nothing is left behind', async (_, onProgress) => {
    const x = random(4);
    for (const turns of [ENDLESS, 3]) {
      const before = ke.memory().liveTensors;
      const options = { ...raw, batchSize: 1, onProgress };
      await expect(ke.explain(counting(turns), model, x, null, options)).rejects.toThrow('of the callback');
      expect(ke.memory().liveTensors).toBeLessThanOrEqual(before);
    }
    await worksOn();
  });

  it('is not called again before its promise has settled', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    let [underWay, calls] = [0, 0];
    const onProgress = async () => {
      expect(++underWay).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 250));
      underWay -= 1;
      if (++calls === 2) controller.abort();
    };
    const options = { ...raw, signal, onProgress };
    const running = ke.explain(counting(ENDLESS), model, random(1), null, options);
    await expect(running).rejects.toBeInstanceOf(ke.CancelledError);
  });

  it('leaves no batch behind that failed before it began', async () => {
    const before = ke.memory().liveTensors;
    const callbacks = [{ onPredictBatchBegin: () => Promise.reject(new Error('of the hook')) }];
    const options = { ...raw, batchSize: 1, callbacks };
    await expect(ke.explain(counting(3), model, random(4), null, options)).rejects.toThrow('of the hook');
    expect(ke.memory().liveTensors).toBeLessThanOrEqual(before);
  });

  it('may be a hook of a callback, which is awaited before the batch has ended', async () => {
    const seen: string[] = [];
    await ke.explain(counting(7), model, random(2), null, {
      ...raw,
      batchSize: 1,
      maxQueueSize: 1,
      callbacks: [
        {
          onPredictBatchBegin: (step) => void seen.push(`begin ${step}`),
          onPredictBatchProgress: async (step, { done, total }) => {
            await new Promise((resolve) => setTimeout(resolve, 20));
            if (done === total) seen.push(`step ${step}: all ${total}`);
          },
          onPredictBatchEnd: (endStep) => void seen.push(`end ${endStep}`),
        },
      ],
    });
    expect(seen).toEqual(['begin 0', 'step 0: all 7', 'end 1', 'begin 1', 'step 1: all 7', 'end 2']);
  });

  it('must be a function', async () => {
    const options = { ...raw, onProgress: 5 as never };
    await expect(ke.explain(counting(1), model, random(1), null, options)).rejects.toThrow(TypeError);
    await expect(ke.explain(counting(1), model, random(1), null, options)).rejects.toThrow('`onProgress`');
  });

  it('is known to the search for misspelled options', async () => {
    const options = { ...raw, onProgres: () => undefined } as never;
    await expect(ke.explain(counting(1), model, random(1), null, options)).rejects.toThrow('onProgress');
  });
});
