/** What `explain` does around the graph: reuse, concurrency, cancelling, callbacks. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { runFunction } from '../../../lib/engine/run_function.js';
import { Trace } from '../../../lib/graph/trace.js';
import * as ke from '../../../lib/index.js';
import { load, random, raw } from '../helpers/explain_fixture.js';

const { gradcam } = ke.methods.cams;
const { ops } = ke.graph;

let model: ke.Model;
beforeAll(async () => {
  model = await load();
});
afterAll(() => model.close());

describe('reuse', () => {
  let own: ke.Model;
  const compile = vi.spyOn(Trace.prototype, 'compile');
  beforeEach(async () => {
    own = await load();
    compile.mockClear();
  });
  afterEach(() => own.close());
  const x = random(3);
  const first = async (method: ke.AnyMethod, options: object = {}) =>
    [...(await ke.explain(method, own, x, null, { ...raw, ...options })).maps.data][1];
  /** A method that multiplies the activations by what it was made with. */
  const times = (factor: () => number): ke.Method =>
    function scaled({ model: network, inputs }) {
      const [logits, activations] = network(inputs, 2);
      return { logits, maps: ops.add(ops.multiply(activations, factor()), 1) };
    };

  it('of what records the same: compiled once, forced or not', async () => {
    for (const force of [true, false, true, false]) await first(gradcam, { force });
    expect(compile).toHaveBeenCalledTimes(1);
  });

  it('at once: compiled once', async () => {
    await Promise.all([first(gradcam), first(gradcam), first(gradcam, { force: false })]);
    expect(compile.mock.calls.length).toBeLessThanOrEqual(1);
  });

  it('never of another method, parameter, filter, dtype, or units or none', async () => {
    const calls: (() => Promise<unknown>)[] = [
      () => first(gradcam),
      () => first(ke.methods.gradient.gradients),
      () => first(ke.methods.gradient.gradients, { gradientFilter: ops.square }),
      () => first(gradcam, { postprocessing: ke.filters.normalize }),
      () => first(gradcam, { resizing: [4, 4] }),
      () =>
        ke.explain(gradcam, own, ke.tensor(new Float64Array(8), [1, 2, 2, 2]), null, {
          ...raw,
          force: false,
        }),
      () => ke.explain(gradcam, own, x, [[0], [1], [2]], { ...raw, force: false }),
      () =>
        ke.explain(
          gradcam,
          own,
          x,
          [
            [0, 1],
            [1, 2],
            [2, 0],
          ],
          { ...raw, force: false },
        ),
    ];
    for (const call of calls) await call();
    expect(compile).toHaveBeenCalledTimes(calls.length);
    for (const call of calls) await call();
    expect(compile).toHaveBeenCalledTimes(calls.length);
  });

  it('forced, honours what a method captured; not forced, takes the function that is there', async () => {
    let factor = 2;
    const method = times(() => factor);
    const twice = await first(method);
    factor = 3;
    expect(await first(method, { force: false })).toBe(twice);
    const thrice = await first(method);
    expect(thrice).not.toBe(twice);
    // And from now on that one.
    expect(await first(method, { force: false })).toBe(thrice);
  });

  it('tells methods of one name and one source apart', async () => {
    const two = await first(
      times(() => 2),
      { force: false },
    );
    const three = await first(
      times(() => 3),
      { force: false },
    );
    expect(three).not.toBe(two);
  });

  it('never of another view of the model', async () => {
    const swapped = await load({ outputs: ['activations', 'logits'] });
    const outputs: ke.Method = ({ model: network, inputs }) => {
      const [one, two] = network(inputs, 2);
      return { logits: one, maps: two };
    };
    const a = await ke.explain(outputs, own, x, null, raw);
    const b = await ke.explain(outputs, swapped, x, null, raw);
    expect([a.logits.shape, b.logits.shape]).toEqual([
      [3, 3],
      [3, 2, 2, 2],
    ]);
    swapped.close();
  });

  it('keeps at most eight functions, and all of them give right results', async () => {
    for (let round = 0; round < 2; round++) {
      for (let factor = 1; factor <= 12; factor++) {
        const { maps } = await ke.explain(
          times(() => factor),
          own,
          x,
          null,
          raw,
        );
        const base = await ke.explain(
          times(() => 0),
          own,
          x,
          null,
          raw,
        );
        expect(base.maps.data.every((value) => value === 1)).toBe(true);
        expect(maps.shape).toEqual([3, 2, 2, 2]);
      }
    }
  });
});

