import { mkdtempSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll } from 'vitest';
import { run } from '../../../lib/cli/program.js';
import type { Terminal } from '../../../lib/cli/shared/terminal.js';

/** A directory that is gone after the file's tests. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'ke-cli-'));
  afterAll(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Writes files of a directory. */
export function writerIn(directory: string): (name: string, text: string) => Promise<string> {
  return async (name, text) => {
    const path = join(directory, name);
    await writeFile(path, text);
    return path;
  };
}

/** A terminal in memory, as a pipe would take the output; a terminal of `columns` where these are given. */
export function memoryTerminal(columns?: number): Terminal & { text(): { out: string; err: string } } {
  const [out, err] = [new PassThrough(), new PassThrough()].map((stream) =>
    Object.assign(stream, columns === undefined ? {} : { isTTY: true, columns, getColorDepth: () => 4 }),
  ) as [PassThrough, PassThrough];
  return {
    out: out as unknown as NodeJS.WriteStream,
    err: err as unknown as NodeJS.WriteStream,
    text: () => ({ out: String(out.read() ?? ''), err: String(err.read() ?? '') }),
  };
}

/** Runs the command line with its output in memory. */
export async function runCli(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const terminal = memoryTerminal();
  const code = await run(args, terminal);
  return { code, ...terminal.text() };
}
