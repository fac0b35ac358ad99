/** The virtual environments of the reference suite: Python 3.11 with a pinned TensorFlow and Keras each. */
import path from 'node:path';
import { makeVenv, venvProgram } from '../setup/pip.mjs';
import { capture, Failure, ROOT, step, unlessUnchanged } from '../setup/process.mjs';

/** A candidate must be 3.11, the last that TensorFlow 2.12 runs on, and able to make an environment with pip. */
const PROBE = 'import sys, venv, ensurepip; print(sys.version_info[:2] == (3, 11))';

/** The command of a Python 3.11. Throws a Failure that says how to get one. */
function findPython() {
  const candidates = [process.env.PYTHON, 'python3.11', '/usr/bin/python3.11', 'python3'].filter(Boolean);
  const found = candidates.find((candidate) => capture(candidate, ['-c', PROBE]) === 'True');
  if (found !== undefined) return found;
  throw new Failure(
    [
      'The reference suite needs Python 3.11 with the venv module: TensorFlow 2.12 runs on no later version.',
      `Tried: ${candidates.join(', ')}.`,
      'To get it: sudo apt-get install python3.11 python3.11-venv, or brew install python@3.11, or pyenv install 3.11;',
      'or name it: PYTHON=/path/to/python3.11 npm run test:reference.',
    ].join('\n'),
  );
}

/**
 * The interpreter of the environment `name` under build/, with exactly what scripts/reference/`requirements` lists:
 * made where it is absent, was left half made, or is of other requirements.
 */
export async function virtualEnvironment(name, requirements) {
  const directory = path.join('build', name);
  const python = venvProgram(directory, 'python');
  const list = path.join('scripts', 'reference', requirements);
  await unlessUnchanged(name, { inputs: [list], outputs: [python] }, async () => {
    const base = findPython();
    step(`Installing ${requirements} into ${directory}`);
    await makeVenv(base, directory, list);
  });
  return path.join(ROOT, python);
}