describe('several calls at once', () => {
  it('give what each gives alone', async () => {
    const inputs = Array.from({ length: 6 }, (_, i) => random(i + 1));
    const alone: ke.ExplainResult[] = [];
    for (const x of inputs) alone.push(await ke.explain(gradcam, model, x, null, raw));
    const together = await Promise.all(
      inputs.map((x) => ke.explain(gradcam, model, x, null, { ...raw, batchSize: 2 })),
    );
    together.forEach(({ maps, logits }, i) => {
      expect(maps.data).toEqual(alone[i]?.maps.data);
      expect(logits.data).toEqual(alone[i]?.logits.data);
    });
  });

  it('may be of different methods, and end with the model', async () => {
    const own = await load();
    const x = random(64);
    let steps = 0;
    // While each call has batches left.
    const onPredictBatchEnd = () => {
      steps += 1;
      if (steps === 3) own.close();
    };
    const calls = [gradcam, ke.methods.gradient.gradients, gradcam].map((method) =>
      ke.explain(method, own, x, null, { ...raw, batchSize: 1, callbacks: [{ onPredictBatchEnd }] }),
    );
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'ModelError', code: 'CLOSED' } });
    }
  });

  it('keep the order of samples, whatever the batches', async () => {
    const x = random(50);
    const whole = await ke.explain(gradcam, model, x, null, { ...raw, batchSize: 50 });
    for (const options of [
      { batchSize: 1 },
      { batchSize: 7 },
      { batchSize: 7, maxQueueSize: 1 },
      { steps: 3 },
    ]) {
      const { maps, logits } = await ke.explain(gradcam, model, x, null, { ...raw, ...options });
      expect(maps.data).toEqual(whole.maps.data);
      expect(logits.data).toEqual(whole.logits.data);
    }
  });
});

describe('cancelling', () => {
  it('ends the run with the reason of the signal', async () => {
    const controller = new AbortController();
    const reason = new Error('the client has gone');
    const abortAtThree = (endStep: number) => {
      if (endStep === 3) controller.abort(reason);
    };
    const failure = ke.explain(gradcam, model, random(500), null, {
      ...raw,
      batchSize: 1,
      signal: controller.signal,
      callbacks: [{ onPredictBatchEnd: abortAtThree }],
    });
    await expect(failure).rejects.toMatchObject({ name: 'CancelledError', code: 'CANCELLED', cause: reason });
    expect(model.explainCounter).toBeLessThan(500);
    // The model works on.
    const { logits } = await ke.explain(gradcam, model, random(1), null, raw);
    expect(logits.data).toEqual(
      (await ke.explain(gradcam, model, random(500), null, raw)).logits.data.slice(0, 3),
    );
  });

  it('before it begins, runs nothing', async () => {
    const began = vi.fn();
    const options = { ...raw, signal: AbortSignal.abort(), callbacks: [{ onPredictBegin: began }] };
    await expect(ke.explain(gradcam, model, random(1), null, options)).rejects.toBeInstanceOf(
      ke.CancelledError,
    );
    expect(began).not.toHaveBeenCalled();
  });
});

describe('callbacks', () => {
  it('see every step, in order, and what it gave', async () => {
    const seen: string[] = [];
    const kept: ke.Tensor[] = [];
    const history = new ke.callbacks.History();
    const { maps } = await ke.explain(gradcam, model, random(5), null, {
      ...raw,
      batchSize: 2,
      maxQueueSize: 1,
      callbacks: [
        history,
        {
          onPredictBegin: () => void seen.push('begin'),
          onPredictBatchBegin: (step) => void seen.push(`step ${step}`),
          onPredictBatchEnd: (endStep, { outputs }) => {
            seen.push(`end ${endStep} of ${outputs.maps?.shape[0]}`);
            kept.push(outputs.maps as ke.Tensor);
          },
          onPredictEnd: () => void seen.push('done'),
        },
      ],
    });
    expect(seen).toEqual([
      'begin',
      'step 0',
      'end 1 of 2',
      'step 1',
      'end 2 of 2',
      'step 2',
      'end 3 of 1',
      'done',
    ]);
    expect(kept.flatMap(({ data }) => [...data])).toEqual([...maps.data]);
    expect(history.steps.length).toBe(3);
    expect(model.explainCounter).toBe(3);
  });

  it('that throw end the run with their error', async () => {
    const failed = vi.fn();
    const callbacks = [
      {
        onPredictBatchEnd: () => {
          throw new Error('of the callback');
        },
        onPredictError: failed,
      },
    ];
    await expect(
      ke.explain(gradcam, model, random(4), null, { ...raw, batchSize: 1, callbacks }),
    ).rejects.toThrow('of the callback');
    expect(failed).toHaveBeenCalledOnce();
  });
});

