/** Runs over input that comes batch by batch: results step by step, kept, joined, written where the caller says. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import * as ke from '../../../lib/index.js';

type Model = Awaited<ReturnType<typeof ke.loadModel>>;

const fixture = fileURLToPath(new URL('../../fixtures/tiny/frozen.pb', import.meta.url));
const names = { inputs: ['x'], outputs: ['logits', 'activations'] };
const raw = { resizing: false, verbose: 0 } as const;
const { gradcam } = ke.methods.cams;
const { ops } = ke.graph;

/** Rows `begin` to `end` of one endless sequence of samples. */
const rows = (begin: number, end: number) =>
  ke.tensor(
    Float32Array.from({ length: (end - begin) * 8 }, (_, i) => Math.sin((begin * 8 + i) ** 2)),
    [end - begin, 2, 2, 2],
  );

/** Batches of these sizes, one sequence of samples. */
function* batches(sizes: readonly number[]): Generator<ke.Tensor> {
  let begin = 0;
  for (const size of sizes) {
    yield rows(begin, begin + size);
    begin += size;
  }
}

let model: Model;
beforeAll(async () => {
  model = await ke.loadModel(fixture, names);
});
afterAll(() => model.close());

/** The maps that a run had done when it threw `error`. */
function finishedMaps(error: unknown): ke.Tensor {
  const finished = ke.finishedSteps(error);
  if (finished === undefined) throw new Error('nothing was kept');
  return finished.outputs.maps as ke.Tensor;
}

async function whole(n: number): Promise<ke.ExplainResult> {
  return ke.explain(gradcam, model, rows(0, n), null, raw);
}

