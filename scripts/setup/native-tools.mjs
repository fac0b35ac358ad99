/** clang-format and clang-tidy at one version, from Python wheels, in a virtual environment under build/. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { installLocked } from './pip.mjs';
import { capture, Failure, ROOT, run, step, unlessUnchanged } from './process.mjs';

const TOOLS = 'scripts/setup/requirements-clang-tools.txt';
const VENV = 'build/clang-tools';

/** Installs the tools where they are not there and returns a function that gives a tool's path. */
export async function nativeTools() {
  const bin = process.platform === 'win32' ? 'Scripts' : 'bin';
  const tool = (name) => path.join(ROOT, VENV, bin, name);
  const outputs = ['clang-format', 'clang-tidy'].map((name) => path.join(VENV, bin, name));
  await unlessUnchanged('clang-tools', { inputs: [TOOLS], outputs }, async () => {
    const python = ['python3', 'python'].find((name) => capture(name, ['--version']) !== undefined);
    if (python === undefined)
      throw new Failure('Python 3 is needed for clang-format: apt-get install python3-venv');
    step('Installing clang-format and clang-tidy');
    if (existsSync(path.join(ROOT, VENV))) rmSync(path.join(ROOT, VENV), { recursive: true });
    await run(python, ['-m', 'venv', VENV]);
    await installLocked(tool('python'), TOOLS);
  });
  return tool;
}

/** The C++ files of the project, relative to its root. */
export function nativeFiles(extensions = ['.cc', '.h']) {
  return ['native', 'test/native', 'test/fuzz', 'bench/native'].flatMap((folder) =>
    readdirSync(path.join(ROOT, folder), { recursive: true })
      .filter((name) => extensions.includes(path.extname(name)))
      .map((name) => path.join(folder, name))
      .sort(),
  );
}
