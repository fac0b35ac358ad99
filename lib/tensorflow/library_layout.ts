/**
 * Where libtensorflow's files lie: the names of the library by platform, the folders that hold it in an unpacked
 * wheel, tarball or system prefix, and the package's own cache.
 */
import { open, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import envPaths from 'env-paths';
import { TENSORFLOW_VERSION } from './pins.js';

/** `process.platform`-`process.arch`: the key of `PINNED` and the end of a cache entry's name. */
export const PLATFORM = `${process.platform}-${process.arch}`;

/** The file that says what a cache entry holds; written last, so that an entry without it is not one. */
export const MANIFEST = 'install.json';

/** What `install.json` holds. `files` maps each library to its size in bytes, which shows a damaged copy. */
export interface InstallManifest {
  readonly version: string;
  readonly variant: string;
  readonly platform: string;
  readonly source: string;
  /** Whether NVIDIA's libraries are inside. */
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

/** The names under which libtensorflow is known on this platform, best first. */
export function libraryNames(): readonly LibraryName[] {
  return LIBRARY_NAMES[process.platform] ?? [];
}

/** `path` of the library found in a directory, or the reason why there is none. */
export type LibraryLookup = { readonly path: string } | { readonly reason: string };

/**
 * Looks for libtensorflow in `directory` itself and in the folders where a wheel, a tarball or a prefix keeps it.
 * Reads at most the first bytes of a library; never loads it.
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
        return { reason: `${main} is there but ${needs}, which it loads, is not beside it` };
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

/** ELF's e_machine by Node's architecture name. */
const ELF_MACHINES: Readonly<Record<string, number>> = {
  x64: 62,
  arm64: 183,
  ia32: 3,
  arm: 40,
  riscv64: 243,
};

const ELF_64_BIT = 2;

/**
 * What a library's first bytes say against it. dlopen's own words for another processor ("cannot open shared object
 * file") would leave the reader guessing, and what was cut short may end the process (SIGBUS) where its pages are
 * missing.
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
    // The table of sections is what a linker writes last.
    const sections = Number(buffer.readBigUInt64LE(40));
    const end = sections + buffer.readUInt16LE(58) * buffer.readUInt16LE(60);
    const { size } = await handle.stat();
    return size < end ? `is cut short: it has ${size} bytes, of at least ${end}` : undefined;
  } finally {
    await handle.close();
  }
}

/** The package's cache of libtensorflow: per user, by the platform's custom (XDG_CACHE_HOME on Linux). */
export function cacheRoot(): string {
  return path.join(envPaths('keras-explainable', { suffix: '' }).cache, 'tensorflow');
}

/** The cache entry of a variant. `version` is 'custom' for what came from a tarball or a directory. */
export function cacheEntry(root: string, variant: string, version: string = TENSORFLOW_VERSION): string {
  return path.join(root, `${version}-${variant}-${PLATFORM}`);
}

/** A cache entry's manifest, or why it is no entry: absent, damaged, or a library whose size is not as installed. */
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
        return { reason: `${file} is damaged: ${actual ?? 'no'} bytes, ${size} were installed` };
    }
    return { manifest };
  } catch {
    return { reason: `its ${MANIFEST} is damaged` };
  }
}
