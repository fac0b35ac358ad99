/** `createExplainer`: single calls that share batches. Numbers are compared with `explain`'s own. */
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import * as ke from '../../../lib/index.js';
import { collectGarbage } from '../helpers/collect_garbage.js';
import {
  busy,
  create,
  endless,
  expected,
  frozen,
  looping,
  model,
  nanSample,
  poison,
  raw,
  sample,
  single,
  strict,
  values,
} from './explainer_fixture.js';

const { ops } = ke.graph;
const { gradcam } = ke.methods.cams;
const twoInputs = fileURLToPath(new URL('../../fixtures/tiny/two_inputs', import.meta.url));

describe('results', () => {
  it("are explain's own, whichever batch a call came in", async () => {
    const explainer = create(gradcam, model, { ...raw, maxBatchSize: 4 });
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, i) => explainer.explain(sample(i), [[i % 3]])),
    );
    for (const [i, result] of results.entries()) {
      expect(result.logits.shape).toEqual([1, 1]);
      expect(result.maps.shape).toEqual([1, 2, 2, 1]);
      expect(values(result)).toEqual(await expected(i, [[i % 3]]));
    }
    const { batchSizes, batches, completed } = explainer.stats();
    expect({ batches, completed, batchSizes }).toEqual({
      batches: 3,
      completed: 10,
      batchSizes: { mean: 10 / 3, max: 4, counts: { 2: 1, 4: 2 } },
    });
  });

  it('take every option of a step, and the parameters of the method', async () => {
    const options = {
      postprocessing: ke.filters.absoluteNormalize,
      resizing: [3, 5],
      gradientFilter: ops.square,
    } as const;
    const explainer = create(ke.methods.gradient.gradients, model, options);
    const [one, other] = await Promise.all([0, 1].map((i) => explainer.explain(sample(i))));
    const both = await ke.explain(ke.methods.gradient.gradients, model, sample(1), null, {
      ...options,
      verbose: 0,
    });
    expect(one?.maps.shape).toEqual([1, 3, 5, 3]);
    expect(values(other as ke.ExplainResult)).toEqual(values(both));
  });

  it('go together only where dtypes, shapes and the number of units are equal', async () => {
    const explainer = create(gradcam, model, raw);
    const image = {
      data: [...sample(0).data].map((value) => Math.round(Number(value))),
      shape: [1, 2, 2, 2],
    };
    const results = await Promise.all([
      explainer.explain(sample(0)),
      explainer.explain(sample(0), [[1]]),
      explainer.explain(sample(0), [[1, 2]]),
      explainer.explain({ ...image, data: Int32Array.from(image.data) }, [[1]]),
      explainer.explain(sample(1), [[2]]),
    ]);
    expect(results.map(({ maps }) => maps.shape)).toEqual([
      [1, 2, 2, 3],
      [1, 2, 2, 1],
      [1, 2, 2, 2],
      [1, 2, 2, 1],
      [1, 2, 2, 1],
    ]);
    expect(values(results[1] as ke.ExplainResult)).toEqual(await expected(0, [[1]]));
    expect(values(results[4] as ke.ExplainResult)).toEqual(await expected(1, [[2]]));
    expect(explainer.stats().batchSizes.counts).toEqual({ 1: 3, 2: 1 });
  });

  it('are in memory of their own', async () => {
    const explainer = create(gradcam, model, raw);
    const alone = await expected(1);
    const samples = [sample(0), sample(1)];
    const before = ke.memory().liveTensors;
    const [one, other] = (await Promise.all(samples.map((each) => explainer.explain(each)))) as [
      ke.ExplainResult,
      ke.ExplainResult,
    ];
    expect(explainer.stats().batches).toBe(1);
    expect(ke.memory().liveTensors).toBeLessThanOrEqual(before + 4);
    expect(one.maps.data.buffer).not.toBe(other.maps.data.buffer);
    (one.maps.data as Float32Array).fill(9);
    one.maps.release();
    expect(values(other)).toEqual(alone);
  });

  it('leave nothing behind', async () => {
    const explainer = create(gradcam, model, { ...raw, maxBatchSize: 4 });
    const given = { data: sample(0).data, shape: [1, 2, 2, 2] };
    const mine = { x: ke.allocate([1, 2, 2, 2]), y: ke.tensor([[2]], undefined, 'int32') };
    mine.x.data.fill(1);
    const round = async () => {
      const calls = Array.from({ length: 9 }, () => explainer.explain(given, [[1]]));
      calls.push(explainer.explain(mine.x, mine.y), explainer.explain(given));
      for (const { logits, maps } of await Promise.all(calls)) {
        logits.release();
        maps.release();
      }
      await turn();
    };
    await round();
    // What other tests have left is not to go just now.
    await collectGarbage();
    const { liveTensors } = ke.memory();
    for (let i = 0; i < 5; i++) await round();
    expect(ke.memory().liveTensors).toBeLessThanOrEqual(liveTensors);
    expect(mine.x.released || mine.y.released).toBe(false);
  });

  it('of models with several inputs', async () => {
    using pair = await ke.loadModel(twoInputs);
    const saliency: ke.Method = ({ model: network, inputs, allInputs }) => {
      const [logits] = network(allInputs);
      return { logits, maps: inputs };
    };
    const explainer = create(saliency, pair, { ...raw, input: 'image' });
    const image = (value: number) => ke.tensor(new Float32Array(4).fill(value), [1, 2, 2, 1]);
    const [a, b] = (await Promise.all([
      explainer.explain({ image: image(3), scale: ke.tensor([[10]]) }),
      explainer.explain({ scale: ke.tensor([[-1]]), image: image(2) }),
    ])) as [ke.ExplainResult, ke.ExplainResult];
    expect([...a.logits.data]).toEqual([30, 60]);
    expect([...b.logits.data]).toEqual([-2, -4]);
    expect(explainer.stats().batches).toBe(1);
    await explainer.close();
  });
});

