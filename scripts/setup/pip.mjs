/** Python packages for the project's own tools and peers: exactly the files whose SHA-256 a list names. */
import { run } from './process.mjs';

/** Installs what `list` (a requirements file with hashes) names, wheels only, with that Python's pip. */
export async function installLocked(python, list, more = []) {
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
  const exact = ['--only-binary=:all:', '--no-deps', '--require-hashes', '--requirement', list];
  await run(python, [...pip, ...exact, ...more]);
}
