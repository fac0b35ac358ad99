/**
 * `npm run test:reference`: builds Keras networks with random weights in Keras 2.12 and in current Keras, computes
 * their logits and maps in Python, and compares this package's results (test/reference/). The networks and results are
 * kept in build/ for the next run. Arguments are passed to vitest: `npm run test:reference -- -t Xception`.
 *
 * With `--each-once` as the first argument, each network that both versions of Keras can build is built in only one
 * version. This takes half the time.
 */
import path from 'node:path';
import { virtualEnvironment } from './reference/python.mjs';
import { main, ROOT, run, step } from './setup/process.mjs';
import { vitest } from './setup/vitest.mjs';
import { setup } from './setup.mjs';

/** The networks of `--each-once`, by the version of Keras. */
const EACH_ONCE = {
  2: ['VGG16', 'ResNet50V2', 'DenseNet121', 'InceptionV3'],
  3: [
    ...['MobileNetV2', 'Xception', 'EfficientNetB0', 'NASNetMobile'],
    ...['EfficientNetV2B0', 'ConvNeXtTiny', 'MobileNetV3Small', 'VisionTransformer', 'Volumes'],
  ],
};

async function makeModels(version, names) {
  const python = await virtualEnvironment(`reference-venv-k${version}`, `requirements-keras${version}.txt`);
  const script = path.join(ROOT, 'scripts', 'reference', 'make_models.py');
  step(`Making the missing networks of keras${version}`);
  await run(python, [script, path.join(ROOT, 'build', 'reference', `keras${version}`), ...names], {
    env: { ...process.env, PYTHONPATH: '', TF_CPP_MIN_LOG_LEVEL: '3' },
  });
}

main(async () => {
  const args = process.argv.slice(2);
  const eachOnce = args[0] === '--each-once';
  if (eachOnce) args.shift();
  await setup();
  // Keras builds and saves on one core, so both versions run at once on a machine of two cores.
  await Promise.all([2, 3].map((version) => makeModels(version, eachOnce ? EACH_ONCE[version] : [])));
  const networks = [2, 3].flatMap((version) => EACH_ONCE[version].map((name) => `keras${version} ${name}`));
  const env = { ...process.env, ...(eachOnce && { KE_NETWORKS: networks.join() }) };
  step('Comparing the maps with the references');
  const config = path.join('test', 'reference', 'vitest.config.ts');
  return vitest(['run', '--config', config, ...args], { env });
});
