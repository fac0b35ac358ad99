/** Python packages beside those of a reference environment, which so stays what the reference suite wants. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { installLocked } from '../setup/pip.mjs';
import { ROOT, step, unlessUnchanged } from '../setup/process.mjs';

/** A folder for PYTHONPATH with exactly what scripts/bench/requirements-`name`.txt lists. */
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
