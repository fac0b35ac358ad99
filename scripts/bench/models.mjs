/** The networks that `npm run bench` measures. They are made once, in build/bench/models. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { virtualEnvironment } from '../reference/python.mjs';
import { ROOT, run, step, unlessUnchanged } from '../setup/process.mjs';
import { targetPackages } from './packages.mjs';

const MODELS = path.join('build', 'bench', 'models');
const MAKER = path.join('scripts', 'bench', 'make_networks.py');
const REFERENCE = path.join('scripts', 'reference');

const pythonOf = (version) =>
  virtualEnvironment(`reference-venv-k${version}`, `requirements-keras${version}.txt`);

const bare = (PYTHONPATH = '') => ({ ...process.env, PYTHONPATH, TF_CPP_MIN_LOG_LEVEL: '3' });

/**
 * Returns the folder of networks saved by Keras 2.12 or exported by current Keras. Throws a Failure without a Python.
 */
async function networksOf(version) {
  const directory = path.join(MODELS, `keras${version}`);
  const inputs = [MAKER, path.join(REFERENCE, 'weights.py'), path.join(REFERENCE, 'make_models.py')];
  const outputs = [path.join(directory, 'about.json')];
  const python = await pythonOf(version);
  await unlessUnchanged(`bench-models-k${version}`, { inputs, outputs }, async () => {
    step(`Making the networks of Keras ${version}`);
    await run(python, [MAKER, directory], { env: bare(), quiet: true });
  });
  return directory;
}

const making = new Map();

/** Runs work once per process, so that a stamp is checked once and no two calls make the same file at once. */
function once(name, make) {
  if (!making.has(name)) making.set(name, make());
  return making.get(name);
}

const networks = (version) => once(`keras${version}`, () => networksOf(version));

/** Returns the SavedModel of a network. `keras` is 2 or 3. */
export async function network(name, keras = 2) {
  return path.join(ROOT, await networks(keras), name);
}

/** Returns the number of multiplications and additions of one forward pass of one sample. */
export async function operations(name) {
  const about = path.join(ROOT, await networks(2), 'about.json');
  return JSON.parse(readFileSync(about, 'utf8'))[name].operations;
}

/** Returns the same network as an ONNX file. */
export function onnx(name) {
  return once(`${name}.onnx`, async () => {
    const saved = path.join(await networks(2), name);
    const file = path.join(MODELS, `${name}.onnx`);
    const inputs = [path.join(saved, 'saved_model.pb'), path.join(saved, 'variables')];
    await unlessUnchanged(`bench-onnx-${name}`, { inputs, outputs: [file] }, async () => {
      const python = await pythonOf(2);
      const env = bare(await targetPackages(python, 'onnx'));
      step(`Converting ${name} to ONNX`);
      const convert = ['-m', 'tf2onnx.convert', '--saved-model', saved, '--output', file, '--opset', '17'];
      await run(python, convert, { env, quiet: true });
    });
    return path.join(ROOT, file);
  });
}
