/** This package as a peer (bench/peers/peer.mjs). */
import * as ke from 'keras-explainable';
import { noise, units } from '../models.mjs';
import { answer } from './answer.mjs';

/** Methods that explain by activations too. */
const EXPOSED = ['gradcam', 'scorecam'];

/** One for all jobs that differ in other things. */
const models = new Map();

function openModel(path, precision) {
  const key = `${path} ${precision}`;
  if (!models.has(key)) models.set(key, ke.loadModel(path, { precision }));
  return models.get(key);
}

await answer(async ({ model: path, method, samples, batchSize, units: count = 1, precision = 'float32' }) => {
  const model = await openModel(path, precision);
  const view = EXPOSED.includes(method) ? ke.inspection.expose(model) : model;
  const x = noise(model, samples);
  const y = units(model, samples, count);
  const call = async (some, rows) => {
    if (method === 'predict') return [await view.predict(some, { batchSize })];
    const { logits, maps } = await ke[method](view, some, y.slice(0, rows), {
      batchSize,
      verbose: 0,
      force: false,
    });
    return [maps, logits];
  };
  return async (rows) => {
    const tensors = await call(rows === samples ? x : x.rows(0, rows), rows);
    const [{ shape, data }] = tensors;
    // What is measured is not copied: only some rows are ever compared.
    const values = rows === samples && samples > 2 ? new Float32Array(0) : data.slice();
    for (const tensor of tensors) tensor.release();
    return { shape, data: values };
  };
});
