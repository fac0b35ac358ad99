/** What both Keras versions' networks are put through; scripts/reference/make_models.py wrote what they should give. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as ke from '../../lib/index.js';
import { sumOfTerms } from '../../lib/metrics/completeness.js';
import { logitsError, mapError, TOLERANCE } from './agreement.js';
import { ErrorTable } from './error_table.js';
import { describeFormats } from './formats.js';
import { describeLibrary, libraryMaps } from './library.js';
import { exposed, type KerasVersion, type Network, openNetwork } from './network.js';
import { rows, takeUnits, type Values } from './tensors.js';

/** The maps in expected.json, and the methods that give them. */
const METHODS = {
  gradients: ke.methods.gradient.gradients,
  full_gradients: ke.methods.gradient.fullGradients,
  gradcam: ke.methods.cams.gradcam,
  gradcam_deep: ke.methods.cams.gradcam,
  gradcampp: ke.methods.cams.gradcampp,
  cam: ke.methods.cams.cam,
} as const;

const RAW = { resizing: false, verbose: 0 } as const;

/** Units per sample: another one in each row, so that a mixed-up batch shows. */
const UNITS = {
  one: [[4], [0]],
  two: [
    [4, 1],
    [0, 5],
  ],
  all: undefined,
} as const;
type Units = keyof typeof UNITS;

/** Networks of nothing but ReLUs, poolings and affine layers: what is summed in full gradients is their logit. */
const COMPLETE = ['VGG16', 'ResNet50V2', 'DenseNet121', 'Xception', 'InceptionV3', 'NASNetMobile'];

/** The networks that scripts/test-reference.mjs has made, as 'keras2 VGG16'; undefined: all. */
const MADE = process.env.KE_NETWORKS?.split(',');

/** Declares the tests of the networks in build/reference/`keras`, and prints what was measured. */
export function describeNetworks(keras: KerasVersion, networks: readonly string[]): void {
  const table = new ErrorTable(keras);
  afterAll(() => table.print());

  const made = networks.filter((name) => MADE?.includes(`${keras} ${name}`) ?? true);
  describe.each(made)(`${keras} %s`, (name) => {
    let network: Network;

    beforeAll(async () => {
      network = await openNetwork(keras, name);
      table.set(name, 'load ms', network.loadMilliseconds);
    });
    afterAll(() => {
      table.set(name, 'resident MB', process.memoryUsage.rss() / 1e6);
      network?.model.close();
    });

    /** Checks a method's raw maps for these units, each set in a run of its own. */
    async function check(
      method: keyof typeof METHODS,
      view: ke.Model,
      sets: readonly Units[],
    ): Promise<void> {
      const { x, expected, about } = network;
      const options = { ...RAW, spatialAxis: about.spatialAxis };
      for (const set of sets) {
        const units = UNITS[set]?.map((row) => [...row]);
        const { logits, maps } = await ke.explain(METHODS[method], view, x, units, options);
        const of = (array: string) =>
          units === undefined ? expected(array) : takeUnits(expected(array), units);
        expect(logitsError(logits, of('logits'), expected('logits'))).toBeLessThan(TOLERANCE);
        expect(table.note(name, method, mapError(maps, of(method)))).toBeLessThan(TOLERANCE);
        const theirs = keras === 'keras2' ? libraryMaps(name, method, units) : undefined;
        if (theirs === undefined) continue;
        const ours = rows(maps as Values, 0, theirs.shape[0] as number);
        expect(table.note(name, 'the library', mapError(ours, theirs))).toBeLessThan(TOLERANCE);
      }
    }

    test('predict gives its logits', async () => {
      const outputs = (await network.model.predict(network.x)) as ke.Tensor;
      expect(logitsError(outputs, network.expected('logits'))).toBeLessThan(TOLERANCE);
    });

    test('gradients', async () => {
      const start = performance.now();
      await check('gradients', network.model, ['one']);
      table.set(name, 'first ms', performance.now() - start);
      await check('gradients', network.model, ['all']);
    });

    test('full gradients', async () => {
      await check('full_gradients', network.model, ['one', 'all']);
    });

    test('gradcam', async () => {
      await check('gradcam', exposed(network), ['two', 'all']);
    });

    test('gradcam at a layer far from the output', async () => {
      await check('gradcam_deep', exposed(network, network.about.deep), ['two']);
    });

    test('gradcampp', async () => {
      await check('gradcampp', exposed(network), ['two']);
    });

    test('cam, or a word on why there is none', async () => {
      if (network.about.hasCam) {
        await check('cam', exposed(network), ['two']);
      } else {
        await expect(check('cam', exposed(network), ['all'])).rejects.toThrow(
          /CAM needs a row of .* channels of the activations.* Grad-CAM/,
        );
      }
    });

    if (COMPLETE.includes(name)) {
      test('full gradients are complete: all their terms sum to the logit', async () => {
        const { model, x } = network;
        const units = UNITS.one.map((row) => [...row]);
        const { logits, maps } = await ke.explain(sumOfTerms, model, x, units, RAW);
        const apart = Math.max(
          ...[...logits.data].map((logit, i) => Math.abs(Number(logit) - Number(maps.data[i]))),
        );
        expect(table.note(name, 'complete', apart)).toBeLessThan(1e-3);
      });
    }

    describeFormats(keras, name, () => network, table);
    if (keras === 'keras2') describeLibrary(name, () => network, table);
  });
}
