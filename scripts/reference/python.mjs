/** The virtual environments of the reference suite. Each has Python 3.11 with a pinned TensorFlow and Keras. */
import path from 'node:path';
import { makeVenv, venvProgram } from '../setup/pip.mjs';
import { capture, Failure, ROOT, step, unlessUnchanged } from '../setup/process.mjs';

/** Prints whether a Python is 3.11, the last version that TensorFlow 2.12 supports, and has venv and pip. */
const PROBE = 'import sys, venv, ensurepip; print(sys.version_info[:2] == (3, 11))';

/** Returns the command of a Python 3.11. Throws a Failure that describes how to install one. */
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
 * Returns the interpreter of the environment `name` under build/, with exactly the packages of
 * scripts/reference/`requirements`. Creates the environment if it is absent, incomplete or of other requirements.
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
