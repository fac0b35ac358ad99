/** What both Keras versions' networks are put through; scripts/reference/make_models.py wrote what they should give. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as ke from '../../lib/index.js';
import { logitsError, mapError, TOLERANCE } from './agreement.js';
import { type Reader, readTensors, rows, takeUnits } from './tensors.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface About {
  readonly activations: string | null;
  readonly logits: string | null;
  readonly deep: string;
  readonly spatialAxis: readonly number[];
}

interface Row {
  readonly network: string;
  'load ms'?: number;
  'compile ms'?: number;
  gradients?: string;
  gradcam?: string;
  gradcam_deep?: string;
  'resident MB'?: number;
}

/** The maps in expected.json, and the methods that give them. */
const MAPS = {
  gradients: ke.methods.gradient.gradients,
  gradcam: ke.methods.cams.gradcam,
  gradcam_deep: ke.methods.cams.gradcam,
} as const;

const RAW = { resizing: false, verbose: 0 } as const;

/** Units per sample: another one in each row, so that a mixed-up batch shows. */
const UNITS: Record<'one' | 'two', number[][]> = {
  one: [[4], [0]],
  two: [
    [4, 1],
    [0, 5],
  ],
};

/** The Python library's own maps, committed (scripts/reference/make_fixtures.py). */
const committed = readTensors(path.join(ROOT, 'test', 'fixtures', 'reference', 'networks'));

function directoryOf(keras: string, network: string): string {
  const directory = path.join(ROOT, 'build', 'reference', keras, network);
  if (existsSync(path.join(directory, 'about.json'))) return directory;
  throw new Error(`There is no ${network} of ${keras} in build/reference: run \`npm run test:reference\`.`);
}

/** Declares the tests of the networks in build/reference/`keras`, and prints what was measured. */
export function describeNetworks(keras: 'keras2' | 'keras3', networks: readonly string[]): void {
  const table: Row[] = [];
  afterAll(() => {
    console.log(`${keras}: largest error as a share of a map's range`);
    console.table(Object.fromEntries(table.map(({ network, ...row }) => [network, row])));
  });

  describe.each(networks)(`${keras} %s`, (network) => {
    const row: Row = { network };
    let model: ke.Model;
    let about: About;
    let expected: Reader;
    let x: ke.Tensor;

    beforeAll(async () => {
      table.push(row);
      const directory = directoryOf(keras, network);
      about = JSON.parse(readFileSync(path.join(directory, 'about.json'), 'utf8')) as About;
      expected = readTensors(path.join(directory, 'expected'));
      const inputs = expected('inputs');
      x = ke.tensor(inputs.data, inputs.shape);
      await ke.ready();
      const start = performance.now();
      model = await ke.loadModel(path.join(directory, 'model'));
      row['load ms'] = Math.round(performance.now() - start);
    });
    afterAll(() => {
      row['resident MB'] = Math.round(process.memoryUsage.rss() / 1e6);
      model?.close();
    });

    /** Grad-CAM's view of the model, at the last activations or at another layer's output. */
    function expose(layer: string | null): ke.Model {
      return ke.inspection.expose(model, layer ?? undefined, about.logits ?? undefined);
    }

    /** Checks the raw maps of one method for every unit and, where named, for some units of each sample. */
    async function check(
      name: keyof typeof MAPS,
      view: ke.Model,
      someUnits: readonly number[][][] = [],
    ): Promise<void> {
      const method = MAPS[name];
      const raw = { ...RAW, spatialAxis: about.spatialAxis };
      const maps = expected(name);
      const logits = expected('logits');
      const all = await ke.explain(method, view, x, undefined, raw);
      let error = Math.max(mapError(all.maps, maps), logitsError(all.logits, logits));
      for (const units of someUnits) {
        const some = await ke.explain(method, view, x, units, raw);
        error = Math.max(
          error,
          mapError(some.maps, takeUnits(maps, units)),
          logitsError(some.logits, takeUnits(logits, units), logits),
        );
      }
      row[name] = error.toExponential(1);
      expect(error).toBeLessThan(TOLERANCE);
    }

    test('predict gives its logits', async () => {
      const outputs = (await model.predict(x)) as ke.Tensor;
      expect(logitsError(outputs, expected('logits'))).toBeLessThan(TOLERANCE);
    });

    test('gradients', async () => {
      const timed = async (force: boolean) => {
        const start = performance.now();
        await ke.explain(ke.methods.gradient.gradients, model, x, UNITS.one, {
          ...RAW,
          spatialAxis: about.spatialAxis,
          force,
        });
        return performance.now() - start;
      };
      const first = await timed(true);
      row['compile ms'] = Math.round(first - (await timed(false)));
      await check('gradients', model, [UNITS.one, UNITS.two]);
    });

    test('gradcam', async () => {
      await check('gradcam', expose(about.activations), [UNITS.one, UNITS.two]);
    });

    test('gradcam at a layer far from the output', async () => {
      await check('gradcam_deep', expose(about.deep));
    });

    if (keras === 'keras2') describeLibrary(network, { expected: () => expected, explain });

    async function explain(name: 'gradients' | 'gradcam', samples: number, units?: number[][]) {
      const view = name === 'gradients' ? model : expose(about.activations);
      const first = rows(expected('inputs'), 0, samples);
      return ke.explain(MAPS[name], view, ke.tensor(first.data, first.shape), units, RAW);
    }
  });
}

interface LibraryContext {
  expected(): Reader;
  explain(name: 'gradients' | 'gradcam', samples: number, units?: number[][]): Promise<ke.ExplainResult>;
}

/** The Python library's committed maps agree with ours, and with the tape's, so that both truths are one. */
function describeLibrary(network: string, { expected, explain }: LibraryContext): void {
  const units = [[4, 1]];

  test("the Python library's maps", async () => {
    const gradients = await explain('gradients', 1, units);
    expect(mapError(gradients.maps, committed(`${network}/gradients`))).toBeLessThan(TOLERANCE);
    const gradcam = await explain('gradcam', 2);
    expect(mapError(gradcam.maps, committed(`${network}/gradcam`))).toBeLessThan(TOLERANCE);
    expect(logitsError(gradcam.logits, committed(`${network}/logits`))).toBeLessThan(TOLERANCE);
  });

  test("the Python library's maps are those of tf.GradientTape", () => {
    expect([...committed('units').data]).toEqual(units.flat());
    const gradients = takeUnits(rows(expected()('gradients'), 0, 1), units);
    expect(mapError(gradients, committed(`${network}/gradients`))).toBeLessThan(TOLERANCE);
    expect(mapError(expected()('gradcam'), committed(`${network}/gradcam`))).toBeLessThan(TOLERANCE);
    expect(logitsError(expected()('logits'), committed(`${network}/logits`))).toBeLessThan(TOLERANCE);
  });
}
