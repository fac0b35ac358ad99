/**
 * Builds the addon into build/Release with node-gyp, for projects that build everything with node-gyp. The sources are
 * the same as with CMake: binding.gyp lists the sources by list-sources.cjs.
 *
 * Usage: node scripts/build-gyp.mjs
 */
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { isMain, main, packageBin, run, step } from './setup/process.mjs';

/** Returns the option with Node's headers if they are installed with Node. node-gyp then downloads no headers. */
function bundledHeaders() {
  const prefix = path.dirname(path.dirname(process.execPath));
  return existsSync(path.join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : [];
}

export async function buildWithGyp() {
  step('Building the native addon (node-gyp)');
  const [node, tool] = packageBin('node-gyp');
  await run(node, [
    tool,
    'configure',
    'build',
    '--jobs',
    String(os.availableParallelism()),
    ...bundledHeaders(),
  ]);
}

if (isMain(import.meta.url)) main(buildWithGyp);