describe('explain with a source', () => {
  it('gives what it gives for the same samples as one array', async () => {
    const expected = await whole(12);
    for (const sizes of [[12], [3, 3, 3, 3], [1, 5, 2, 4], [7, 5]]) {
      const { logits, maps } = await ke.explain(gradcam, model, batches(sizes), null, raw);
      expect(maps.shape).toEqual(expected.maps.shape);
      expect((maps as ke.Tensor).data).toEqual(expected.maps.data);
      expect((logits as ke.Tensor).data).toEqual(expected.logits.data);
    }
  });

  it('takes units with each batch, and gives ragged results where their number differs', async () => {
    const source = [
      { x: rows(0, 2), y: [[0], [1]] },
      {
        x: rows(2, 3),
        y: [[2, 0]],
      },
    ];
    const { logits, maps } = await ke.explain(gradcam, model, source[Symbol.iterator](), null, raw);
    expect(logits).toBeInstanceOf(ke.RaggedTensor);
    expect([logits.shape, maps.shape]).toEqual([
      [3, null],
      [3, 2, 2, null],
    ]);
    const expected = await whole(3);
    const unit = (sample: number, u: number) => expected.logits.data[sample * 3 + u];
    const samples = [...(logits as ke.RaggedTensor)].map(({ data }) => [...data]);
    expect(samples).toEqual([[unit(0, 0)], [unit(1, 1)], [unit(2, 2), unit(2, 0)]]);
    expect((maps as ke.RaggedTensor).at(-1)?.shape).toEqual([2, 2, 2]);
    expect((maps as ke.RaggedTensor).at(3)).toBeUndefined();
    (maps as ke.RaggedTensor).release();
    expect(() => (maps as ke.RaggedTensor).at(0)).toThrow('released');
  });

  it('keeps the steps before a source that fails, whose error it is', async () => {
    const failure = Object.freeze(new Error('the camera is gone'));
    async function* source() {
      yield* batches([2, 3]);
      await sleep(1);
      throw failure;
    }
    const ended = await ke.explain(gradcam, model, source(), null, raw).catch((error: unknown) => error);
    expect(ended).toBe(failure);
    const finished = ke.finishedSteps(ended);
    expect([finished?.steps, finished?.samples]).toEqual([2, 5]);
    expect(finishedMaps(ended).data).toEqual((await whole(5)).maps.data);
    expect(ke.finishedSteps(new Error('of another'))).toBeUndefined();
    expect(ke.finishedSteps('no object')).toBeUndefined();
  });

  it('keeps the steps before a signal, a timeout, and a callback that throws', async () => {
    const expected = await whole(8);
    const prefix = (error: unknown) => {
      const { data } = finishedMaps(error);
      expect(data).toEqual(expected.maps.data.subarray(0, data.length));
      return ke.finishedSteps(error)?.steps;
    };
    async function* endless() {
      yield* batches([2, 2]);
      await new Promise(() => undefined);
    }
    const late = await ke
      .explain(gradcam, model, endless(), null, { ...raw, timeout: 300 })
      .catch((error: unknown) => error);
    expect(late).toBeInstanceOf(ke.TimeoutError);
    expect(late).toMatchObject({ code: 'DEADLINE_EXCEEDED', message: 'The run was not done within 300 ms.' });
    expect(prefix(late)).toBe(2);

    const controller = new AbortController();
    const callbacks = [{ onPredictBatchEnd: (end: number) => (end === 2 ? controller.abort() : undefined) }];
    const options = { ...raw, signal: controller.signal, callbacks };
    const stopped = await ke.explain(gradcam, model, endless(), null, options).catch((error) => error);
    expect(stopped).toBeInstanceOf(ke.CancelledError);
    expect(prefix(stopped)).toBe(2);

    const broken = {
      onPredictBatchEnd: (end: number) => {
        if (end === 3) throw new Error('of the callback');
      },
    };
    // Of an array, too, whose steps write into one tensor.
    const thrown = await ke
      .explain(gradcam, model, rows(0, 8), null, { ...raw, batchSize: 2, callbacks: [broken] })
      .catch((error: unknown) => error);
    expect(thrown).toEqual(new Error('of the callback'));
    expect(prefix(thrown)).toBe(3);
  });

  it('ends early where a callback says so, with the steps until then', async () => {
    const ends = vi.fn();
    for (const x of [rows(0, 10), batches([2, 2, 2, 2, 2])] as const) {
      const { maps } = await ke.explain(gradcam, model, x, null, {
        ...raw,
        ...(x instanceof ke.Tensor ? { batchSize: 2 } : {}),
        callbacks: [
          {
            onPredictBatchEnd: (end, { stopPredicting }) => {
              if (end === 2) stopPredicting();
            },
            onPredictEnd: ends,
          },
        ],
      });
      expect((maps as ke.Tensor).data).toEqual((await whole(4)).maps.data);
      expect(maps.shape[0]).toBe(4);
    }
    expect(ends).toHaveBeenCalledTimes(2);
  });
});

describe('what a run that ended early gives', () => {
  it.each([1, 2])(
    'is released by hand, with the memory for what was not computed, after %i steps',
    async (n) => {
      const stop = {
        onPredictBatchEnd: (end: number, logs: ke.callbacks.StepLogs) => end === n && logs.stopPredicting(),
      };
      const fail = {
        onPredictBatchEnd: (end: number) => {
          if (end === n) throw new Error('of the callback');
        },
      };
      const release = (outputs: object) => {
        for (const each of Object.values(outputs) as ke.Tensor[]) {
          const { liveBytes } = ke.memory();
          const bytes = (each.byteLength / (2 * n)) * 10;
          expect(each.shape[0]).toBe(2 * n);
          each.release();
          each.release();
          expect(liveBytes - ke.memory().liveBytes).toBe(bytes);
          expect(() => each.data).toThrow('released');
        }
      };
      const run = (callback: object) =>
        ke.explain(gradcam, model, rows(0, 10), null, { ...raw, batchSize: 2, callbacks: [callback] });
      release(await run(stop));
      const error = await run(fail).catch((thrown: unknown) => thrown);
      release(ke.finishedSteps(error)?.outputs ?? {});
      expect(ke.finishedSteps(error)?.steps).toBe(n);
    },
  );
});

