/** Models that take strings, compared with TensorFlow in Python (scripts/fixtures/make_texts.py). */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import * as ke from '../../../lib/index.js';
import {
  type Expected,
  expectAsInPython,
  expectClose,
  expectedOf,
  inputsOf,
  type Plain,
  pathOf,
} from './imported.js';

const TEXTS = ['the dog sat', 'A CAT, a cat & a zebra ran over the mat', '', 'über Straße', 'zebra'];
const NAMES = ['string_lookup', 'text_vectorization'];
const NAMES_OF_KERAS3 = [
  'tf_idf',
  'multi_hot',
  'count_of_characters',
  'open_length',
  'hashing',
  'string_tables',
  'restored_tables',
  'sparse_words',
];
const CASES = [
  ...NAMES.map((name) => `keras2/${name}`),
  ...[...NAMES, ...NAMES_OF_KERAS3].map((name) => `keras3/${name}`),
];

const { gradients } = ke.methods.gradient;
const { gradcam } = ke.methods.cams;

const load = (name: string, options: ke.LoadModelOptions = {}) =>
  ke.loadModel(pathOf(name, 'texts'), options);
const logitsOf = (name: string) =>
  Object.values(expectedOf(name, 'texts').outputs).find(({ dtype }) => dtype === 'float32') as Plain;

describe.each([false, true])('with runEagerly %s', (runEagerly) => {
  it.each(CASES)('computes %s', async (name) => {
    await expectAsInPython(name, { runEagerly }, 'texts');
  });
});

describe('strings as inputs', () => {
  const name = 'keras3/text_vectorization';
  const column = TEXTS.map((text) => [text]);

  it.each<[string, Parameters<ke.Model['predict']>[0]]>([
    ['a list', TEXTS],
    ['nested arrays', column],
    ['a flat array with its shape', { data: TEXTS, shape: [5, 1] }],
    ['bytes', TEXTS.map((text) => new TextEncoder().encode(text))],
    ['a record', { text: column }],
    ['batches of different sizes', [{ x: TEXTS.slice(0, 1) }, [column.slice(1)]].values()],
  ])('are taken as %s', async (_, x) => {
    using model = await load(name);
    expectClose((await model.predict(x)) as ke.Tensor, logitsOf(name), name);
  });

  it('are divided into batches, shards and executions of several steps', async () => {
    for (const [options, data] of [
      [{ stepsPerExecution: 2 }, { batchSize: 1 }],
      [{ threads: { interOp: 3 } }, { batchSize: 4 }],
    ] as const) {
      using model = await load(name, options);
      expectClose((await model.predict(TEXTS, data)) as ke.Tensor, logitsOf(name), name);
      const steps = TEXTS.map((text) => [[text]]).values();
      expectClose((await model.predict(steps)) as ke.Tensor, logitsOf(name), name);
    }
  });

  it('keep zeros and bytes that are no UTF-8', async () => {
    using model = await load('keras3/bytes_input');
    const records = [[1, 0, 0, 0], [], [255, 254, 0], [0]].map((bytes) => Uint8Array.from(bytes));
    const zeros = await model.predict([new Uint8Array(4)]);
    const y = (await model.predict(records)) as ke.Tensor;
    const unit = (await model.predict([[1], [0, 1]].map((bytes) => Uint8Array.from(bytes)))) as ke.Tensor;
    expect([...(zeros as ke.Tensor).data]).toEqual([4, 4]);
    const [a, b, c, d] = unit.data as unknown as [number, number, number, number];
    const rows = [
      a - 1 + 4,
      b - 1 + 4,
      0,
      0,
      255 * (a - 1) + 254 * (c - 2) + 3,
      255 * (b - 1) + 254 * (d - 2) + 3,
    ];
    expectClose(y, { dtype: 'float32', shape: [4, 2], data: [...rows, 1, 1] }, 'records');
  });

  it.each<[unknown, RegExp]>([
    ['cat', /^Expected strings: .* for argument `x` .* One sample is an array of one string/],
    [[1, 2], /^Expected strings or Uint8Arrays for argument `x` but received 1/],
    [ke.tensor([[1]]), /^Expected strings: .* for argument `x`/],
    [[['a'], ['b', 'c']], /arrays of equal length \(1\) on axis 1/],
    [[['a', 'b']], /shape \(null, 1\), samples first, .*axis 1 must be 1/],
    [[], /at least one sample/],
    [{ data: ['a', 'b'], shape: [3, 1] }, /`x.shape`.*\[3,1\], which has 3/],
    [{ text: ['a'], other: ['b'] }, /one named "other"/],
  ])('%j is refused', async (x, message) => {
    using model = await load(name);
    await expect(model.predict(x as ke.Inputs)).rejects.toThrow(message);
  });

  it('strings for an input of numbers are refused', async () => {
    using model = await load('keras3/string_lookup');
    const word = [['cat']];
    await expect(model.predict({ x: word, word } as ke.Inputs)).rejects.toThrow(
      /argument `x.x` .* The input 'x' takes float32, not strings/,
    );
  });

  it('a few long strings among many are refused before memory is taken', async () => {
    using model = await load(name);
    const x = Array<string>(2000).fill('cat').concat('x'.repeat(1_000_000));
    await expect(model.predict(x)).rejects.toThrow(/fit into 1 GiB .* 1000000 bytes.*smaller batches/);
  });
});

