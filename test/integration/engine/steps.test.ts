/** Steps with named feeds, and methods that give more than maps. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CallbackList } from '../../../lib/callbacks/callback_list.js';
import type { FeedSpecs } from '../../../lib/data/feeds.js';
import { makeStepFunction, type Step } from '../../../lib/engine/make_step_function.js';
import { runBatches } from '../../../lib/engine/run_batches.js';
import * as ke from '../../../lib/index.js';
import { collectGarbage } from '../helpers/collect_garbage.js';
import { load, random, raw } from '../helpers/explain_fixture.js';

const { ops } = ke.graph;
const { makeDataHandler } = ke.engine;

let model: ke.Model;
beforeAll(async () => {
  // As many replicas as a batch has samples: every sample is a part of its own.
  model = await load({ threads: { interOp: 4 } });
});
afterAll(() => model?.close());

/** Numbers that are exact in float32. */
const numbers = (count: number, seed: number) =>
  Float32Array.from({ length: count }, (_, i) => ((i * seed) % 16) / 4 - 2);

const SAMPLES = 11;
const masks = (n = SAMPLES) => ke.tensor(numbers(n * 4, 7), [n, 2, 2]);
const references = (n = 5) => ke.tensor(numbers(n * 8, 3), [n, 2, 2, 2]);
const pictures = (n = SAMPLES) => ke.tensor(numbers(n * 8, 5), [n, 2, 2, 2]);

const SPECS: FeedSpecs = {
  masks: { dtype: 'float32', shape: [null, null, null] },
  references: { whole: true, shape: [null, 2, 2, 2] },
  scale: { whole: true },
};

/** Per sample the masked input's channels in sum, and the input's distance to the references' mean. */
const step: Step = ({ model: network, inputs: [x], feeds }) => {
  const input = x as ke.graph.Symbolic;
  const {
    masks: mask,
    references: others,
    scale,
  } = feeds as Record<'masks' | 'references' | 'scale', ke.graph.Symbolic>;
  const [logits] = network(input);
  const masked = ops.reduceSum(ops.multiply(input, ops.expandDims(mask, -1)), [1, 2]);
  const distance = ops.multiply(ops.subtract(input, ops.reduceMean(others, 0)), scale);
  return { masked, distance, logits };
};

/** The same, worked out here. */
function byHand(x: ke.Tensor, mask: ke.Tensor, others: ke.Tensor, scale: number) {
  const [n] = x.shape as [number];
  const masked: number[] = [];
  for (let sample = 0; sample < n; sample++) {
    for (let channel = 0; channel < 2; channel++) {
      let sum = 0;
      for (let p = 0; p < 4; p++) {
        sum += Number(x.data[sample * 8 + p * 2 + channel]) * Number(mask.data[sample * 4 + p]);
      }
      masked.push(sum);
    }
  }
  const rows = others.shape[0] as number;
  const mean = Array.from({ length: 8 }, (_, i) => {
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += Number(others.data[row * 8 + i]);
    return sum / rows;
  });
  const distance = [...x.data].map((value, i) => (Number(value) - (mean[i % 8] as number)) * scale);
  return { masked, distance };
}

async function allOf(handler: ke.engine.DataHandler): Promise<ke.engine.Batch[]> {
  const batches: ke.engine.Batch[] = [];
  for await (const batch of handler.batches()) batches.push(batch);
  return batches;
}

interface RunOptions extends ke.DataOptions {
  readonly stepsPerExecution?: number;
}

async function run(x: unknown, values: unknown, options: RunOptions = {}, specs = SPECS) {
  const stepFunction = makeStepFunction(model, step, { feeds: specs });
  try {
    const feeds = { specs, values: values as never };
    const handler = makeDataHandler(model, x as ke.Inputs, null, options, -1, feeds);
    const loop = { callbacks: new CallbackList(), counter: { steps: 0 } };
    return await runBatches(model, handler, stepFunction, loop);
  } finally {
    stepFunction.release();
  }
}

