/** Shared functions of the project's scripts: paths, running programs, and skipping work whose inputs are unchanged. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const STAMPS = path.join(ROOT, 'build', 'stamps');

/** A failure that the user can fix. The message is printed without a stack. */
export class Failure extends Error {}

/** Prints the name of the step that begins. */
export function step(text) {
  console.log(`\x1b[1m> ${text}\x1b[0m`);
}

/**
 * Runs a program in the project's root, shows the program's output and returns the exit code. The program shares the
 * terminal with this process. Ctrl-C therefore also ends the program.
 */
export function runStatus(program, args, { env = process.env, cwd = ROOT, quiet = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env,
      stdio: ['ignore', quiet ? 'pipe' : 'inherit', quiet ? 'pipe' : 'inherit'],
    });
    let text = '';
    child.stdout?.on('data', (block) => (text += block));
    child.stderr?.on('data', (block) => (text += block));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (quiet && code !== 0) process.stderr.write(text);
      resolve(code ?? (signal === 'SIGINT' ? 130 : 1));
    });
  });
}

/** Runs a program. Throws a Failure if the exit code is not 0. */
export async function run(program, args, options = {}) {
  const code = await runStatus(program, args, options);
  if (code !== 0) throw new Failure(`${path.basename(program)} ${args.join(' ')} failed with code ${code}`);
}

/** Returns the stdout of a program, or undefined if the program is absent or fails. */
export function capture(program, args) {
  const result = spawnSync(program, args, { encoding: 'utf8', cwd: ROOT });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/** Returns the program of an installed package as [node, script], to run it without a shell or a .cmd file. */
export function packageBin(name, bin = name) {
  const directory = path.join(ROOT, 'node_modules', ...name.split('/'));
  const manifest = JSON.parse(readFileSync(path.join(directory, 'package.json'), 'utf8'));
  const file = typeof manifest.bin === 'string' ? manifest.bin : manifest.bin[bin];
  return [process.execPath, path.join(directory, file)];
}

/** Returns all files under `paths` in sorted order. `paths` are files or directories, relative to the root. */
export function filesUnder(paths) {
  const files = [];
  for (const name of paths) {
    const absolute = path.join(ROOT, name);
    if (!existsSync(absolute)) continue;
    if (!statSync(absolute).isDirectory()) files.push(absolute);
    else {
      for (const entry of readdirSync(absolute, { withFileTypes: true, recursive: true })) {
        if (entry.isFile()) files.push(path.join(entry.parentPath ?? entry.path, entry.name));
      }
    }
  }
  return files.sort();
}

/**
 * Runs `work` unless it is up to date. Work is up to date if `outputs` exist, and if `key` and the names, sizes and
 * times of the files under `inputs` are the same as in the last successful run. The stamp is written last, so
 * interrupted work is repeated.
 */
export async function unlessUnchanged(name, { inputs, outputs, key = '' }, work) {
  const fingerprint = () => {
    const hash = createHash('sha256').update(
      `${process.version} ${process.platform} ${process.arch} ${key}\n`,
    );
    for (const file of filesUnder(inputs)) {
      const { size, mtimeMs } = statSync(file);
      hash.update(`${path.relative(ROOT, file)} ${size} ${mtimeMs}\n`);
    }
    return hash.digest('hex');
  };
  const stamp = path.join(STAMPS, name);
  const before = fingerprint();
  const present = outputs.every((file) => existsSync(path.join(ROOT, file)));
  if (present && existsSync(stamp) && readFileSync(stamp, 'utf8') === before) return false;
  rmSync(stamp, { force: true });
  await work();
  mkdirSync(STAMPS, { recursive: true });
  // The stamp has the state before the work. A file that is saved during the work causes the next run to build again.
  writeFileSync(stamp, before);
  return true;
}

/** Runs a script's main function. A Failure prints its message and ends the process with code 1. */
export async function main(work) {
  try {
    process.exitCode = (await work()) ?? 0;
  } catch (error) {
    console.error(error instanceof Failure ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}

/** Returns whether `url` (import.meta.url) is the script with which Node was started. */
export function isMain(url) {
  return process.argv[1] !== undefined && path.resolve(process.argv[1]) === fileURLToPath(url);
}
