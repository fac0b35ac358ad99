/** The models and inputs of rows. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as ke from 'keras-explainable';
import { ROOT } from '../scripts/setup/process.mjs';
import { noiseOf } from './noise.mjs';

/** Loads a model of two layers with inputs (2, 2, 2), to measure the cost of a call without its computation. */
export function openTiny(options = {}) {
  const file = path.join(ROOT, 'test', 'fixtures', 'tiny', 'frozen.pb');
  return ke.loadModel(file, { inputs: ['x'], outputs: ['logits', 'activations'], ...options });
}

/** Loads the demo's network: 96 x 96, 10 classes. */
export async function openDemo(options = {}) {
  return ke.loadModel(path.join(ROOT, 'demo', 'model'), options);
}

/** Loads ResNet50V2 if `npm run test:reference` has built the network. Returns null otherwise. */
export async function openResNet(options = {}) {
  const directory = path.join(ROOT, 'build', 'reference', 'keras3', 'ResNet50V2', 'model');
  return existsSync(directory) ? ke.loadModel(directory, options) : null;
}

/** Returns `n` samples of noise in the model's input shape. Unknown sizes become 224. */
export function noise(model, n) {
  const shape = [n, ...model.inputs[0].shape.slice(1).map((size) => size ?? 224)];
  const x = ke.allocate(shape);
  noiseOf(x.data);
  return x;
}

/** Returns `count` units to explain for each sample. The units of consecutive samples differ. */
export function units(model, samples, count = 1) {
  const classes = model.outputs[0].shape.at(-1);
  return Array.from({ length: samples }, (_, i) =>
    Array.from({ length: count }, (_, j) => (i * count + j) % classes),
  );
}

export const picture = () => readFileSync(path.join(ROOT, 'demo', 'images', '04-digit-3.png'));