describe('a bad call', () => {
  it('is refused before it waits, and does no harm to others', async () => {
    const explainer = create(gradcam, model, { ...raw, maxQueueSize: 2 });
    const good = explainer.explain(sample(1));
    await expect(explainer.explain(nanSample())).rejects.toThrow(/NaN at \[0, 0, 0, 0\]/);
    await expect(explainer.explain(ke.tensor([[1]]))).rejects.toThrow(/shape/);
    await expect(explainer.explain(ke.tensor(new Float32Array(16), [2, 2, 2, 2]))).rejects.toThrow(
      /one sample/,
    );
    await expect(explainer.explain(sample(0), [[3]])).rejects.toThrow(/`y\[0\]\[0\]`/);
    await expect(explainer.explain(sample(0), [[0], [1]])).rejects.toThrow(/a row of units/);
    await expect(explainer.explain(sample(0), null, { timeout: 0 })).rejects.toThrow(/timeout/);
    // @ts-expect-error misspelled
    await expect(explainer.explain(sample(0), null, { signals: undefined })).rejects.toThrow(/"signal"/);
    await expect(explainer.explain(new Float32Array(8) as never)).rejects.toThrow(TypeError);
    expect(values(await good)).toEqual(await expected(1));
    expect(explainer.stats()).toMatchObject({ calls: 9, rejected: 8, completed: 1, waiting: 0 });
  });

  it('of options is refused when the explainer is made, or when the method is recorded', async () => {
    const invalid = (options: object) => () => ke.createExplainer(gradcam, model, options);
    expect(invalid({ maxBatchSize: 0 })).toThrow(/maxBatchSize/);
    expect(invalid({ maxDelayMs: -1 })).toThrow(/maxDelayMs/);
    expect(invalid({ maxQueueSize: 1.5 })).toThrow(/maxQueueSize/);
    expect(invalid({ batchSize: 3 })).toThrow(/`maxBatchSize`/);
    expect(invalid({ signal: new AbortController().signal })).toThrow(/Pass it to the calls/);
    expect(invalid({ postprocessing: 3 })).toThrow(/postprocessing/);
    expect(() => ke.createExplainer(gradcam, {} as never)).toThrow(/loadModel/);
    const misspelled = create(gradcam, model, { maxDelay: 3 } as object);
    await expect(misspelled.explain(sample(0))).rejects.toThrow(
      'Misspelled option "maxDelay" should be "maxDelayMs"',
    );
    await expect(misspelled.warmUp()).rejects.toThrow(/maxDelayMs/);
  });
});

