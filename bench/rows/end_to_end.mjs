/** Measures the time from files to files, compared with computing the maps alone. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as ke from 'keras-explainable';
import { network } from '../../scripts/bench/models.mjs';
import { ROOT, unlessUnchanged } from '../../scripts/setup/process.mjs';
import { noise, units } from '../models.mjs';

const PICTURES = 64;
const BATCH = 8;
const UNIT = 7;
/** The height and width of most photographs of ImageNet. */
const SIZE = [375, 500];
const DIRECTORY = path.join('build', 'bench', 'pictures');
const { gradcam } = ke.methods.cams;

/** Draws coloured waves of several wavelengths, which are similar to a photograph for a decoder. */
async function drawPicture(file, seed) {
  const [height, width] = SIZE;
  const picture = ke.allocate([1, height, width, 3], 'uint8');
  for (let i = 0, y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < 3; channel++, i++) {
        const wave = Math.sin((x * (channel + 2) + y * seed) / 40) + Math.sin((x * y) / 900 + channel);
        picture.data[i] = 128 + 50 * wave + 20 * Math.sin(i * seed);
      }
    }
  }
  writeFileSync(file, await ke.image.encodeJpeg(picture));
  picture.release();
}

async function drawPictures() {
  const files = Array.from({ length: PICTURES }, (_, i) => path.join(DIRECTORY, `${i}.jpg`));
  const inputs = [path.join('bench', 'rows', 'end_to_end.mjs')];
  await unlessUnchanged('bench-pictures', { inputs, outputs: files }, async () => {
    mkdirSync(path.join(ROOT, DIRECTORY), { recursive: true });
    for (const [i, file] of files.entries()) await drawPicture(path.join(ROOT, file), i + 1);
  });
  return files.map((file) => path.join(ROOT, file));
}

/** Yields batches and reads ahead of the run. `shown` receives the pictures of each batch, which are drawn on later. */
async function* batches(files, shown) {
  for (let from = 0; from < files.length; from += BATCH) {
    const pictures = await Promise.all(
      files.slice(from, from + BATCH).map((file) => ke.image.readImage(file)),
    );
    const prepared = pictures.map((each) =>
      ke.image.prepareImage(each, { size: [224, 224], preprocess: 'tf' }),
    );
    const inputs = await Promise.all(prepared);
    const x = await ke.image.batchImages(inputs);
    for (const input of inputs) input.release();
    shown.push(pictures);
    yield { x, y: pictures.map(() => [UNIT]) };
  }
}

async function draw(pictures, { maps, logits }, from) {
  const drawn = pictures.map(async (picture, i) => {
    const overlaid = await ke.image.overlay(picture, maps.rows(i, i + 1));
    const file = path.join(ROOT, DIRECTORY, `${from + i}.overlay.jpg`);
    await writeFile(file, await ke.image.encodeJpeg(overlaid));
    overlaid.release();
    picture.release();
  });
  await Promise.all(drawn);
  maps.release();
  logits.release();
}

async function fromFilesToFiles(exposed, files, options) {
  const shown = [];
  let last = Promise.resolve();
  for await (const step of ke.explainBatches(gradcam, exposed, batches(files, shown), null, options)) {
    // A batch is drawn while the next batches are read and computed.
    await last;
    last = draw(shown[step.step], step, step.step * BATCH);
  }
  await last;
}

export const END_TO_END = {
  name: 'end-to-end',
  title: `${PICTURES} JPEGs of ${SIZE.join(' x ')} read, explained by Grad-CAM of ResNet50V2, overlaid and written, compared with the maps alone`,
  metrics: {
    'from files to files': { unit: 's', better: 'lower' },
    'maps alone': { unit: 's', better: 'lower' },
    ratio: {
      ratio: ['from files to files', 'maps alone'],
      unit: 'x',
      better: 'lower',
      target: { atMost: 1.15 },
    },
  },
  async open() {
    const model = await ke.loadModel(await network('ResNet50V2'));
    const exposed = ke.inspection.expose(model);
    const files = await drawPictures();
    const x = noise(model, PICTURES);
    const y = units(model, PICTURES);
    const options = {
      verbose: 0,
      force: false,
      resizing: false,
      postprocessing: ke.filters.positiveNormalize,
    };
    const seconds = async (work) => {
      const begun = performance.now();
      await work();
      return (performance.now() - begun) / 1000;
    };
    return {
      async measure() {
        const alone = await seconds(async () => {
          const { logits, maps } = await ke.explain(gradcam, exposed, x, y, { batchSize: BATCH, ...options });
          logits.release();
          maps.release();
        });
        const whole = await seconds(() => fromFilesToFiles(exposed, files, options));
        return { 'from files to files': whole, 'maps alone': alone };
      },
      async close() {
        model.close();
      },
    };
  },
};
