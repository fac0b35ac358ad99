/** TensorFlow 2.12 in Python, in a separate process. */
import path from 'node:path';
import { virtualEnvironment } from '../../scripts/reference/python.mjs';
import { ROOT } from '../../scripts/setup/process.mjs';
import { Peer } from './peer.mjs';

export async function startTensorflow() {
  const python = await virtualEnvironment('reference-venv-k2', 'requirements-keras2.txt');
  return new Peer(python, [path.join(ROOT, 'bench', 'peers', 'tensorflow_peer.py')], {
    ...process.env,
    TF_CPP_MIN_LOG_LEVEL: '3',
  });
}
