/** How well maps that are computed in bfloat16 keep the order of float32's. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import * as ke from 'keras-explainable';
import { ROOT } from '../scripts/setup/process.mjs';
import { openDemo } from './models.mjs';
import { METHODS } from './peers/methods.mjs';

/** Spearman's, the median over the demo's pictures and its trained model, each explained by the unit it is a picture of. */
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

function spearman(a, b) {
  const [x, y] = [ranks(a), ranks(b)];
  const mean = (x.length - 1) / 2;
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    xy += (x[i] - mean) * (y[i] - mean);
    xx += (x[i] - mean) ** 2;
    yy += (y[i] - mean) ** 2;
  }
  return xy / Math.sqrt(xx * yy);
}

/** From 0; equal values share the mean of theirs. */
function ranks(values) {
  const order = Array.from(values.keys()).sort((a, b) => values[a] - values[b]);
  const found = new Float64Array(values.length);
  for (let i = 0; i < order.length; ) {
    let end = i + 1;
    while (end < order.length && values[order[end]] === values[order[i]]) end++;
    for (let j = i; j < end; j++) found[order[j]] = (i + end - 1) / 2;
    i = end;
  }
  return found;
}
