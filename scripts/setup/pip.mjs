/** Python packages for the project's own tools and peers: exactly the files whose SHA-256 a list names. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { ROOT, run } from './process.mjs';

/** Installs what `list` (a requirements file with hashes) names, wheels only, with that Python's pip. */
export async function installLocked(python, list, more = []) {
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
  const exact = ['--only-binary=:all:', '--no-deps', '--require-hashes', '--requirement', list];
  await run(python, [...pip, ...exact, ...more]);
}

/** The path of a program in the virtual environment `directory`, both relative to the project's root. */
export function venvProgram(directory, name) {
  return path.join(directory, 'bin', name);
}

/** Makes the virtual environment `directory` anew with the Python `base`: what `list` names and nothing else. */
export async function makeVenv(base, directory, list) {
  rmSync(path.join(ROOT, directory), { recursive: true, force: true });
  await run(base, ['-m', 'venv', directory]);
  await installLocked(path.join(ROOT, venvProgram(directory, 'python')), list);
}
