/**
 * Sources, callbacks and options that are other than they seem: each ends with a right result or a typed error, and
 * soon.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as ke from '../../../lib/index.js';
import { load, random, raw } from '../helpers/explain_fixture.js';
import { anything, bitsOf, outcomeOf, PATIENCE, realise, runs, sabotage } from '../model/hostile_models.js';

const { gradcam, scorecam } = ke.methods.cams;
const { gradients } = ke.methods.gradient;
const { smooth, tta } = ke.methods.meta;

let model: ke.Model;
let plain: string;
beforeAll(async () => {
  model = await load();
  plain = await plainly();
});
afterAll(() => model.close());

/** What is right of two samples, again. */
const plainly = async () => bitsOf(await ke.explain(gradcam, model, random(2), null, raw));

const step = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ done: false, good: true }) },
  fc.constantFrom('throw', 'reject', 'never', 'thenable', 'end').map((how) => ({ how })),
  anything.map((value) => ({ value })),
  anything.map((result) => ({ result })),
);
type Step = { good?: boolean; how?: string; value?: unknown; result?: unknown };

function resultOf({ good, how, result, ...rest }: Step): unknown {
  if (good) return { done: false, value: { x: random(2) } };
  if (how === 'throw') return sabotage();
  if (how === 'reject') return Promise.reject(new ke.DataError('DATA_LOSS', 'of the source'));
  if (how === 'never') return new Promise(() => undefined);
  // biome-ignore lint/suspicious/noThenProperty: a thenable is what this is.
  if (how === 'thenable') return { then: (resolve: (value: unknown) => void) => resolve({ done: true }) };
  if (how === 'end') return { done: true };
  return 'value' in rest ? { done: false, value: realise(rest.value) } : realise(result);
}

const ending = fc.constantFrom('none', 'fine', 'throws', 'rejects', 'never', 'nothing');

function endingOf(how: string): Record<string, unknown> {
  if (how === 'none') return {};
  if (how === 'throws') return { return: sabotage };
  if (how === 'rejects') return { return: async () => sabotage() };
  if (how === 'never') return { return: () => new Promise(() => undefined) };
  return { return: () => (how === 'fine' ? { done: true } : undefined) };
}

it(
  'iterators of every kind',
  async () => {
    const asynchronous = fc.boolean();
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 4 }),
        ending,
        asynchronous,
        fc.nat(2),
        async (steps, end, later, workers) => {
          let at = 0;
          let good = 0;
          const iterator = {
            next: () => {
              const now = (steps[at++] ?? { how: 'end' }) as Step;
              if (now.good) good += 1;
              return resultOf(now);
            },
            ...endingOf(end),
          };
          const symbol = later ? Symbol.asyncIterator : Symbol.iterator;
          const source = { [symbol]: () => iterator } as unknown as AsyncIterable<ke.data.BatchLike>;
          const started = performance.now();
          const options = { ...raw, timeout: 300, workers };
          const outcome = await outcomeOf(() => ke.explain(gradcam, model, source, null, options));
          expect(performance.now() - started, 'ends soon').toBeLessThan(5000);
          if ('value' in outcome && good > 0) {
            const { logits } = outcome.value;
            if (logits instanceof ke.Tensor) expect(logits.shape[0]).toBeGreaterThanOrEqual(2 * good);
          }
          expect(await plainly()).toBe(plain);
        },
      ),
      runs(40),
    );
  },
  PATIENCE,
);

it(
  'batches of every kind, from Sequences',
  async () => {
    const shape = fc.record({
      length: fc.oneof(fc.constantFrom(1, 2), anything),
      samples: anything,
      batch: anything,
    });
    await fc.assert(
      fc.asyncProperty(shape, fc.constantFrom(0, 1, 2), async ({ length, samples, batch }, workers) => {
        const sequence = {
          length: realise(length),
          ...(typeof samples === 'number' ? { samples } : {}),
          at: () => realise(batch),
          close: () => realise(batch),
        } as unknown as ke.data.Sequence;
        await outcomeOf(() => ke.explain(gradcam, model, sequence, null, { ...raw, timeout: 2000, workers }));
        expect(await plainly()).toBe(plain);
      }),
      runs(60),
    );
  },
  PATIENCE,
);

const OPTIONS = [
  ...[
    'batchSize',
    'steps',
    'maxQueueSize',
    'workers',
    'useMultiprocessing',
    'verbose',
    'callbacks',
    'force',
    'into',
  ],
  ...[
    'signal',
    'timeout',
    'onProgress',
    'postprocessing',
    'resizing',
    'spatialAxis',
    'indicesAxis',
    'indicesBatchDims',
  ],
  ...[
    'input',
    'gradientFilter',
    'psi',
    'maskBatchSize',
    'maxChannels',
    'weighting',
    '__proto__',
    'then',
    'toString',
  ],
];
/** Own properties, even of `__proto__`. */
const record = (entries: readonly (readonly [string, unknown])[]) =>
  Object.fromEntries(entries.map(([name, value]) => [name, realise(value)]));
const options = fc.array(fc.tuple(fc.constantFrom(...OPTIONS), anything), { maxLength: 3 });