function expectByHand(
  results: Readonly<Record<string, ke.Tensor | ke.RaggedTensor>>,
  { masked, distance }: ReturnType<typeof byHand>,
) {
  const read = (name: string) => [...(results[name] as ke.Tensor).data].map(Number);
  expect(read('masked')).toEqual(masked);
  const distances = read('distance');
  expect(distances.length).toBe(distance.length);
  distances.forEach((value, i) => void expect(value).toBeCloseTo(distance[i] as number, 5));
}

describe('a step with feeds', () => {
  const scale = ke.tensor([3], []);

  it.each([
    ['one batch', {}],
    ['batches of 4, the last of 3', { batchSize: 4 }],
    ['two batches in one go', { batchSize: 3, stepsPerExecution: 2 }],
  ])('cuts those per sample with the batch and gives the others whole: %s', async (_, options) => {
    const [x, mask, others] = [pictures(), masks(), references()];
    const results = await run(x, { masks: mask, references: others, scale }, options);
    expect(Object.keys(results)).toEqual(['masked', 'distance', 'logits']);
    expectByHand(results, byHand(x, mask, others, 3));
    expect((results.logits as ke.Tensor).shape).toEqual([SAMPLES, 3]);
  });

  it('reads aligned memory where it lies', async () => {
    const inMemory = ({ shape, data }: ke.Tensor) => {
      const made = ke.allocate(shape);
      made.data.set(data as Float32Array);
      return made;
    };
    // Rows of 64 bytes: parts that begin elsewhere are copied.
    const feeds = { masks: inMemory(masks(32)), references: inMemory(references()), scale: inMemory(scale) };
    const x = inMemory(pictures(32));
    const before = ke.memory().copiedInBytes;
    const results = await run(x, feeds, { batchSize: 16 });
    expectByHand(results, byHand(x, feeds.masks, feeds.references, 3));
    // As much as the inputs alone: half of their parts, and half of the masks', do not begin at 64 bytes.
    expect(ke.memory().copiedInBytes - before).toBeLessThanOrEqual(x.byteLength + feeds.masks.byteLength);
    expect(x.released || feeds.masks.released || feeds.references.released).toBe(false);
  });

  it('takes { data, shape } and gives back what it made of that', async () => {
    const plain = ({ data, shape }: ke.Tensor) => ({ data, shape });
    const [x, mask, others] = [pictures(), masks(), references()];
    await run(x, { masks: plain(mask), references: plain(others), scale: plain(scale) }, { batchSize: 2 });
    // Tensors of earlier tests must not be collected in between.
    await collectGarbage();
    const before = ke.memory().liveTensors;
    const results = await run(
      x,
      { masks: plain(mask), references: plain(others), scale: plain(scale) },
      { batchSize: 2 },
    );
    expect(ke.memory().liveTensors - before).toBe(3);
    expectByHand(results, byHand(x, mask, others, 3));
  });

  it('casts in the graph as inputs are', async () => {
    const [x, others] = [pictures(), references()];
    const whole = Int32Array.from({ length: SAMPLES * 4 }, (_, i) => i % 3);
    const mask = ke.tensor(whole, [SAMPLES, 2, 2]);
    expectByHand(await run(x, { masks: mask, references: others, scale }), byHand(x, mask, others, 3));
  });

  it('gives other values for other feeds, with one function for all sizes that are left open', async () => {
    const before = model.core.functions.size;
    const x = pictures();
    for (const count of [5, 1, 9]) {
      const [mask, others] = [masks(), references(count)];
      expectByHand(await run(x, { masks: mask, references: others, scale }), byHand(x, mask, others, 3));
    }
    expect(model.core.functions.size - before).toBeLessThanOrEqual(1);
  });

  it('gets them beside a source that tells its samples', async () => {
    const [x, mask, others] = [pictures(12), masks(12), references()];
    const sequence = { length: 3, samples: 12, batchSize: 4, at: (i: number) => x.rows(4 * i, 4 * i + 4) };
    for (const options of [{}, { stepsPerExecution: 2 }]) {
      const results = await run(sequence, { masks: mask, references: others, scale }, options);
      expectByHand(results, byHand(x, mask, others, 3));
    }
  });

  it('gets those per sample from a source', async () => {
    const [x, mask, others] = [pictures(12), masks(12), references()];
    const rows = [0, 5, 9, 12];
    let released = 0;
    function* source() {
      for (let i = 0; i < 3; i++) {
        const [begin, end] = [rows[i] as number, rows[i + 1] as number];
        const release = () => {
          released += 1;
        };
        yield { x: x.rows(begin, end), feeds: { masks: mask.rows(begin, end) }, release };
      }
    }
    for (const options of [{}, { stepsPerExecution: 2 }]) {
      const results = await run(source(), { references: others, scale }, options);
      expectByHand(results, byHand(x, mask, others, 3));
    }
    expect(released).toBe(6);
  });

  const x = pictures();
  const good = { masks: masks(), references: references(), scale };
  it.each<[string, unknown, unknown, string]>([
    [
      'too few rows',
      x,
      { ...good, masks: masks(10) },
      'Expected 11 rows, one per sample, for argument `feeds.masks` but received 10',
    ],
    ['a scalar per sample', x, { ...good, masks: scale }, 'an axis of samples for argument `feeds.masks`'],
    [
      'another rank',
      x,
      { ...good, masks: pictures() },
      'Expected shape (null, null, null), samples first, for argument `feeds.masks`',
    ],
    [
      'another size',
      x,
      { ...good, references: masks() },
      'Expected shape (null, 2, 2, 2) for argument `feeds.references`',
    ],
    [
      'another dtype',
      x,
      { ...good, masks: ke.tensor(new Uint8Array(44), [11, 2, 2], 'bool') },
      'argument `feeds.masks`',
    ],
    ['no tensor', x, { ...good, masks: 'all' }, 'argument `feeds.masks`'],
    [
      'a missing one',
      x,
      { masks: masks(), scale },
      'Expected all feeds (masks, references, scale) for argument `feeds` but received none for "references"',
    ],
    ['none at all', x, undefined, 'received none for "masks"'],
    ['an unknown one', x, { ...good, mask: masks() }, 'received one named "mask". Did you mean "masks"?'],
    ['no record', x, 3, 'argument `feeds`'],
    [
      'one per sample beside an endless source',
      [x].values(),
      good,
      'none together with a source of unknown length for argument `feeds.masks`',
    ],
    [
      'a source without',
      [x].values(),
      { references: references(), scale },
      'argument `feeds` of step 0 but received none for "masks"',
    ],
    [
      'wrong rows of a source',
      [{ x, feeds: { masks: masks(3) } }].values(),
      { references: references(), scale },
      'argument `feeds.masks` of step 0',
    ],
    [
      'a whole one of a source',
      [{ x, feeds: { masks: masks(), scale } }].values(),
      { references: references(), scale },
      'received one named "scale"',
    ],
  ])('refuses %s', async (_, inputs, values, message) => {
    await expect(run(inputs, values)).rejects.toThrow(message);
  });

  it('refuses a batch without them', async () => {
    const [batch] = await allOf(makeDataHandler(model, x));
    const stepFunction = makeStepFunction(model, step, { feeds: SPECS });
    await expect(stepFunction(batch as ke.engine.Batch)).rejects.toThrow('none for "masks"');
  });

  it('refuses a step that returns no tensors by name', async () => {
    const [batch] = await allOf(makeDataHandler(model, x));
    for (const wrong of [{}, null, [1], { logits: 3 }, Promise.resolve({})]) {
      const stepFunction = makeStepFunction(model, (() => wrong) as never);
      await expect(stepFunction(batch as ke.engine.Batch)).rejects.toThrow('Expected the step to return');
    }
  });

  it('is recorded once for equal keys, unless forced', async () => {
    let recorded = 0;
    const counting: Step = ({ inputs }) => {
      recorded += 1;
      return { same: inputs[0] as ke.graph.Symbolic };
    };
    const [batch] = await allOf(makeDataHandler(model, x));
    for (const force of [false, false, true]) {
      const stepFunction = makeStepFunction(model, counting, { force });
      for (let i = 0; i < 2; i++) {
        const { same } = await stepFunction(batch as ke.engine.Batch);
        expect([...(same as ke.Tensor).data]).toEqual([...x.data]);
      }
      stepFunction.release();
    }
    expect(recorded).toBe(2);
  });
});