describe('workers', () => {
  const closed: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const close of closed) await close();
  });

  it('compute models of strings without the tables', async () => {
    const workers = await ke.distribute.localWorkers(2, { threads: 1 });
    closed.push(() => workers.close());
    const strategy = ke.distribute.multiWorker({ workers });
    for (const name of ['keras3/string_lookup', 'keras3/text_vectorization', 'keras3/string_tables']) {
      await expectAsInPython(name, { strategy }, 'texts');
    }
  });
});

describe('explaining models of strings', () => {
  const name = 'keras3/text_vectorization';
  interface Embedded extends Expected {
    readonly embeddings: Plain;
    readonly embeddedGradients: Plain;
  }

  it.each(['keras2', 'keras3'])('%s: the model behind the embedding takes the embeddings', async (keras) => {
    const of = `${keras}/text_vectorization`;
    const expected = expectedOf<Embedded>(of, 'texts');
    using model = await load(of);
    using embed = ke.inspection.subModel(model, { outputs: ['embedding'] });
    using behind = ke.inspection.subModel(model, { inputs: ['embedding'] });
    const embeddings = (await embed.predict(TEXTS)) as ke.Tensor;
    expectClose(embeddings, expected.embeddings, 'embeddings');
    const { maps } = await ke.explain(gradients, behind, embeddings, null, {
      verbose: 0,
      resizing: false,
      postprocessing: null,
      gradientFilter: (gradient: ke.graph.Symbolic) => gradient,
    });
    expectClose(maps as ke.Tensor, expected.embeddedGradients, 'gradients');
  });

  it('Grad-CAM has a map over the words, of the size of the activations', async () => {
    using model = await load(name);
    using exposed = ke.inspection.expose(model, 'conv');
    const { maps } = await ke.explain(gradcam, exposed, TEXTS, null, { verbose: 0 });
    expect(maps.shape).toEqual([5, 6, 2]);
    using embed = ke.inspection.subModel(model, { outputs: ['embedding'] });
    using behind = ke.inspection.subModel(model, { inputs: ['embedding'] });
    using ofEmbeddings = ke.inspection.expose(behind, 'conv');
    const embeddings = (await embed.predict(TEXTS)) as ke.Tensor;
    const other = await ke.explain(gradcam, ofEmbeddings, embeddings, null, { verbose: 0 });
    expect([...maps.data]).toEqual([...other.maps.data]);
  });

  it('a method that differentiates by the strings is refused with the way', async () => {
    using model = await load(name);
    await expect(ke.explain(gradients, model, TEXTS)).rejects.toThrow(
      /an input of numbers instead of strings.* for argument `input` but received "text".*subModel\(model, \{ inputs: \[layer\] \}\)/,
    );
  });

  it('an explainer joins calls with strings of similar lengths', async () => {
    const of = 'keras3/string_lookup';
    const x = inputsOf(expectedOf(of, 'texts'));
    using model = await load(of);
    const words = (x.word as { data: readonly string[] }).data;
    const pictures = x.x as ke.Tensor;
    const options = { input: 'x', resizing: false, postprocessing: null } as const;
    const whole = await ke.explain(gradients, model, x, null, { verbose: 0, ...options });
    await using explainer = ke.createExplainer(gradients, model, { maxDelayMs: 50, ...options });
    await explainer.warmUp();
    const calls = words.map((word, i) => explainer.explain({ x: pictures.rows(i, i + 1), word: [[word]] }));
    for (const [i, { maps }] of (await Promise.all(calls)).entries()) {
      const row = whole.maps.rows(i, i + 1);
      expectClose(maps, { dtype: 'float32', shape: row.shape, data: Array.from(row.data, Number) }, 'maps');
    }
    expect(explainer.stats().batches).toBeLessThan(words.length);
  });
});

describe('damaged tables', () => {
  // Bytes of the graph, of the text file and of the checkpoint are changed one by one.
  const files = ['saved_model.pb', 'assets/vocabulary.txt', 'variables/variables.data-00000-of-00001'];
  it.each([
    ['string_tables', files],
    ['restored_tables', [files[0] as string, files[2] as string]],
  ])('of %s load with other values, or are refused', async (name, damaged) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'ke-tables-'));
    try {
      await cp(pathOf(`keras3/${name}`, 'texts'), folder, { recursive: true });
      for (const file of damaged) {
        const at = path.join(folder, file);
        const bytes = await readFile(at);
        for (let i = 0; i < 100; i++) {
          const changed = Buffer.from(bytes);
          const place = Math.floor(((i + 0.5) / 100) * bytes.length);
          changed[place] = (changed[place] as number) ^ (1 << (i % 8));
          await writeFile(at, changed);
          await ke.loadModel(folder).then(
            (model) => model.close(),
            (error: unknown) => expect(error).toBeInstanceOf(ke.KerasExplainableError),
          );
        }
        await writeFile(at, bytes);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

it('a table that the signature changes is refused', async () => {
  await expect(load('keras3/restored_tables', { signature: 'fill' })).rejects.toMatchObject({
    name: 'UnsupportedOpError',
    message: expect.stringMatching(/lookup table '.*', which op LookupTableInsertV2 \('.*'\) may change/),
  });
});

it('texts of open length are computed in whole batches, since the longest determines the length', async () => {
  for (const name of ['keras3/open_length', 'keras3/sparse_words']) {
    using model = await load(name, { threads: { interOp: 3 } });
    expect(model.mixesSamples).toBe(true);
    const x = inputsOf(expectedOf(name, 'texts'));
    expectClose((await model.predict(x)) as ke.Tensor, logitsOf(name), name);
  }
  using fixed = await load('keras3/text_vectorization');
  expect(fixed.mixesSamples).toBe(false);
});
