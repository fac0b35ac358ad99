import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { exitCodes } from './shared/failure.js';
import { interruptible } from './shared/interrupt.js';
import type { Terminal } from './shared/terminal.js';

const EXAMPLES = `
Examples:
  $ npx keras-explainable build
  $ CXX=clang++ npx keras-explainable build

Exit codes: 0 built, 1 it failed, 2 wrong arguments, 130 interrupted.`;

/**
 * `keras-explainable build`: compiles the native addon in the directory of the package. npm does so on installation,
 * unless npm is set not to run the scripts of dependencies. This command does not depend on that setting.
 */
export function buildCommand(terminal: Terminal, done: (code: number) => void): Command {
  return new Command('build')
    .description('Compiles the native addon (needs CMake, make and a C++20 compiler).')
    .addHelpText('after', EXAMPLES)
    .action(() => interruptible(terminal, done, build));
}

async function build(signal: AbortSignal): Promise<number> {
  const script = fileURLToPath(new URL('../../scripts/build-native.mjs', import.meta.url));
  const child = spawn(process.execPath, [script], { stdio: 'inherit', signal });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  return code === 0 ? exitCodes.success : exitCodes.failure;
}