describe('a full queue', () => {
  it('refuses calls with a QueueFullError, and takes them again when there is room', async () => {
    const { explainer, end } = await busy({ maxQueueSize: 2 });
    const accepted = [explainer.explain(sample(0)), explainer.explain(sample(0))];
    const refused = explainer.explain(sample(0));
    await expect(refused).rejects.toBeInstanceOf(ke.QueueFullError);
    await expect(refused).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED', waiting: 2, maxQueueSize: 2 });
    const { retryAfterMs } = (await refused.catch((error) => error)) as ke.QueueFullError;
    expect(retryAfterMs).toBeGreaterThanOrEqual(1);
    expect(explainer.stats()).toMatchObject({ waiting: 2, inFlight: 1, rejected: 1 });
    await end();
    const first = (await Promise.all(accepted)).map(values);
    expect(first[1]).toEqual(first[0]);
    expect(values(await explainer.explain(sample(0)))).toEqual(first[0]);
  });

  it('keeps nothing of a call that it refuses', async () => {
    const { explainer, end } = await busy({ maxQueueSize: 1 });
    const waiting = explainer.explain(sample(0), [[1]]);
    const aborted = { signal: AbortSignal.abort() };
    const before = ke.memory().liveTensors;
    const refused = Array.from({ length: 20 }, (_, i) =>
      explainer.explain(sample(1), [[i < 5 ? 99 : 1]], i < 10 ? {} : aborted),
    );
    const ends = await Promise.allSettled(refused);
    expect(ends.map(({ status }) => status)).toEqual(Array(20).fill('rejected'));
    expect(ke.memory().liveTensors).toBeLessThanOrEqual(before);
    await end();
    await waiting;
  });

  it('has room again when a call that waits is given up', async () => {
    const { explainer, end } = await busy({ maxQueueSize: 1 });
    const controller = new AbortController();
    const given = explainer.explain(sample(0), null, { signal: controller.signal });
    await expect(explainer.explain(sample(1))).rejects.toBeInstanceOf(ke.QueueFullError);
    controller.abort(new Error('gone'));
    await expect(given).rejects.toMatchObject({ name: 'CancelledError', cause: new Error('gone') });
    const next = explainer.explain(sample(1));
    await end();
    expect(values(await next)).toEqual(values(await explainer.explain(sample(1))));
  });
});

describe('a call that is given up', () => {
  it('leaves the batch that it would have been in', async () => {
    const { explainer, end } = await busy();
    const controller = new AbortController();
    const [first, given, last] = [
      explainer.explain(sample(0)),
      explainer.explain(sample(1), null, { signal: controller.signal }),
      explainer.explain(sample(2)),
    ];
    controller.abort();
    await expect(given).rejects.toBeInstanceOf(ke.CancelledError);
    await end();
    await Promise.all([first, last]);
    expect(explainer.stats().batchSizes.counts).toEqual({ 1: 1, 2: 1 });
    expect(explainer.stats()).toMatchObject({ cancelled: 2, completed: 2 });
  });

  it('does not touch the others of the batch that it is in', async () => {
    // The batch runs until the timer has fired, for the last sample's value is the number of turns.
    const explainer = create(looping, single, raw);
    const turns = ke.tensor(new Float32Array(8).fill(40_000), [1, 2, 2, 2]);
    const [a, b, c] = [
      explainer.explain(sample(0)),
      explainer.explain(sample(1), null, { timeout: 1 }),
      explainer.explain(turns),
    ];
    await expect(b).rejects.toMatchObject({ name: 'TimeoutError', code: 'DEADLINE_EXCEEDED' });
    expect((await a).maps.shape).toEqual([1, 2, 2, 2]);
    await c;
    expect(explainer.stats()).toMatchObject({ completed: 2, cancelled: 1, failed: 0 });
  });

  it('ends the batch where it was the last that waited for it', async () => {
    const explainer = create(looping, single, raw);
    const controller = new AbortController();
    const both = [0, 1].map(() => explainer.explain(endless(), null, { signal: controller.signal }));
    await vi.waitFor(() => expect(explainer.stats().inFlight).toBe(2));
    controller.abort();
    for (const each of both) await expect(each).rejects.toBeInstanceOf(ke.CancelledError);
    await explainer.close();
    expect(explainer.stats()).toMatchObject({ batches: 1, cancelled: 2, inFlight: 0 });
  });

  it('was given up before it was made', async () => {
    const explainer = create(gradcam, model, raw);
    await expect(explainer.explain(sample(0), null, { signal: AbortSignal.abort() })).rejects.toThrow(
      /cancelled/,
    );
    expect(explainer.stats()).toMatchObject({ calls: 1, cancelled: 1, batches: 0 });
  });
});

