/** The pointing game on maps that have not the size of the model's input. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compareMethods } from '../../../lib/cli/explain/compare.js';
import type { Job } from '../../../lib/cli/explain/job.js';
import { explainByOne } from '../../../lib/cli/explain/one_method.js';
import type { NamedMethod } from '../../../lib/cli/shared/methods/vocabulary.js';
import { targetOf } from '../../../lib/cli/shared/pictures/target.js';
import * as ke from '../../../lib/index.js';
import { DEMO, objects, ROOT, temporaryDirectory } from '../helpers/cli_process.js';

const { ops } = ke.graph;
const directory = temporaryDirectory();

let model: ke.Model;
beforeAll(async () => {
  model = await ke.loadModel(join(ROOT, DEMO, 'model'));
});
afterAll(() => model.close());

/** A method of the command line whose maps are the same values of 2 x 3 positions for every picture. */
function constantMaps(name: string, values: readonly number[]): NamedMethod {
  const method = ({ model, inputs, indices }: ke.MethodArguments): ke.MethodResult => {
    const [outputs] = model(inputs);
    const logits = ke.inspection.gatherUnits(outputs, indices);
    const rows = ops.gather(ops.shape(inputs), 0);
    const map = ops.constant(Float32Array.from(values));
    return { logits, maps: ops.broadcastTo(ops.reshape(map, [1, 2, 3, 1]), [rows, 2, 3, 1]) };
  };
  return {
    name,
    method,
    params: {},
    needsActivations: false,
    postprocessing: (maps) => maps,
    resizing: false,
    inputScales: [],
    passes: () => ({ forward: 1, backward: 0, backwardTo: 'input' }),
  };
}

// The centre of row 1, column 2 lies at x = 2.5 / 3 · 96 = 80, y = 1.5 / 2 · 96 = 72 of the demo's 96 x 96 pixels.
const LAST = [0, 1, 2, 3, 4, 5];
const BOXES: ReadonlyMap<string, readonly [number, number, number, number]> = new Map([
  ['01-digit-0.png', [80, 72, 81, 73]],
  ['02-digit-1.png', [64, 48, 80, 96]],
  ['03-digit-2.jpg', [64, 48, 96, 96]],
  ['04-digit-3.png', [0, 0, 64, 48]],
]);
const AREAS = [1, 16 * 48, 32 * 48, 64 * 48];
const CHANCE = AREAS.reduce((sum, area) => sum + area / 96 ** 2, 0) / 4;
const POINTING = { hits: 2, pictures: 4, accuracy: 0.5, chance: expect.closeTo(CHANCE, 12) };

/** Runs `work` on the demo's pictures that have a box, and gives what it prints as JSON. */
async function play(work: (job: Job) => Promise<number>, name: string, values: readonly number[]) {
  const [out, err] = [new PassThrough(), new PassThrough()];
  const directoryOut = join(directory, name);
  mkdirSync(directoryOut, { recursive: true });
  const job: Job = {
    options: {
      model: `${DEMO}/model`,
      images: [],
      settings: {},
      method: name,
      out: directoryOut,
      top: 1,
      batchSize: 2,
      preprocess: 'none',
      activation: 'linear',
      alpha: 0.5,
      colormap: 'turbo',
      json: true,
    },
    methods: [constantMaps(name, values)],
    target: targetOf(model, { preprocess: 'none' }),
    labels: [],
    boxes: BOXES,
    paths: [...BOXES.keys()].map((file) => join(ROOT, DEMO, 'images', file)),
    terminal: { out: out as unknown as NodeJS.WriteStream, err: err as unknown as NodeJS.WriteStream },
    signal: new AbortController().signal,
  };
  expect(await work(job)).toBe(0);
  expect(err.read()).toBeNull();
  return objects(String(out.read()));
}

test('explain finds the maximum on the grid of the map', async () => {
  const lines = await play(explainByOne, 'coarse', LAST);
  expect(lines.slice(0, 4).map(({ hit }) => hit)).toEqual([true, false, true, false]);
  expect(lines.at(-1).pointing).toEqual(POINTING);
});

test('so does a comparison of methods', async () => {
  const [{ pointing }] = await play(compareMethods, 'compared', LAST);
  expect(pointing).toEqual(POINTING);
});

test('maps with NaN are counted apart', async () => {
  const values = [0, Number.NaN, 2, 3, 4, 5];
  const lines = await play(explainByOne, 'nan', values);
  for (const line of lines.slice(0, 4)) expect(line).not.toHaveProperty('hit');
  // JSON has no NaN: accuracy and chance of no picture are null.
  const nothing = { hits: 0, pictures: 0, accuracy: null, chance: null, nan: 4 };
  expect(lines.at(-1).pointing).toEqual(nothing);
  const [{ pointing }] = await play(compareMethods, 'compared-nan', values);
  expect(pointing).toEqual(nothing);
});
