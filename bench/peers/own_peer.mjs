/** This package as a peer (bench/peers/peer.mjs). */
import * as ke from 'keras-explainable';
import { noise, units } from '../models.mjs';
import { answer, CHECKED } from './answer.mjs';
import { METHODS } from './methods.mjs';

/** The models by path and precision. All jobs with the same path and precision share a model. */
const models = new Map();

function openModel(path, precision) {
  const key = `${path} ${precision}`;
  if (!models.has(key)) models.set(key, ke.loadModel(path, { precision }));
  return models.get(key);
}

const predicting = (model, batchSize) => async (x) => [await model.predict(x, { batchSize })];

function explaining(model, method, batchSize, force) {
  const { call, view } = METHODS[method];
  const explained = view(model);
  return async (x, y) => {
    const { logits, maps } = await call(explained, x, y, { batchSize, verbose: 0, force });
    return [maps, logits];
  };
}

await answer(async (job) => {
  const { model: path, method, samples, batchSize, units: count = 1, precision, force } = job;
  const model = await openModel(path, precision);
  const x = noise(model, samples);
  const y = units(model, samples, count);
  const compute =
    method === 'predict' ? predicting(model, batchSize) : explaining(model, method, batchSize, force);
  return async (rows) => {
    const whole = rows === samples;
    const [wanted, ...others] = await compute(whole ? x : x.rows(0, rows), y.slice(0, rows));
    const { shape } = wanted;
    // Only the values of the first `CHECKED` samples are compared. Copying all values would add to the measured time.
    const data = whole && samples > CHECKED ? new Float32Array(0) : wanted.data.slice();
    for (const tensor of [wanted, ...others]) tensor.release();
    return { shape, data };
  };
});
