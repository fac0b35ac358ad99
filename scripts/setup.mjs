/**
 * Sets a clone up: checks the machine, installs the npm packages and libtensorflow, and builds the addon and the
 * TypeScript. A step is skipped if its result is up to date; if all steps are skipped, the set-up takes about a second.
 * A fresh clone has no node_modules, so this file and its static imports use only Node.
 *
 * Usage: node scripts/setup.mjs [--tests]
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildAddon } from './build-native.mjs';
import { checkPrerequisites } from './setup/prerequisites.mjs';
import { isMain, main, packageBin, ROOT, run, step, unlessUnchanged } from './setup/process.mjs';

/** Runs all steps and returns the directory of libtensorflow. With `addon: false`, the addon is not built. */
export async function setup({ tests = false, addon = true } = {}) {
  checkPrerequisites({ tests });
  await installPackages();
  await buildTypeScript();
  const directory = await installLibrary();
  if (addon) await buildAddon();
  return directory;
}

/**
 * Returns whether node_modules matches the lock file. npm writes its record last, so a missing record means a failure.
 */
function packagesInstalled() {
  const record = path.join(ROOT, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const wanted = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages;
  return Object.entries(wanted).every(
    ([name, { version, optional }]) => name === '' || optional || installed[name]?.version === version,
  );
}

async function installPackages() {
  if (packagesInstalled()) return;
  step('Installing npm packages');
  await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
}

/** Compiles lib/ into dist/. */
export async function buildTypeScript() {
  const inputs = ['lib', 'tsconfig.json', 'package-lock.json'];
  await unlessUnchanged('typescript', { inputs, outputs: ['dist/index.js'] }, async () => {
    step('Compiling TypeScript');
    const [node, tsc] = packageBin('typescript', 'tsc');
    await run(node, [tsc, '-p', 'tsconfig.json']);
  });
}

/**
 * Returns the directory of libtensorflow: KERAS_EXPLAINABLE_TENSORFLOW_DIR, or the pinned release in the package's
 * cache. Installs the pinned release if the cache does not have it. A Python's TensorFlow is not used, so that tests
 * run with one release.
 */
async function installLibrary() {
  const load = (file) => import(pathToFileURL(path.join(ROOT, 'dist', 'tensorflow', file)).href);
  const { resolveTensorflow } = await load('resolve.js');
  if (process.env.KERAS_EXPLAINABLE_TENSORFLOW_DIR) return path.dirname((await resolveTensorflow()).library);
  const { installTensorflow } = await load('install.js');
  let shown = '';
  const { library } = await installTensorflow({
    onProgress({ phase, item, bytes, total }) {
      if (phase !== shown) step(`Installing libtensorflow: ${phase} ${item}`);
      else if (process.stdout.isTTY && total > 0) {
        process.stdout.write(`\r  ${(bytes / 1e6).toFixed(0)} of ${(total / 1e6).toFixed(0)} MB `);
        if (bytes >= total) process.stdout.write('\n');
      }
      shown = phase;
    },
  });
  return path.dirname(library);
}

if (isMain(import.meta.url))
  main(async () => void (await setup({ tests: process.argv.includes('--tests') })));
