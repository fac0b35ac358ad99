/** Fetches wheels with pip, which respects the user's index, proxy, certificates and offline settings. */
import { spawn } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { TensorflowInstallError } from './install_errors.js';
import type { PinnedWheel } from './pins.js';
import { output, pythonInterpreters } from './system.js';

/** A command that runs pip: the program and its first arguments. */
export type PipCommand = readonly [string, ...string[]];

/** Returns the first pip that runs: of the active environment's Python, of a Python on PATH, or a `pip` program. */
export async function findPip(): Promise<PipCommand> {
  const commands: PipCommand[] = [
    ...pythonInterpreters().map((python): PipCommand => [python, '-m', 'pip']),
    ['pip3'],
    ['pip'],
  ];
  for (const command of commands) {
    const [program, ...args] = command;
    if ((await output(program, [...args, '--version'])) !== undefined) return command;
  }
  const tried = commands.map((command) => command.join(' ')).join(', ');
  throw new TensorflowInstallError(
    `pip, which fetches TensorFlow's wheel, was not found (tried ${tried}). Install it (Debian and Ubuntu: ` +
      'apt-get install python3-pip; macOS: brew install python) or name a Python that has pip in KERAS_EXPLAINABLE_PYTHON',
  );
}

export interface WheelRequest {
  readonly wheel: PinnedWheel;
  /** The platform tags of pip. */
  readonly platforms: readonly string[];
  readonly directory: string;
  readonly signal?: AbortSignal;
  readonly onBytes?: (bytes: number) => void;
}

/**
 * Downloads one wheel into `directory` and returns the wheel's path. The pip of any Python works, because the command
 * names the wheel's platform and Python version and installs nothing. pip's temporary files are also in `directory`.
 */
export async function downloadWheel(pip: PipCommand, request: WheelRequest): Promise<string> {
  const { wheel, platforms, directory, signal, onBytes } = request;
  const [program, ...first] = pip;
  const args = [
    ...[
      ...first,
      'download',
      '--quiet',
      '--no-deps',
      '--only-binary=:all:',
      '--disable-pip-version-check',
      '--no-input',
    ],
    ...['--python-version', '3.12', ...platforms.flatMap((tag) => ['--platform', tag]), '--dest', directory],
    wheel.requirement,
  ];
  const timer = setInterval(() => void sizeOf(directory).then(onBytes), 500);
  try {
    await run(program, args, { ...process.env, TMPDIR: directory, TEMP: directory, TMP: directory }, signal);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new TensorflowInstallError(
      `pip could not fetch ${wheel.requirement}: ${(error as Error).message}\nOn a machine without access to a package ` +
        `index, put the file ${wheel.file} into a directory and pass the directory with --from DIR, or set PIP_FIND_LINKS`,
      { cause: error },
    );
  } finally {
    clearInterval(timer);
  }
  const file = path.join(directory, wheel.file);
  if ((await stat(file).catch(() => undefined)) === undefined) {
    const files = (await readdir(directory)).join(', ');
    throw new TensorflowInstallError(`pip fetched ${files || 'nothing'} instead of ${wheel.file}`);
  }
  return file;
}

/**
 * Returns the number of bytes in a directory and its subdirectories, in which pip stores a file during the download.
 */
async function sizeOf(directory: string): Promise<number> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true }).catch(() => []);
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map((entry) => stat(path.join(entry.parentPath, entry.name)).catch(() => undefined));
  return (await Promise.all(sizes)).reduce((sum, info) => sum + (info?.size ?? 0), 0);
}

/** Runs a program to its end. Rejects with the program's stderr output if the program fails. */
function run(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
      signal,
    });
    let text = '';
    child.stderr.setEncoding('utf8').on('data', (block: string) => {
      text = (text + block).slice(-4000);
    });
    child.on('error', reject);
    child.on('close', (code, killed) => {
      if (code === 0) resolve();
      else reject(new Error(text.trim() || `the command ended with ${killed ?? `code ${code}`}`));
    });
  });
}