describe('extras', () => {
  /** Two extras: of the units, and of the sample. */
  const extra: ke.Method = function extra({ model: network, inputs, indices }) {
    const [logits, activations] = network(inputs, 2);
    const explained = ke.inspection.gatherUnits(logits, indices);
    return {
      logits: explained,
      maps: activations,
      extras: { delta: ops.multiply(explained, 2), total: ops.reduceSum(inputs, [1, 2]) },
    };
  };
  const x = random(5);
  const units = [
    [0, 2],
    [1, 1],
    [2, 0],
    [0, 1],
    [1, 0],
  ];
  const doubled = ({ logits }: { logits: ke.Tensor | ke.RaggedTensor }) =>
    [...(logits as ke.Tensor).data].map((value) => 2 * Number(value));
  const expectExtras = ({ extras, logits }: ke.ExplainResult, first = 0) => {
    expect(Object.keys(extras)).toEqual(['delta', 'total']);
    expect([...(extras.delta as ke.Tensor).data]).toEqual(doubled({ logits }));
    const [n] = logits.shape as [number];
    expect((extras.total as ke.Tensor).shape).toEqual([n, 2]);
    const totals = [...(extras.total as ke.Tensor).data].map(Number);
    totals.forEach((value, i) => {
      const [sample, channel] = [first + Math.floor(i / 2), i % 2];
      let sum = 0;
      for (let p = 0; p < 4; p++) sum += Number(x.data[sample * 8 + p * 2 + channel]);
      expect(value).toBeCloseTo(sum, 5);
    });
  };

  it('are joined along the samples', async () => {
    for (const batchSize of [5, 2]) {
      expectExtras(await ke.explain(extra, model, x, units, { ...raw, batchSize }));
    }
    const other = await ke.explain(ke.methods.cams.gradcam, model, x, units, raw);
    expect(other.extras).toEqual({});
    // Who goes through all results, to release them say, meets tensors only.
    expect(Object.keys(other)).toEqual(['logits', 'maps']);
  });

  it('of a source of unequal batches, too', async () => {
    const source = [
      [x.rows(0, 2), units.slice(0, 2)],
      [x.rows(2, 5), units.slice(2)],
    ] as const;
    const results = await ke.explain(extra, model, source.values() as never, null, raw);
    expectExtras(results as ke.ExplainResult);
  });

  it('are written into memory of the caller', async () => {
    const into = { extras: { delta: ke.allocate([5, 2]) }, maps: ke.allocate([5, 2, 2, 2]) };
    const results = await ke.explain(extra, model, x, units, { ...raw, batchSize: 2, into });
    expect(results.extras.delta).toBe(into.extras.delta);
    expect(results.maps).toBe(into.maps);
    expectExtras(results);
    // The only batch of a run goes another way.
    expectExtras(await ke.explain(extra, model, x, units, { ...raw, into }));
    const wrong = { extras: { detla: ke.allocate([5, 2]) } };
    await expect(ke.explain(extra, model, x, units, { ...raw, into: wrong })).rejects.toThrow(
      'received one for "extras.detla". Did you mean "extras.delta"?',
    );
    const short = { extras: { delta: ke.allocate([4, 2]) } };
    await expect(ke.explain(extra, model, x, units, { ...raw, into: short })).rejects.toThrow(
      'argument `into.extras.delta`',
    );
    await expect(
      ke.explain(extra, model, x, units, { ...raw, into: { extras: 3 } as never }),
    ).rejects.toThrow('argument `into.extras`');
  });

  it('come with each step, and are released with it', async () => {
    let first = 0;
    for await (const explained of ke.explainBatches(extra, model, x, units, { ...raw, batchSize: 2 })) {
      expectExtras(explained, first);
      first += explained.samples;
      explained[Symbol.dispose]();
      expect(Object.values(explained.extras).every(({ released }) => released)).toBe(true);
    }
    expect(first).toBe(5);
  });

  it('are those of the call in a batch of many', async () => {
    const explainer = ke.createExplainer(extra, model, { resizing: false });
    const calls = units.map((y, i) => explainer.explain(x.rows(i, i + 1), [y]));
    for (const [i, result] of (await Promise.all(calls)).entries()) expectExtras(result, i);
    expect(explainer.stats().batches).toBeLessThan(5);
    await explainer.close();
  });

  it('are what callbacks and `finishedSteps` see by their names', async () => {
    const seen: string[][] = [];
    const callback = {
      onPredictBatchEnd: (_: number, { outputs }: { outputs: object }) => {
        seen.push(Object.keys(outputs));
        throw new Error('enough');
      },
    };
    const failed = await ke
      .explain(extra, model, x, units, { ...raw, callbacks: [callback] })
      .catch((e) => e);
    const names = ['logits', 'maps', 'extras.delta', 'extras.total'];
    expect(seen).toEqual([names]);
    expect(Object.keys(ke.finishedSteps(failed)?.outputs ?? {})).toEqual(names);
  });

  it('pass through `explainStep`, and are dropped where passes are averaged', async () => {
    const twice: ke.Method = ({ model: network, inputs, indices }) => {
      const { logits, maps, extras } = ke.engine.explainStep(network, extra, { inputs, indices }, raw);
      return { logits, maps, extras: { half: ops.multiply(extras?.delta as ke.graph.Symbolic, 0.25) } };
    };
    const { extras, logits } = await ke.explain(twice, model, x, units, raw);
    expect([...(extras.half as ke.Tensor).data].map((value) => 4 * Number(value))).toEqual(
      doubled({ logits }),
    );
    const { smooth, tta } = ke.methods.meta;
    for (const method of [smooth(extra, { repetitions: 2 }), tta(extra, { scales: [] })]) {
      expect((await ke.explain(method, model, x, units, raw)).extras).toEqual({});
    }
    expectExtras(await ke.explain(smooth(extra, { repetitions: 1 }), model, x, units, raw));
  });

  it.each<[string, unknown, string]>([
    ['no record', 3, 'Expected the `extras` of wrong to be symbolic tensors by name but received 3'],
    ['a list', [], 'Expected the `extras` of wrong'],
    ['a number', { delta: 3 }, 'Expected `extras.delta` of wrong to be a symbolic tensor'],
  ])('refuses %s', async (_, extras, message) => {
    const wrong = function wrong(args: ke.MethodArguments) {
      return { ...extra(args as never), extras } as ke.MethodResult;
    };
    await expect(ke.explain(wrong, model, x, units, raw)).rejects.toThrow(message);
  });

  it('refuses an extra without the samples', async () => {
    const scalar: ke.Method = (args) => {
      const result = extra(args as never);
      return { ...result, extras: { mean: ops.reduceMean(result.logits, [0, 1]) } };
    };
    await expect(ke.explain(scalar, model, x, units, raw)).rejects.toThrow(
      'Expected `extras.mean` of scalar to be a symbolic tensor with the samples on axis 0 but received float32 ()',
    );
    const lost: ke.Method = (args) => {
      const result = extra(args as never);
      return { ...result, extras: { mean: ops.reduceMean(result.logits, 0) } };
    };
    await expect(ke.explain(lost, model, x, units, raw)).rejects.toThrow('Keep the batch axis in it.');
  });
});
