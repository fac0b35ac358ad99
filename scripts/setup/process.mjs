/** What the project's scripts share: paths, running programs, and work that is skipped where nothing changed. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const STAMPS = path.join(ROOT, 'build', 'stamps');

/** A failure that the reader can mend: printed without a stack. */
export class Failure extends Error {}

/** Prints a line that says which step runs now. */
export function step(text) {
  console.log(`\x1b[1m> ${text}\x1b[0m`);
}

/**
 * Runs a program in the project's root with its output shown and returns its exit code. A signal that ends this
 * process reaches the program too (they share a terminal), so that an interrupt leaves nothing running.
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

/** Runs a program; throws a Failure where it does not end well. */
export async function run(program, args, options = {}) {
  const code = await runStatus(program, args, options);
  if (code !== 0) throw new Failure(`${path.basename(program)} ${args.join(' ')} failed with code ${code}`);
}

/** What a program prints, or undefined where it is absent or fails. */
export function capture(program, args) {
  const result = spawnSync(program, args, { encoding: 'utf8', cwd: ROOT });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/** The program that an installed package brings, as [node, script]: no shell and no .cmd file in between. */
export function packageBin(name, bin = name) {
  const directory = path.join(ROOT, 'node_modules', ...name.split('/'));
  const manifest = JSON.parse(readFileSync(path.join(directory, 'package.json'), 'utf8'));
  const file = typeof manifest.bin === 'string' ? manifest.bin : manifest.bin[bin];
  return [process.execPath, path.join(directory, file)];
}

/** All files under `paths` (files or directories, relative to the root), sorted. */
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
 * Runs `work` unless `outputs` exist and neither the names, sizes and times of the files under `inputs` nor `key`
 * have changed since it last ended well. The stamp is written last: interrupted work is done again.
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
  // The state that was built, not the one on disk now: a file saved meanwhile makes the next run build again.
  writeFileSync(stamp, before);
  return true;
}

/** Runs a script's main function: a Failure prints its message and ends with code 1. */
export async function main(work) {
  try {
    process.exitCode = (await work()) ?? 0;
  } catch (error) {
    console.error(error instanceof Failure ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}

/** Whether `url` (import.meta.url) is the script that Node was started with. */
export function isMain(url) {
  return process.argv[1] !== undefined && path.resolve(process.argv[1]) === fileURLToPath(url);
}
