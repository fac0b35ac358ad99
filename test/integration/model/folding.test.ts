/** Batch normalisations folded into convolutions: the same numbers, and every tensor still there to be asked for. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as ke from '../../../lib/index.js';
import { difference } from '../helpers/difference.js';
import { METHODS, tinyModel, tinySamples, UNITS } from '../helpers/tiny_reference.js';

const VOLUMES = fileURLToPath(new URL('../../fixtures/tiny/volumes', import.meta.url));

// Where numerics are checked, ops run as they were saved.
describe.each(['keras2', 'keras3'])('the tiny network of %s', (keras) => {
  let folded: ke.Model;
  let saved: ke.Model;
  const x = tinySamples();
  beforeAll(async () => {
    folded = await ke.loadModel(tinyModel(keras));
    saved = await ke.loadModel(tinyModel(keras), { runEagerly: true });
  });
  afterAll(() => {
    folded?.close();
    saved?.close();
  });

  it.each(Object.keys(METHODS))('gives the same maps by %s', async (name) => {
    const [one, other] = await Promise.all(
      [folded, saved].map((model) =>
        ke.explain(METHODS[name] as ke.Method, ke.inspection.expose(model), x, UNITS, {
          verbose: 0,
          postprocessing: null,
          resizing: false,
        }),
      ),
    );
    expect(difference(one?.maps as ke.Tensor, other?.maps as ke.Tensor)).toBeLessThan(1e-5);
    expect(difference(one?.logits as ke.Tensor, other?.logits as ke.Tensor)).toBeLessThan(1e-5);
  });

  it('gives the output of every layer, alone and beside all others', async () => {
    const layers = folded.layers.filter((layer) => layer.calls.length > 0);
    expect(layers.some(({ type }) => type === 'BatchNormalization')).toBe(true);
    const view = (model: ke.Model, names: readonly string[]) =>
      ke.inspection.expose(
        model,
        names.map((name) => [name]),
      );
    const names = layers.map(({ name }) => name);
    const all = (await view(folded, names).predict(x)) as unknown as readonly ke.Tensor[];
    const expected = (await view(saved, names).predict(x)) as unknown as readonly ke.Tensor[];
    for (const [i, name] of names.entries()) {
      const [, alone] = (await view(folded, [name]).predict(x)) as unknown as readonly [ke.Tensor, ke.Tensor];
      expect(difference(alone, expected[i + 1] as ke.Tensor), name).toBeLessThan(1e-5);
      expect(difference(all[i + 1] as ke.Tensor, expected[i + 1] as ke.Tensor), name).toBeLessThan(1e-5);
    }
  });
});

it('volumes give the same gradients', async () => {
  const maps: ke.Tensor[] = [];
  for (const runEagerly of [false, true]) {
    const model = await ke.loadModel(VOLUMES, { runEagerly });
    const volume = (model.inputs[0]?.shape ?? []).slice(1) as number[];
    const x = ke.allocate([2, ...volume]);
    (x.data as Float32Array).forEach((_, i, data) => {
      data[i] = Math.sin(i);
    });
    const options = { spatialAxis: [-4, -3, -2], verbose: 0, postprocessing: null } as const;
    maps.push((await ke.gradients(model, x, [[0], [1]], options)).maps as ke.Tensor);
    model.close();
  }
  expect(difference(maps[0] as ke.Tensor, maps[1] as ke.Tensor)).toBeLessThan(1e-5);
});
