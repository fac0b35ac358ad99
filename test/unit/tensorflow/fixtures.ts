import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

/** A directory that is removed after the test. */
export async function scratch(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'ke-tensorflow-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** The first bytes of a shared library for a machine, by ELF's number. */
export function elf(machine: number): Buffer {
  const header = Buffer.alloc(64);
  header.write('\x7fELF', 'latin1');
  header.writeUInt16LE(machine, 18);
  return header;
}

const MACHINE = process.arch === 'arm64' ? 183 : 62;
export const OTHER_MACHINE = process.arch === 'arm64' ? 62 : 183;

/** Two files with libtensorflow's names; nothing loads them. */
export async function fakeLibrary(directory: string, machine = MACHINE): Promise<string> {
  await mkdir(directory, { recursive: true });
  await writeFile(path.join(directory, 'libtensorflow_framework.so.2'), elf(machine));
  await writeFile(path.join(directory, 'libtensorflow_cc.so.2'), elf(machine));
  return path.join(directory, 'libtensorflow_cc.so.2');
}

/** A program in place of Python: a shell script. */
export async function fakePython(directory: string, script: string): Promise<string> {
  const file = path.join(directory, 'python');
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
  return file;
}
