/**
 * Builds the addon into build/cmake/Release with cmake-js, which is what the package ships with. Used in a clone and,
 * by install.mjs, where the package is installed: so it finds cmake-js as Node does, not in this folder's node_modules.
 *
 * Usage: node scripts/build-native.mjs
 */
import { createRequire } from 'node:module';
import os from 'node:os';
import { isMain, main, ROOT, run, step, unlessUnchanged } from './setup/process.mjs';

/** What the addon is built from; also what the package must contain. */
const SOURCES = ['native', 'CMakeLists.txt'];

const require = createRequire(import.meta.url);

/** Builds the addon into a folder, with `definitions` for CMake, as -DKE_SANITIZE=address. */
export async function compileAddon(build, definitions = []) {
  step('Building the native addon (cmake-js)');
  const jobs = String(os.availableParallelism());
  await run(process.execPath, [
    require.resolve('cmake-js/bin/cmake-js'),
    ...['compile', '--directory', ROOT, '--out', build, '--parallel', jobs],
    ...['--target', 'keras_explainable', `--CDKE_NODE=${process.execPath}`],
    ...definitions.map((definition) => definition.replace(/^-D/, '--CD')),
  ]);
}

/** Builds the addon unless it is up to date. Needs CMake, make (or ninja) and a C++20 compiler, and no network. */
export async function buildAddon() {
  const { version } = require('cmake-js/package.json');
  const outputs = ['build/cmake/Release/keras_explainable.node'];
  return unlessUnchanged('addon', { inputs: SOURCES, outputs, key: version }, () =>
    compileAddon('build/cmake'),
  );
}

if (isMain(import.meta.url)) main(async () => void (await buildAddon()));