it(
  'options of every kind, for methods and meta methods',
  async () => {
    const methods = fc.constantFrom(gradcam, scorecam, gradients);
    await fc.assert(
      fc.asyncProperty(methods, options, anything, fc.boolean(), async (method, entries, whole, asWhole) => {
        const bag = asWhole ? realise(whole) : { ...raw, timeout: 2000, ...record(entries) };
        const outcome = await outcomeOf(() =>
          ke.explain(method as ke.Method, model, random(2), [[0], [1]], bag as ke.ExplainOptions),
        );
        if ('value' in outcome) expect((outcome.value.logits as ke.Tensor).shape).toEqual([2, 1]);
        expect(await plainly()).toBe(plain);
      }),
      runs(60),
    );
    await fc.assert(
      fc.asyncProperty(anything, anything, anything, fc.boolean(), async (a, b, c, ofTta) => {
        await outcomeOf(() => {
          const method = ofTta
            ? tta(gradients, { scales: realise(a), hflip: realise(b), resizeMethod: realise(c) } as never)
            : smooth(gradients, { repetitions: realise(a), noise: realise(b), seed: realise(c) } as never);
          return ke.explain(method as ke.Method, model, random(1), [[0]], { ...raw, timeout: 500 });
        });
      }),
      runs(60),
    );
    expect(await plainly()).toBe(plain);
  },
  PATIENCE,
);

const HOOKS = [
  'onPredictBegin',
  'onPredictBatchBegin',
  'onPredictBatchEnd',
  'onPredictEnd',
  'onPredictError',
  'setModel',
];

it(
  'callbacks that throw, are none, or call back',
  async () => {
    const deed = fc.oneof(
      fc.constantFrom('throw', 'reject', 'again', 'close', 'release').map((how) => ({ how })),
      anything.map((value) => ({ value })),
    );
    const hooks = fc.array(fc.tuple(fc.constantFrom(...HOOKS), deed), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(hooks, async (entries) => {
        const callback = Object.fromEntries(
          entries.map(([name, given]) => [
            name,
            'value' in given
              ? realise(given.value)
              : async (_: unknown, logs?: { outputs?: { maps: ke.Tensor } }) => {
                  if (given.how === 'throw') sabotage();
                  if (given.how === 'reject')
                    await Promise.reject(new ke.DataError('DATA_LOSS', 'of a hook'));
                  if (given.how === 'again') expect(await plainly()).toBe(plain);
                  if (given.how === 'release') logs?.outputs?.maps.release();
                  await sleep(0);
                },
          ]),
        );
        const call = () =>
          ke.explain(gradcam, model, random(2), null, { ...raw, batchSize: 1, callbacks: [callback] });
        const outcome = await outcomeOf(call);
        const released = entries.some(([, given]) => 'how' in given && given.how === 'release');
        if ('value' in outcome && !released) expect(bitsOf(outcome.value)).toBe(plain);
        expect(await plainly()).toBe(plain);
      }),
      runs(60),
    );
  },
  PATIENCE,
);

it(
  'whatever is passed where, to whatever is public',
  async () => {
    const anywhere: Readonly<Record<string, (...args: never[]) => unknown>> = {
      explain: ke.explain as never,
      gradcam: ke.gradcam as never,
      partialExplain: ke.partialExplain as never,
      tensor: ke.tensor as never,
      createExplainer: ke.createExplainer as never,
      expose: ke.inspection.expose as never,
      getLogitsLayer: ke.inspection.getLogitsLayer as never,
      findLayerWith: ke.inspection.findLayerWith as never,
      getNestedLayer: ke.inspection.getNestedLayer as never,
      layersWithBiases: ke.inspection.layersWithBiases as never,
      loadModel: ke.loadModel as never,
      oneDevice: ke.distribute.oneDevice as never,
      mirrored: ke.distribute.mirrored as never,
      multiWorker: ke.distribute.multiWorker as never,
      imageFiles: ke.data.imageFiles as never,
      moduleSequence: ke.data.moduleSequence as never,
      npyFile: ke.data.npyFile as never,
      readNpy: ke.data.readNpy as never,
      readNpz: ke.data.readNpz as never,
      readImage: ke.image.readImage as never,
      resizeImage: ke.image.resizeImage as never,
      fitImage: ke.image.fitImage as never,
      overlay: ke.image.overlay as never,
      encodePng: ke.image.encodePng as never,
      encodeJpeg: ke.image.encodeJpeg as never,
      contactSheet: ke.image.contactSheet as never,
      batchImages: ke.image.batchImages as never,
      prepareImage: ke.image.prepareImage as never,
      preprocess: ke.image.preprocess as never,
      colormapTable: ke.image.colormapTable as never,
      decodeImage: ke.image.decodeImage as never,
      readImageHeader: ke.image.readImageHeader as never,
      visualize: ke.utils.visualize as never,
      predict: ((...args: never[]) => model.predict(...(args as unknown as [ke.Tensor]))) as never,
    };
    const good = fc.constantFrom(
      () => model,
      () => gradcam,
      () => random(1),
      () => ke.tensor(new Uint8Array(12), [1, 2, 2, 3]),
      () => [2, 2],
      () => ({}),
    );
    const argument = fc.oneof(anything, good);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.keys(anywhere)),
        fc.array(argument, { maxLength: 4 }),
        async (name, args) => {
          const called = args.map((each) => (typeof each === 'function' ? each() : realise(each)));
          // Paths of Node's refuse with Node's own errors, which have codes, too.
          await outcomeOf(async () => {
            try {
              await anywhere[name]?.(...(called as never[]));
            } catch (error) {
              const { code } = (error ?? {}) as { code?: unknown };
              if (error instanceof Error && typeof code === 'string' && /^(ERR_)?[A-Z_]+$/.test(code)) return;
              throw error;
            }
          });
        },
      ),
      runs(400),
    );
    expect(await plainly()).toBe(plain);
  },
  PATIENCE,
);
