/** Python packages for the project's tools and peers: exactly the files whose SHA-256 a requirements file lists. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { ROOT, run } from './process.mjs';

/** Installs the packages of `list`, a requirements file with hashes, with pip of `python`. Installs only wheels. */
export async function installLocked(python, list, more = []) {
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
  const exact = ['--only-binary=:all:', '--no-deps', '--require-hashes', '--requirement', list];
  await run(python, [...pip, ...exact, ...more]);
}

/** Returns the path of a program in the virtual environment `directory`, both relative to the project's root. */
export function venvProgram(directory, name) {
  return path.join(directory, 'bin', name);
}

/** Recreates the virtual environment `directory` with the Python `base` and only the packages of `list`. */
export async function makeVenv(base, directory, list) {
  rmSync(path.join(ROOT, directory), { recursive: true, force: true });
  await run(base, ['-m', 'venv', directory]);
  await installLocked(path.join(ROOT, venvProgram(directory, 'python')), list);
}