describe('the parts that explain is made of', () => {
  it('work by hand', async () => {
    const x = random(5);
    const handler = ke.engine.makeDataHandler(model, x, [[0], [1], [2], [0], [1]], { batchSize: 2 });
    expect([handler.inferredSteps, handler.samples]).toEqual([3, 5]);
    const explainFunction = ke.engine.makeExplainFunction(model, gradcam, { resizing: false });
    const maps: number[] = [];
    for await (const batch of handler.batches()) {
      const step = await explainFunction(batch);
      maps.push(...(step.maps.data as Float32Array));
      batch.release();
    }
    explainFunction.release();
    explainFunction.release();
    const whole = await ke.explain(gradcam, model, x, [[0], [1], [2], [0], [1]], raw);
    expect(maps).toEqual([...whole.maps.data]);
  });

  it('compose: a step within a method', async () => {
    const halved: ke.Method = ({ model: network, inputs, indices }) => {
      const { logits, maps } = ke.engine.explainStep(
        network,
        gradcam,
        { inputs, indices },
        { resizing: false },
      );
      return { logits, maps: ops.divide(maps, 2) };
    };
    const whole = await ke.explain(gradcam, model, random(2), null, raw);
    const half = await ke.explain(halved, model, random(2), null, raw);
    expect([...half.maps.data].map((value) => Number(value) * 2)).toEqual([...whole.maps.data]);
  });

  it('partialExplain: the call goes before the defaults', async () => {
    const mine = ke.partialExplain(gradcam, { postprocessing: ke.filters.normalize, resizing: false });
    expect(mine.name).toBe('gradcam_explain');
    const normal = await mine(model, random(2), [[0], [0]]);
    expect(Math.max(...(normal.maps.data as Float32Array))).toBeCloseTo(1, 6);
    const other = await mine(model, random(2), [[0], [0]], { postprocessing: null });
    const expected = await ke.explain(gradcam, model, random(2), [[0], [0]], raw);
    expect(other.maps.data).toEqual(expected.maps.data);
  });
});

describe('the event loop', () => {
  it('stays free while large inputs are checked and copied', async () => {
    // 64 MB, copied and looked at in slices.
    const x = ke.tensor(new Float32Array(1 << 24), [1 << 21, 2, 2, 2]);
    await ke.ready();
    let turns = 0;
    const count = () => {
      turns += 1;
      counting = setImmediate(count);
    };
    let counting = setImmediate(count);
    const handler = ke.engine.makeDataHandler(model, x, null, { batchSize: 1 << 19 });
    await handler.validate();
    const looked = turns;
    let rows = 0;
    for await (const batch of handler.batches()) {
      rows += batch.samples;
      batch.release();
    }
    clearImmediate(counting);
    expect(rows).toBe(1 << 21);
    // Slices of a millisecond: on the fastest machine both take several, in one piece they would take one turn each.
    expect(looked).toBeGreaterThan(3);
    expect(turns - looked).toBeGreaterThan(8);
  });

  it('has its turn between runs that this thread does itself, one after the other', async () => {
    const compiled = { runNow: () => [], run: () => expect.unreachable(), close: () => undefined };
    const lease = Promise.resolve({ function: compiled, names: [], release: () => undefined });
    const facts = { step: 0, steps: 1, begin: 0, samples: 1, batchSize: 1, inputs: [], indices: null };
    const batch = { ...facts, release: () => undefined };
    let turns = 0;
    const count = () => {
      turns += 1;
      counting = setImmediate(count);
    };
    let counting = setImmediate(count);
    const begun = performance.now();
    // An addon with sanitizers (scripts/test-sanitized.mjs) makes turns many times as slowly.
    const long = process.env.KERAS_EXPLAINABLE_SANITIZED === undefined ? 50 : 1000;
    while (performance.now() - begun < long) await runFunction(model, lease, batch, {});
    clearImmediate(counting);
    expect(turns).toBeGreaterThan(10);
  });
});