describe('a batch that fails', () => {
  it('is tried call by call, so that only the one at fault fails', async () => {
    const explainer = create(strict, model, raw);
    const calls = [sample(0), poison(), sample(2), sample(3)].map((each) => explainer.explain(each));
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(outcomes[1]).toMatchObject({ reason: { message: expect.stringContaining('indices') } });
    for (const i of [0, 2, 3]) {
      const { maps } = await ke.explain(strict, model, sample(i), null, { ...raw, verbose: 0 });
      expect([
        ...((outcomes[i] as PromiseFulfilledResult<ke.ExplainResult>).value.maps.data as Float32Array),
      ]).toEqual([...(maps.data as Float32Array)]);
    }
    expect(explainer.stats()).toMatchObject({ completed: 3, failed: 1, batches: 5, retries: 4 });
  });

  it('under runEagerly tells the one at fault where its infinity came from', async () => {
    using checked = await ke.loadModel(frozen, {
      inputs: ['x'],
      outputs: ['logits', 'activations'],
      runEagerly: true,
    });
    const explainer = create(gradcam, checked, raw);
    const overflowing = ke.tensor(new Float32Array(8).fill(3e38), [1, 2, 2, 2]);
    const outcomes = await Promise.allSettled(
      [sample(0), overflowing, sample(1)].map((each) => explainer.explain(each)),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((outcomes[1] as PromiseRejectedResult).reason).toBeInstanceOf(ke.NumericsError);
    await explainer.close();
  });

  it('because of the method fails for all at once', async () => {
    const broken: ke.Method = ({ model: network, inputs }) => {
      const [logits] = network(inputs);
      return { logits, maps: ops.reshape(logits, [7, 7]) };
    };
    const explainer = create(broken, model, { ...raw, gradientFilter: undefined } as object);
    for (const call of [explainer.explain(sample(0)), explainer.explain(sample(1))]) {
      await expect(call).rejects.toThrow();
    }
    expect(explainer.stats()).toMatchObject({ failed: 2, batches: 1, retries: 0 });
  });

  it('goes on without a sample whose caller released it', async () => {
    const { explainer, end } = await busy();
    const gone = sample(0);
    const calls = [explainer.explain(gone), explainer.explain(sample(1)), explainer.explain(sample(2))];
    await wait(1);
    gone.release();
    await end();
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(outcomes[0]).toMatchObject({ reason: { code: 'CLOSED' } });
  });
});

describe('fairness', () => {
  it('lets a client with one call in before the thousandth of another', async () => {
    const { explainer, end } = await busy({ maxBatchSize: 2 });
    const order: string[] = [];
    const call = (client: string, i: number) =>
      explainer.explain(sample(i), null, { client }).then(() => void order.push(client));
    const calls = Array.from({ length: 30 }, (_, i) => call('many', i));
    calls.push(call('one', 0), call('few', 0), call('few', 1));
    await end();
    await Promise.all(calls);
    expect(order.indexOf('one')).toBeLessThan(4);
    expect(order.lastIndexOf('few')).toBeLessThan(8);
  });
});