describe('explainBatches', () => {
  it('gives steps in order, each as soon as it is there', async () => {
    let send: (end: boolean) => void = () => undefined;
    async function* live() {
      for (let i = 0; ; i++) {
        yield rows(i, i + 1);
        const end = await new Promise<boolean>((resolve) => {
          send = resolve;
        });
        if (end) return;
      }
    }
    const expected = await whole(3);
    let step = 0;
    for await (const explained of ke.explainBatches(gradcam, model, live(), null, raw)) {
      expect([explained.step, explained.samples]).toEqual([step, 1]);
      expect(explained.maps.data).toEqual(expected.maps.rows(step, step + 1).data);
      step += 1;
      // Only now does the source go on: nothing of it was waited for.
      send(step === 3);
    }
    expect(step).toBe(3);
    expect(model.explainCounter).toBe(3);
  });

  it('reads no further ahead than it needs while its consumer is slow, and closes the source when it is left', async () => {
    let read = 0;
    let closed = false;
    function* endless() {
      try {
        for (;;) yield rows(read, ++read);
      } finally {
        closed = true;
      }
    }
    const options = { ...raw, maxQueueSize: 2 };
    let taken = 0;
    for await (const { maps } of ke.explainBatches(gradcam, model, endless(), null, options)) {
      expect(maps.shape).toEqual([1, 2, 2, 3]);
      await sleep(5);
      taken += 1;
      // In flight, prepared, and one in the making.
      expect(read).toBeLessThanOrEqual(taken + 2 + 2 + 2);
      if (taken === 5) break;
    }
    expect(closed).toBe(true);
  });

  it('throws misuse when the first step is asked for, before anything runs', async () => {
    const began = vi.fn();
    const options = { ...raw, callbacks: [{ onPredictBegin: began }], batch_size: 2 };
    const steps = ke.explainBatches(gradcam, model, rows(0, 2), null, options as object);
    await expect(steps.next()).rejects.toThrow('Misspelled option "batch_size" should be "batchSize"');
    await expect(ke.explainBatches(gradcam, model, rows(0, 1), null, 3 as never).next()).rejects.toThrow(
      'argument `options`',
    );
  });

  it('keeps the step whose callback throws, and what it gave before is the caller’s', async () => {
    const callbacks = [
      {
        onPredictBatchEnd: (end: number) => {
          if (end === 2) throw new Error('of the callback');
        },
      },
    ];
    const given: ke.Tensor[] = [];
    const run = async () => {
      for await (const { maps } of ke.explainBatches(gradcam, model, batches([2, 2, 2]), null, {
        ...raw,
        callbacks,
      })) {
        given.push(maps);
      }
    };
    const error = await run().catch((thrown: unknown) => thrown);
    const expected = await whole(4);
    expect(given.length).toBe(1);
    expect(given[0]?.data).toEqual(expected.maps.rows(0, 2).data);
    expect(finishedMaps(error).data).toEqual(expected.maps.rows(2, 4).data);
  });

  it('gives memory back with the step', async () => {
    const steps = ke.explainBatches(gradcam, model, rows(0, 2), null, raw);
    const { value } = await steps.next();
    const before = ke.memory().liveTensors;
    (value as ke.ExplainedStep)[Symbol.dispose]();
    expect(ke.memory().liveTensors).toBeLessThanOrEqual(before - 2);
    await steps.return();
  });
});

