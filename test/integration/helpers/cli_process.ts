/** The command line as a process of its own, as users run it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { run } from '../../../lib/cli/program.js';

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
export const MAIN = join(ROOT, 'dist', 'cli', 'main.js');
export const DEMO = 'demo';
/** How many there are in the demo. */
export const PICTURES = 30;

/** A directory that is gone after the file's tests. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'ke-cli-'));
  afterAll(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** What TensorFlow writes while it is loaded, whatever its log level. */
const TENSORFLOW_LOG = /^(WARNING: All log messages before absl|I0000 ).*\n/gm;

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  out: string;
  err: string;
}

/** @param out where its standard output goes: to us, or to a file that was opened. */
export function start(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  out: 'pipe' | number = 'pipe',
): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['pipe', out, 'pipe'],
  });
  const text = { out: '', err: '' };
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text.out += chunk;
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text.err += chunk;
  });
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
    out: text.out,
    err: text.err.replace(TENSORFLOW_LOG, ''),
  }));
  return { child, ended };
}

export const cli = (...args: string[]): Promise<Ended> => start(args).ended;

/** The same in this process, where TensorFlow is loaded once: for what needs no process of its own to be seen. */
export async function inProcess(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const [out, err] = [new PassThrough(), new PassThrough()];
  const text = { out: '', err: '' };
  // Taken as it comes: a stream that nobody reads fills up, and then whoever writes to it waits.
  out.setEncoding('utf8').on('data', (chunk: string) => {
    text.out += chunk;
  });
  err.setEncoding('utf8').on('data', (chunk: string) => {
    text.err += chunk;
  });
  const code = await run(args, {
    out: out as unknown as NodeJS.WriteStream,
    err: err as unknown as NodeJS.WriteStream,
  });
  return { code, out: text.out, err: text.err };
}

/** What `--json` printed, a line an object. */
export const objects = (out: string) =>
  out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
