import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { exitCodes } from './failure.js';

/**
 * `keras-explainable build`: compiles the native addon where the package is installed. npm does so when it installs
 * the package, unless it does not run the scripts of dependencies; this needs no leave from npm.
 */
export function buildCommand(done: (code: number) => void): Command {
  return new Command('build')
    .description('Compiles the native addon (needs CMake, make and a C++20 compiler).')
    .action(async () => {
      const script = fileURLToPath(new URL('../../scripts/build-native.mjs', import.meta.url));
      const child = spawn(process.execPath, [script], { stdio: 'inherit' });
      const code = await new Promise<number | null>((resolve, reject) => {
        child.on('error', reject);
        child.on('close', resolve);
      });
      if (code !== 0) done(exitCodes.failure);
    });
}
