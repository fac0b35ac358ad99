/**
 * `npm run test:reference`: builds Keras networks with random weights in Keras 2.12 and in current Keras, computes
 * their logits and maps in Python, and checks that ours agree (test/reference/). Whatever it makes lies in build/
 * and is kept for the next run. Arguments go to vitest: `npm run test:reference -- -t Xception`.
 */
import path from 'node:path';
import { virtualEnvironment } from './reference/python.mjs';
import { main, packageBin, ROOT, run, runStatus, step } from './setup/process.mjs';
import { setup } from './setup.mjs';

async function makeModels(version) {
  const python = await virtualEnvironment(`reference-venv-k${version}`, `requirements-keras${version}.txt`);
  const script = path.join(ROOT, 'scripts', 'reference', 'make_models.py');
  step(`Making the networks of keras${version} that are not there yet`);
  await run(python, [script, path.join(ROOT, 'build', 'reference', `keras${version}`)], {
    env: { ...process.env, PYTHONPATH: '', TF_CPP_MIN_LOG_LEVEL: '3' },
  });
}

main(async () => {
  await setup();
  // Keras builds and saves on one core: the two versions share a machine of two without waiting.
  await Promise.all([makeModels(2), makeModels(3)]);
  step('Comparing our maps with theirs');
  const [node, vitest] = packageBin('vitest');
  const config = path.join('test', 'reference', 'vitest.config.ts');
  return runStatus(node, [vitest, 'run', '--config', config, ...process.argv.slice(2)]);
});
