/**
 * The locations of libtensorflow's files: the library's name on each platform, the library's folder in an unpacked
 * wheel, tarball or system prefix, and the package's cache.
 */
import { open, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import envPaths from 'env-paths';
import { TENSORFLOW_VERSION } from './pins.js';

/** `process.platform`-`process.arch`. A key of `PINNED` and the end of a cache entry's name. */
export const PLATFORM = `${process.platform}-${process.arch}`;

/** The file that describes a cache entry. The installer writes this file last; a folder without it is no entry. */
export const MANIFEST = 'install.json';

/** The content of `install.json`. `files` maps each library to its size in bytes, to detect a damaged copy. */
export interface InstallManifest {
  readonly version: string;
  readonly variant: string;
  readonly platform: string;
  readonly source: string;
  /** Whether the entry includes NVIDIA's libraries. */
  readonly cuda: boolean;
  readonly files: Readonly<Record<string, number>>;
}

interface LibraryName {
  readonly main: string;
  /** A library that `main` loads from its own folder. */
  readonly needs?: string;
}

const LIBRARY_NAMES: Readonly<Record<string, readonly LibraryName[]>> = {
  linux: [
    { main: 'libtensorflow_cc.so.2', needs: 'libtensorflow_framework.so.2' },
    { main: 'libtensorflow.so.2', needs: 'libtensorflow_framework.so.2' },
  ],
  darwin: [
    { main: 'libtensorflow_cc.2.dylib', needs: 'libtensorflow_framework.2.dylib' },
    { main: 'libtensorflow.2.dylib', needs: 'libtensorflow_framework.2.dylib' },
  ],
};

/** Returns the file names of libtensorflow on this platform, in order of preference. */
export function libraryNames(): readonly LibraryName[] {
  return LIBRARY_NAMES[process.platform] ?? [];
}

/** The `path` of the library in a directory, or the `reason` why the directory has no usable library. */
export type LibraryLookup = { readonly path: string } | { readonly reason: string };

/**
 * Searches for libtensorflow in `directory` and in the subfolders that a wheel, a tarball or a prefix uses. Reads at
 * most the first bytes of a library and never loads a library.
 */
export async function findLibraryIn(directory: string): Promise<LibraryLookup> {
  const info = await stat(directory).catch(() => undefined);
  if (info === undefined) return { reason: 'no such directory' };
  if (!info.isDirectory()) return { reason: 'is not a directory; name the directory that holds the library' };
  for (const folder of ['', 'lib', 'tensorflow', path.join('tensorflow', 'lib')]) {
    for (const { main, needs } of libraryNames()) {
      const file = path.join(directory, folder, main);
      if ((await fileSize(file)) === undefined) continue;
      if (needs !== undefined && (await fileSize(path.join(directory, folder, needs))) === undefined) {
        return { reason: `${main} is present, but ${needs}, which ${main} loads, is not in the same folder` };
      }
      for (const name of needs === undefined ? [main] : [main, needs]) {
        const wrong = await whyNotLoadable(path.join(directory, folder, name));
        if (wrong !== undefined) return { reason: `${name} ${wrong}` };
      }
      return { path: file };
    }
  }
  const names = libraryNames().map(({ main }) => main);
  if (names.length === 0) return { reason: `no libtensorflow is known for ${PLATFORM}` };
  return { reason: `holds no ${names.join(' and no ')}, nor does its lib or tensorflow folder` };
}

async function fileSize(file: string): Promise<number | undefined> {
  const info = await stat(file).catch(() => undefined);
  return info?.isFile() ? info.size : undefined;
}

/** ELF's e_machine for each of Node's architecture names. */
const ELF_MACHINES: Readonly<Record<string, number>> = {
  x64: 62,
  arm64: 183,
  ia32: 3,
  arm: 40,
  riscv64: 243,
};

const ELF_64_BIT = 2;

/**
 * Returns the reason why a library cannot be loaded according to its ELF header, or undefined. dlopen's error for
 * another processor ("cannot open shared object file") does not name the cause. Loading a truncated library may end the
 * process (SIGBUS) at a missing page.
 */
async function whyNotLoadable(file: string): Promise<string | undefined> {
  if (process.platform !== 'linux') return undefined;
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(64), 0, 64, 0);
    if (bytesRead < 64 || buffer.toString('latin1', 0, 4) !== '\x7fELF') return 'is no shared library';
    const machine = buffer.readUInt16LE(18);
    const expected = ELF_MACHINES[process.arch];
    if (expected !== undefined && machine !== expected) {
      const name =
        Object.keys(ELF_MACHINES).find((arch) => ELF_MACHINES[arch] === machine) ?? `machine ${machine}`;
      return `is built for ${name}; this Node is ${process.arch}`;
    }
    if (buffer[4] !== ELF_64_BIT) return undefined;
    // A linker writes the section table last.
    const sections = Number(buffer.readBigUInt64LE(40));
    const end = sections + buffer.readUInt16LE(58) * buffer.readUInt16LE(60);
    const { size } = await handle.stat();
    return size < end ? `is truncated: the file has ${size} bytes but needs at least ${end}` : undefined;
  } finally {
    await handle.close();
  }
}

/**
 * Returns the package's cache for libtensorflow: one per user, at the platform's usual path (XDG_CACHE_HOME on Linux).
 */
export function cacheRoot(): string {
  return path.join(envPaths('keras-explainable', { suffix: '' }).cache, 'tensorflow');
}

/** Returns the cache entry of a variant. `version` is 'custom' for a library from a tarball or a directory. */
export function cacheEntry(root: string, variant: string, version: string = TENSORFLOW_VERSION): string {
  return path.join(root, `${version}-${variant}-${PLATFORM}`);
}

/**
 * Returns a cache entry's manifest, or the reason why the entry is unusable: absent, damaged, or a changed file size.
 */
export async function readManifest(
  entry: string,
): Promise<{ manifest: InstallManifest } | { reason: string }> {
  let text: string;
  try {
    text = await readFile(path.join(entry, MANIFEST), 'utf8');
  } catch {
    return { reason: 'not installed' };
  }
  try {
    const manifest = JSON.parse(text) as InstallManifest;
    for (const [file, size] of Object.entries(manifest.files)) {
      const actual = await fileSize(path.join(entry, file));
      if (actual !== size)
        return { reason: `${file} is damaged: ${actual ?? 'no'} bytes instead of ${size}` };
    }
    return { manifest };
  } catch {
    return { reason: `its ${MANIFEST} is damaged` };
  }
}
