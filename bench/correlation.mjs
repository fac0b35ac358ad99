/** How well maps that are computed in bfloat16 keep the order of float32's. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import * as ke from 'keras-explainable';
import { spearman } from '../dist/metrics/spearman.js';
import { ROOT } from '../scripts/setup/process.mjs';
import { openDemo } from './models.mjs';
import { METHODS } from './peers/methods.mjs';

/**
 * Spearman's, the median over the demo's pictures and its trained model, each explained by the unit it is a picture of.
 */
export async function correlation(method) {
  const { x, y } = await pictures();
  const maps = [];
  for (const precision of ['float32', 'bfloat16']) {
    const model = await openDemo({ precision });
    const { call, view } = METHODS[method];
    // What the model gives, not what is made of it: a map's zeros all share a rank.
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
  // A file's name ends in what it shows.
  const y = files.map((file) => [Number(/(\d)\.\w+$/.exec(file)[1])]);
  return { x: await ke.image.batchImages(await Promise.all(inputs)), y };
}