describe('into', () => {
  it('writes the results where the caller says', async () => {
    const expected = await whole(9);
    const maps = ke.allocate([9, 2, 2, 3]);
    const logits = ke.allocate([9, 3]);
    for (const batchSize of [9, 4, 1]) {
      maps.data.fill(7);
      const copied = ke.memory().copiedOutBytes;
      const given = { ...raw, batchSize, into: { maps, logits } };
      const result = await ke.explain(gradcam, model, rows(0, 9), null, given);
      expect(result.maps).toBe(maps);
      expect(result.logits).toBe(logits);
      expect(maps.data).toEqual(expected.maps.data);
      expect(logits.data).toEqual(expected.logits.data);
      // Every row once, whatever the batches and their parts.
      expect(ke.memory().copiedOutBytes - copied).toBe(maps.byteLength + logits.byteLength);
    }
  });

  it('may be one of the two, and differ from step to step', async () => {
    const expected = await whole(4);
    const pool = [ke.allocate([2, 2, 2, 3]), ke.allocate([2, 2, 2, 3])];
    const asked: number[][] = [];
    const into = (step: number, samples: number) => {
      asked.push([step, samples]);
      return step < 2 ? { maps: pool[step] } : undefined;
    };
    const seen: ke.Tensor[] = [];
    const steps = ke.explainBatches(gradcam, model, batches([2, 2, 1]), null, { ...raw, into });
    for await (const { maps } of steps) seen.push(maps);
    expect(asked).toEqual([
      [0, 2],
      [1, 2],
      [2, 1],
    ]);
    expect(seen.map(({ data }) => data.buffer === pool[0]?.data.buffer)).toEqual([true, false, false]);
    expect(pool.flatMap(({ data }) => [...data])).toEqual([...expected.maps.data]);
  });

  it.each<[string, object, unknown, string]>([
    ['no tensor', { maps: new Float32Array(24) }, undefined, 'Expected a Tensor for argument `into.maps`'],
    ['of an array', { maps: ke.tensor(new Float32Array(24), [2, 2, 2, 3]) }, undefined, 'over native memory'],
    ['another name', { map: null }, undefined, 'Misspelled option "map" should be "maps"'],
  ])('is refused before anything runs: %s', async (_, into, __, message) => {
    const began = vi.fn();
    const options = { ...raw, into, callbacks: [{ onPredictBegin: began }] };
    await expect(ke.explain(gradcam, model, rows(0, 2), null, options)).rejects.toThrow(message);
    expect(began).not.toHaveBeenCalled();
  });

  it('is written by one run, or step, at a time', async () => {
    const maps = ke.allocate([4, 2, 2, 3]);
    const run = (x: ke.Tensor) => ke.explain(gradcam, model, x, null, { ...raw, into: { maps } });
    const ends = await Promise.allSettled([run(rows(0, 4)), run(rows(4, 8))]);
    const refusal = 'a tensor that no other run or step writes to';
    expect(ends[1]).toMatchObject({ reason: { message: expect.stringContaining(refusal) } });
    expect(maps.data).toEqual((await whole(4)).maps.data);
    await expect(run(rows(4, 8))).resolves.toMatchObject({ maps });

    // Of steps: the second is asked for its tensors before the first is there.
    const pool = [ke.allocate([1, 2, 2, 3]), ke.allocate([1, 2, 2, 3]), ke.allocate([1, 2, 2, 3])];
    let ask: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      ask = resolve;
    });
    const into = (step: number) => {
      if (step === 1) ask();
      return { maps: pool[0] as ke.Tensor };
    };
    const waiting = { ...raw, into, callbacks: [{ onPredictBatchEnd: () => asked }] };
    const source = () => batches([1, 1, 1]);
    const failing = ke.explainBatches(gradcam, model, source(), null, waiting);
    const { done, value } = await failing.next();
    expect(done).toBe(false);
    expect(value).toMatchObject({ maps: pool[0] });
    await expect(failing.next()).rejects.toThrow(refusal);
    const three = { ...raw, into: (step: number) => ({ maps: pool[step % 3] as ke.Tensor }) };
    for await (const { step, maps } of ke.explainBatches(gradcam, model, source(), null, three)) {
      expect(maps.data).toEqual((await whole(3)).maps.data.subarray(step * 12, step * 12 + 12));
    }
  });

  it('is refused where it does not fit', async () => {
    const run = (x: ke.Tensor | Iterable<ke.Tensor>, into: ke.Into) =>
      ke.explain(gradcam, model, x, null, { ...raw, into });
    const released = ke.allocate([2, 2, 2, 3]);
    released.release();
    const three = ke.allocate([3, 2, 2, 3]);
    const flat = ke.allocate([2, 12]);
    const twice = ke.allocate([2, 3]);
    const read = ke.allocate([2, 2, 2, 2]);
    read.data.set(rows(0, 2).data as Float32Array);
    for (const x of [read, [read], { x: read }] as const) {
      const writing = ke.explain(
        gradcam,
        model,
        x,
        [
          [0, 1],
          [1, 2],
        ],
        { ...raw, into: { maps: read } },
      );
      await expect(writing).rejects.toThrow('`into.maps` but received one of `x` or `y`');
    }
    await expect(run(rows(0, 2), { maps: released })).rejects.toThrow('but received a released one');
    await expect(run(rows(0, 2), { maps: three })).rejects.toThrow('Expected 2 rows, one per sample');
    await expect(run(batches([2]), { maps: released })).rejects.toThrow('native memory');
    await expect(run(batches([2]), { maps: three })).rejects.toThrow('whose number of samples is known');
    await expect(run(rows(0, 2), { maps: twice, logits: twice })).rejects.toThrow(
      'one tensor for two results',
    );
    await expect(run(rows(0, 2), { maps: flat })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    // The model works on.
    expect((await whole(1)).maps.data).toEqual((await whole(2)).maps.data.slice(0, 12));
  });
});

