/** Python packages for peers of the bench. They are outside of the reference environment, which stays unchanged. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { installLocked } from '../setup/pip.mjs';
import { ROOT, step, unlessUnchanged } from '../setup/process.mjs';

/** Returns a folder for PYTHONPATH with exactly the packages of scripts/bench/requirements-`name`.txt. */
export async function targetPackages(python, name) {
  const list = path.join('scripts', 'bench', `requirements-${name}.txt`);
  const directory = path.join('build', 'bench', `packages-${name}`);
  await unlessUnchanged(`bench-packages-${name}`, { inputs: [list], outputs: [directory] }, async () => {
    step(`Installing ${path.basename(list)} into ${directory}`);
    rmSync(path.join(ROOT, directory), { recursive: true, force: true });
    await installLocked(python, list, ['--target', directory]);
  });
  return path.join(ROOT, directory);
}
