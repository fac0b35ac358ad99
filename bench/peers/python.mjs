/** The Python library keras-explainable on TensorFlow 2.12, in a separate process. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { targetPackages } from '../../scripts/bench/packages.mjs';
import { virtualEnvironment } from '../../scripts/reference/python.mjs';
import { Failure, ROOT } from '../../scripts/setup/process.mjs';
import { Peer } from './peer.mjs';

/** The environment variable with the library's sources, because the library is on no registry. */
const SOURCES = 'KERAS_EXPLAINABLE_PYTHON_SOURCES';

/** Starts the peer. Throws a Failure that names the missing requirement. */
export async function startPython() {
  const sources = process.env[SOURCES];
  if (sources === undefined || !existsSync(path.join(sources, 'keras_explainable'))) {
    throw new Failure(`${SOURCES} names no folder with the Python library (the "src" of a checkout of it)`);
  }
  const python = await virtualEnvironment('reference-venv-k2', 'requirements-keras2.txt');
  const packages = await targetPackages(python, 'python-library');
  return new Peer(python, [path.join(ROOT, 'bench', 'peers', 'python_peer.py')], {
    ...process.env,
    PYTHONPATH: [sources, packages].join(path.delimiter),
    TF_CPP_MIN_LOG_LEVEL: '3',
  });
}
