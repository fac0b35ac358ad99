/** The rank correlation of maps computed in bfloat16 with maps computed in float32. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import * as ke from 'keras-explainable';
import { spearman } from '../dist/metrics/spearman.js';
import { ROOT } from '../scripts/setup/process.mjs';
import { openDemo } from './models.mjs';
import { METHODS } from './peers/methods.mjs';

/**
 * Returns the median of Spearman's rank correlation over the demo's pictures. The model is the demo's trained model,
 * and each picture is explained for the unit of its own class.
 */
export async function correlation(method) {
  const { x, y } = await pictures();
  const maps = [];
  for (const precision of ['float32', 'bfloat16']) {
    const model = await openDemo({ precision });
    const { call, view } = METHODS[method];
    // The raw values are compared. Postprocessing produces zeros, and all zeros would share a rank.
    const options = { verbose: 0, postprocessing: null, resizing: false };
    maps.push((await call(view(model), x, y, options)).maps);
    model.close();
  }
  const [one, other] = maps;
  const found = y.map((_, i) => spearman(one.rows(i, i + 1).data, other.rows(i, i + 1).data));
  found.sort((a, b) => a - b);
  return found[found.length >> 1];
}

async function pictures() {
  const directory = path.join(ROOT, 'demo', 'images');
  const files = readdirSync(directory).sort();
  const inputs = files.map(async (file) => {
    const picture = await ke.image.readImage(path.join(directory, file));
    return ke.image.prepareImage(picture, { size: [96, 96] });
  });
  // The name of a file ends in the digit that the picture shows.
  const y = files.map((file) => [Number(/(\d)\.\w+$/.exec(file)[1])]);
  return { x: await ke.image.batchImages(await Promise.all(inputs)), y };
}
