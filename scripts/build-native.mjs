/**
 * Builds the addon into build/cmake/Release with cmake-js, a dependency of the package. A clone uses this script, and
 * an installation uses it through install.mjs. cmake-js is therefore found by Node's resolution, not in this folder's
 * node_modules.
 *
 * Usage: node scripts/build-native.mjs
 */
import { createRequire } from 'node:module';
import os from 'node:os';
import { isMain, main, ROOT, run, step, unlessUnchanged } from './setup/process.mjs';

/** The sources of the addon. The package must contain these files. */
const SOURCES = ['native', 'CMakeLists.txt'];

const require = createRequire(import.meta.url);

/** Builds the addon into a folder with `definitions` for CMake, such as -DKE_SANITIZE=address. */
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

/**
 * Builds the addon unless the addon is up to date. Needs CMake, make or ninja, and a C++20 compiler, but no network.
 */
export async function buildAddon() {
  const { version } = require('cmake-js/package.json');
  const outputs = ['build/cmake/Release/keras_explainable.node'];
  return unlessUnchanged('addon', { inputs: SOURCES, outputs, key: version }, () =>
    compileAddon('build/cmake'),
  );
}

if (isMain(import.meta.url)) main(async () => void (await buildAddon()));
