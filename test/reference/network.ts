/** A network that scripts/reference/make_models.py made, with what it should give. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as ke from '../../lib/index.js';
import { type Reader, readTensors } from './tensors.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export type KerasVersion = 'keras2' | 'keras3';

interface About {
  readonly deep: string;
  readonly spatialAxis: readonly number[];
  /** Whether the logits' kernel weighs the activations: in a network with two dense layers it does not. */
  readonly hasCam: boolean;
  /** The path and the class of each layer, as `model.summary()` lists them. */
  readonly layers: readonly (readonly [string, string])[];
}

export interface Network {
  readonly name: string;
  /** The folder with the model in each format. */
  readonly directory: string;
  readonly about: About;
  readonly model: ke.Model;
  /** The inputs, for every sample. */
  readonly x: ke.Tensor;
  /** What tf.GradientTape gives: logits and raw maps for every unit. */
  readonly expected: Reader;
  readonly loadMilliseconds: number;
}

/** The Python library's own maps, committed (scripts/reference/make_fixtures.py): `<network>/<method>`. */
export const committed = readTensors(path.join(ROOT, 'test', 'fixtures', 'reference', 'networks'));

export async function openNetwork(keras: KerasVersion, name: string): Promise<Network> {
  const directory = path.join(ROOT, 'build', 'reference', keras, name);
  if (!existsSync(path.join(directory, 'about.json'))) {
    throw new Error(`There is no ${name} of ${keras} in build/reference: run \`npm run test:reference\`.`);
  }
  const about = JSON.parse(readFileSync(path.join(directory, 'about.json'), 'utf8')) as About;
  const expected = readTensors(path.join(directory, 'expected'));
  const inputs = expected('inputs');
  await ke.ready();
  const start = performance.now();
  const model = await ke.loadModel(path.join(directory, 'model'));
  const loadMilliseconds = performance.now() - start;
  return {
    name,
    directory,
    about,
    model,
    x: ke.tensor(inputs.data, inputs.shape),
    expected,
    loadMilliseconds,
  };
}

/** A CAM method's view of the network, at what `expose` takes by itself or at another layer's output. */
export function exposed({ model }: Pick<Network, 'model'>, layer?: string): ke.Model {
  return ke.inspection.expose(model, layer);
}