describe('stepsPerExecution', () => {
  it('calls back once for several steps, and changes no number', async () => {
    const own = await ke.loadModel(fixture, { ...names, stepsPerExecution: 3 });
    const expected = await whole(10);
    for (const x of [rows(0, 10), batches([1, 1, 1, 1, 1, 1, 1, 1, 1, 1])] as const) {
      const begins: number[] = [];
      const ends: number[] = [];
      const history = new ke.callbacks.History();
      const { maps } = await ke.explain(gradcam, own, x, null, {
        ...raw,
        ...(x instanceof ke.Tensor ? { batchSize: 1 } : {}),
        callbacks: [
          history,
          {
            onPredictBatchBegin: (step) => void begins.push(step),
            onPredictBatchEnd: (end) => void ends.push(end),
          },
        ],
      });
      expect((maps as ke.Tensor).data).toEqual(expected.maps.data);
      expect(begins).toEqual([0, 3, 6, 9]);
      expect(ends).toEqual([3, 6, 9, 10]);
      expect(history.steps.map(({ step }) => step)).toEqual(begins);
      expect(own.explainCounter).toBe(10);
    }
    own.close();
  });

  it('is refused where it is no count', async () => {
    await expect(ke.loadModel(fixture, { ...names, stepsPerExecution: 0 })).rejects.toThrow(
      'argument `stepsPerExecution`',
    );
  });
});

describe('timeout', () => {
  const endless: ke.Method = ({ model: network, inputs }) => {
    const [logits] = network(inputs);
    const [left] = ops.forRange(100_000_000, (_, value) => [ops.subtract(value as never, 1)], [1]);
    return { logits, maps: ops.multiply(logits, left as never) };
  };

  it('ends a run inside its batch', async () => {
    const failure = ke.explain(endless, model, rows(0, 1), null, { ...raw, timeout: 200 });
    await expect(failure).rejects.toBeInstanceOf(ke.TimeoutError);
    const [logits] = (await model.predict(rows(0, 1), { timeout: 60_000 })) as readonly [
      ke.Tensor,
      ke.Tensor,
    ];
    expect(logits.data).toEqual((await whole(1)).logits.data);
  });

  it.each([0, -1, Number.NaN, 2 ** 31, '5'])('refuses %s', async (timeout) => {
    const failure = ke.explain(gradcam, model, rows(0, 1), null, { ...raw, timeout: timeout as number });
    await expect(failure).rejects.toThrow('for argument `timeout`');
  });
});

describe('predict', () => {
  it('takes what explain takes', async () => {
    const expected = (await model.predict(rows(0, 6))) as readonly ke.Tensor[];
    const got = await model.predict(batches([1, 3, 2]));
    (got as readonly ke.Tensor[]).forEach(({ data }, i) => {
      expect(data).toEqual(expected[i]?.data);
    });
  });
});
