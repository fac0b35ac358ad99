/**
 * Makes a clone ready to run: checks the machine, installs the npm packages and libtensorflow, builds the addon and
 * the TypeScript. Each step is skipped where it has nothing to do; all of them together then take about a second.
 * On a fresh clone there is no node_modules yet, so this file and what it imports use Node alone.
 *
 * Usage: node scripts/setup.mjs [--tests]
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildAddon } from './build-native.mjs';
import { checkPrerequisites } from './setup/prerequisites.mjs';
import { isMain, main, packageBin, ROOT, run, step, unlessUnchanged } from './setup/process.mjs';

/** Runs all steps (without `addon` all but building it) and returns the directory of the libtensorflow that is used. */
export async function setup({ tests = false, addon = true } = {}) {
  checkPrerequisites({ tests });
  await installPackages();
  await buildTypeScript();
  const directory = await installLibrary();
  if (addon) await buildAddon();
  return directory;
}

/** Whether node_modules holds what the lock file asks for. npm writes its own record last, so a broken one tells. */
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
 * The directory of libtensorflow: the one that KERAS_EXPLAINABLE_TENSORFLOW_DIR names or the pinned release in the
 * package's cache, installed where it is not there. A Python's own is passed over: tests are run with one release.
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
