/** clang-format and clang-tidy at pinned versions, from Python wheels in a virtual environment under build/. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { makeVenv, venvProgram } from './pip.mjs';
import { capture, Failure, ROOT, step, unlessUnchanged } from './process.mjs';

export const TOOLS = 'scripts/setup/requirements-clang-tools.txt';
const VENV = 'build/clang-tools';

/** Installs the tools if they are absent. Returns a function that returns the path of a tool. */
export async function nativeTools() {
  const outputs = ['clang-format', 'clang-tidy'].map((name) => venvProgram(VENV, name));
  await unlessUnchanged('clang-tools', { inputs: [TOOLS], outputs }, async () => {
    const python = ['python3', 'python'].find((name) => capture(name, ['--version']) !== undefined);
    if (python === undefined)
      throw new Failure('Python 3 is needed for clang-format: apt-get install python3-venv');
    step('Installing clang-format and clang-tidy');
    await makeVenv(python, VENV, TOOLS);
  });
  return (name) => path.join(ROOT, venvProgram(VENV, name));
}

/** Returns the C++ files of the project, relative to the project's root. */
export function nativeFiles(extensions = ['.cc', '.h']) {
  return ['native', 'test/native', 'test/fuzz', 'bench/native'].flatMap((folder) =>
    readdirSync(path.join(ROOT, folder), { recursive: true })
      .filter((name) => extensions.includes(path.extname(name)))
      .map((name) => path.join(folder, name))
      .sort(),
  );
}
