/** The same network as files of Keras: results, names and costs beside the SavedModel. */
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as ke from '../../lib/index.js';
import { logitsError, mapError, TOLERANCE } from './agreement.js';
import type { ErrorTable } from './error_table.js';
import { exposed, type KerasVersion, type Network } from './network.js';

/** The files of a network in its folder. */
const FILES = ['model.keras', 'model.h5'] as const;

/** The class that scripts/reference/architectures.py defines. HDF5 files name its weight, `.keras` files number it. */
const customObjects: ke.CustomObjects = {
  PositionEmbedding: (_, weights) => (tokens) => {
    const [position] = Object.values(weights);
    return ke.graph.ops.add(tokens as ke.graph.Symbolic, position as ke.graph.Symbolic);
  },
};

/** Logits of another graph of the same layers differ by rounding only. */
const LOGITS = 1e-5;

const RAW = { resizing: false, verbose: 0 } as const;

/** The layers of a model and of its nested models, without those within layers. */
function layersOf(model: ke.Model) {
  const isModel = (type: string) => /^(Functional|Sequential|Model)$/.test(type);
  const types = new Map(model.layers.map((layer) => [layer.path.join('/'), layer.type]));
  return model.layers
    .filter(({ path: names }) => names.length === 1 || isModel(types.get(names.slice(0, -1).join('/')) ?? ''))
    .map(({ path: names, type }) => [names.join('/'), type]);
}

/** With `--each-once`, each network is tested in the format that its Keras writes by default. */
const filesOf = (keras: KerasVersion) =>
  process.env.KE_NETWORKS === undefined ? FILES : FILES.slice(...(keras === 'keras3' ? [0, 1] : [1]));

export function describeFormats(
  keras: KerasVersion,
  name: string,
  network: () => Network,
  table: ErrorTable,
): void {
  describe.each(filesOf(keras))('%s', (file) => {
    let model: ke.Model;
    beforeAll(async () => {
      const start = performance.now();
      model = await ke.loadModel(path.join(network().directory, file), { customObjects });
      table.set(name, `${file} load ms`, performance.now() - start);
    });
    afterAll(() => model?.close());

    test('has the layers of model.summary()', () => {
      expect(layersOf(model)).toEqual(network().about.layers);
    });

    test('predict gives the logits', async () => {
      const outputs = (await model.predict(network().x)) as ke.Tensor;
      expect(
        table.note(name, `${file} logits`, logitsError(outputs, network().expected('logits'))),
      ).toBeLessThan(LOGITS);
    });

    test('gradients and Grad-CAM', async () => {
      const { x, expected, about } = network();
      const options = { ...RAW, spatialAxis: about.spatialAxis };
      const gradients = await ke.explain(ke.methods.gradient.gradients, model, x, undefined, options);
      const gradcam = await ke.explain(ke.methods.cams.gradcam, exposed({ model }), x, undefined, options);
      for (const [method, { maps }] of Object.entries({ gradients, gradcam })) {
        expect(
          table.note(name, `${file} ${method}`, mapError(maps as ke.Tensor, expected(method))),
        ).toBeLessThan(TOLERANCE);
      }
    });
  });
}
