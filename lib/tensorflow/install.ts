/** Installs a pinned libtensorflow into the package's cache. resolve.ts finds the installed library. */
import { copyFile, cp, mkdir, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import lockfile from 'proper-lockfile';
import { whyNotWritable } from '../support/writable.js';
import { sha256, unpackTarball, unpackZip } from './archive.js';
import { TensorflowInstallError } from './install_errors.js';
import {
  cacheEntry,
  cacheRoot,
  findLibraryIn,
  type InstallManifest,
  MANIFEST,
  PLATFORM,
  readManifest,
} from './library_layout.js';
import { PINNED, type PinnedWheel, TENSORFLOW_VERSION, type TensorflowVariant } from './pins.js';
import { downloadWheel, findPip } from './pip.js';
import { whyUnsupportedPlatform } from './platforms.js';
import { output } from './system.js';

/** The environment variable with the path or URL of an official libtensorflow archive, for `from: 'tarball'`. */
export const TARBALL_VARIABLE = 'KERAS_EXPLAINABLE_TENSORFLOW_TARBALL';
/** The environment variable with the SHA-256 of that archive. */
export const TARBALL_SHA256_VARIABLE = 'KERAS_EXPLAINABLE_TENSORFLOW_TARBALL_SHA256';

/** The progress of an installation. `bytes` of `total` bytes are done; `total` is 0 if the size is unknown. */
export interface InstallProgress {
  readonly phase: 'wait' | 'download' | 'verify' | 'unpack';
  readonly item: string;
  readonly bytes: number;
  readonly total: number;
}

export interface InstallOptions {
  /** Default 'cpu'. 'gpu' also runs on a machine without a GPU. */
  readonly variant?: TensorflowVariant;
  /**
   * The source of the library. 'pip' (default): the pinned wheel from pip's configured index. 'tarball': the official
   * libtensorflow archive named by `tarball`. Any other value is a directory that holds the pinned wheel file or an
   * unpacked libtensorflow.
   */
  readonly from?: 'pip' | 'tarball' | (string & {});
  /** For 'gpu': whether NVIDIA's libraries (2.8 GB) are installed. Default: whether an NVIDIA driver is present. */
  readonly cuda?: boolean;
  /** The archive's path or URL; defaults to KERAS_EXPLAINABLE_TENSORFLOW_TARBALL. */
  readonly tarball?: string;
  /** The archive's SHA-256; required for a URL, defaults to KERAS_EXPLAINABLE_TENSORFLOW_TARBALL_SHA256. */
  readonly sha256?: string;
  /** Whether an existing installation is replaced. Default false. */
  readonly force?: boolean;
  /** Defaults to the user's cache. */
  readonly cacheDirectory?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: InstallProgress) => void;
}

export interface InstalledTensorflow {
  readonly directory: string;
  /** The library's file. */
  readonly library: string;
  readonly version: string;
  readonly variant: TensorflowVariant;
  readonly cuda: boolean;
  /** False if the library was already installed. */
  readonly installed: boolean;
}

/**
 * Installs libtensorflow into the package's cache. `resolveTensorflow` then finds this library first in the cache.
 * Idempotent. Of two concurrent calls, the second waits. An interrupted call leaves the cache unchanged, because the
 * last step is one rename. Variant 'cpu' downloads 274 MB and needs 855 MB on disk; 'gpu' without NVIDIA's libraries
 * downloads 573 MB and needs 1.3 GB.
 *
 * @throws TensorflowInstallError if nothing is published for the platform, a download fails or a checksum differs.
 */
export async function installTensorflow(options: InstallOptions = {}): Promise<InstalledTensorflow> {
  const variant = options.variant ?? 'cpu';
  if (variant !== 'cpu' && variant !== 'gpu') {
    throw new TypeError(`Expected 'cpu' or 'gpu' for variant but received ${JSON.stringify(variant)}`);
  }
  const unsupported = whyUnsupportedPlatform();
  if (unsupported !== undefined) throw new TensorflowInstallError(unsupported);
  const root = options.cacheDirectory ?? cacheRoot();
  // `mkdir` cannot check this: below /proc, a recursive `mkdir` never returns.
  const reason = await whyNotWritable(root);
  if (reason !== null) {
    throw new TensorflowInstallError(
      `The cache ${root} cannot be used: ${reason}. Set XDG_CACHE_HOME to a writable directory`,
    );
  }
  await mkdir(root, { recursive: true });
  const release = await acquireLock(root, options);
  try {
    return await installLocked(root, variant, options);
  } finally {
    await release();
  }
}

async function acquireLock(root: string, options: InstallOptions): Promise<() => Promise<void>> {
  const lock = (retries: number) =>
    lockfile.lock(root, {
      lockfilePath: path.join(root, 'install.lock'),
      stale: 20_000,
      retries: { retries, factor: 1, minTimeout: 500, maxTimeout: 500 },
    });
  try {
    return await lock(0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
    options.onProgress?.({ phase: 'wait', item: 'another installation', bytes: 0, total: 0 });
    return lock(3600);
  }
}

async function installLocked(
  root: string,
  variant: TensorflowVariant,
  options: InstallOptions,
): Promise<InstalledTensorflow> {
  const plan = await makePlan(variant, options);
  const entry = cacheEntry(root, variant, plan.version);
  if (options.force !== true && plan.reusable) {
    const existing = await readManifest(entry);
    if ('manifest' in existing && (existing.manifest.cuda || !plan.cuda)) {
      const now = new Date();
      await utimes(path.join(entry, MANIFEST), now, now);
      return describe(entry, existing.manifest, false);
    }
  }
  await removeStaging(root);
  const staging = path.join(root, `.staging-${process.pid}`);
  const content = path.join(staging, 'content');
  try {
    await mkdir(content, { recursive: true });
    await plan.fill(content, path.join(staging, 'download'));
    const found = await findLibraryIn(content);
    if ('reason' in found)
      throw new TensorflowInstallError(`${plan.source} holds no usable library: ${found.reason}`);
    const manifest: InstallManifest = {
      version: plan.version,
      variant,
      platform: PLATFORM,
      source: plan.source,
      cuda: plan.cuda,
      files: await librarySizes(content, path.dirname(found.path)),
    };
    await writeFile(path.join(content, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
    options.signal?.throwIfAborted();
    await replace(content, entry, path.join(staging, 'replaced'));
    return await describe(entry, manifest, true);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function describe(
  entry: string,
  manifest: InstallManifest,
  installed: boolean,
): Promise<InstalledTensorflow> {
  const found = await findLibraryIn(entry);
  if ('reason' in found)
    throw new TensorflowInstallError(`${entry} is damaged: ${found.reason}. Install again with --force`);
  const { version, cuda } = manifest;
  const variant = manifest.variant as TensorflowVariant;
  return { directory: entry, library: found.path, version, variant, cuda, installed };
}

/** Removes the files of interrupted installations. The caller holds the lock, so no running installation uses them. */
async function removeStaging(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    if (name.startsWith('.staging-')) await rm(path.join(root, name), { recursive: true, force: true });
  }
}

async function replace(content: string, entry: string, aside: string): Promise<void> {
  if ((await stat(entry).catch(() => undefined)) !== undefined) await rename(entry, aside);
  await rename(content, entry);
}

async function librarySizes(content: string, directory: string): Promise<Record<string, number>> {
  const sizes: Record<string, number> = {};
  for (const name of (await readdir(directory)).sort()) {
    const info = await stat(path.join(directory, name));
    const file = path.relative(content, path.join(directory, name)).replaceAll(path.sep, '/');
    if (info.isFile() && /\.(so|dylib|dll)(\.|$)/.test(name)) sizes[file] = info.size;
  }
  return sizes;
}

interface Plan {
  readonly version: string;
  readonly source: string;
  readonly cuda: boolean;
  /** Whether an installed entry of this version has the same content as a new installation. */
  readonly reusable: boolean;
  /** Writes the files into `content`. `scratch` is a separate directory for downloads. */
  fill(content: string, scratch: string): Promise<void>;
}

async function makePlan(variant: TensorflowVariant, options: InstallOptions): Promise<Plan> {
  const from = options.from ?? 'pip';
  if (from === 'tarball') return tarballPlan(options);
  if (from === 'pip') return wheelPlan(variant, options, undefined);
  const wheel = variant === 'gpu' ? PINNED[PLATFORM]?.gpu : PINNED[PLATFORM]?.cpu;
  if (wheel !== undefined && (await stat(path.join(from, wheel.file)).catch(() => undefined))?.isFile()) {
    return wheelPlan(variant, options, from);
  }
  return directoryPlan(from, wheel);
}

async function wheelPlan(
  variant: TensorflowVariant,
  options: InstallOptions,
  directory: string | undefined,
): Promise<Plan> {
  const pinned = PINNED[PLATFORM];
  const wheel = variant === 'gpu' ? pinned?.gpu : pinned?.cpu;
  if (pinned === undefined || wheel === undefined) {
    const known = Object.entries(PINNED).map(([key, { gpu }]) => `${key} (${gpu ? 'cpu, gpu' : 'cpu'})`);
    throw new TensorflowInstallError(
      `No ${variant} wheel of TensorFlow ${TENSORFLOW_VERSION} is published for ${PLATFORM}. Wheels exist for ` +
        `${known.join(', ')}. Use --from tarball or --from DIR`,
    );
  }
  const cuda = variant === 'gpu' && pinned.cuda !== undefined && (options.cuda ?? (await hasNvidiaDriver()));
  const wheels = [wheel, ...(cuda ? (pinned.cuda ?? []) : [])];
  return {
    version: TENSORFLOW_VERSION,
    source: wheels.map(({ file }) => file).join(', '),
    cuda,
    reusable: true,
    async fill(content, scratch) {
      for (const item of wheels) {
        const file = await acquireWheel(item, pinned.platforms, directory, scratch, options);
        await verify(file, item.file, item.sha256, options);
        const progress = reporter(options, 'unpack', item.file, 0);
        await unpackZip(file, content, wheelTarget, progress, options.signal);
        // Each wheel is deleted after unpacking. With NVIDIA's libraries, keeping all wheels would double the disk use.
        await rm(scratch, { recursive: true, force: true });
      }
    },
  };
}

async function acquireWheel(
  wheel: PinnedWheel,
  platforms: readonly string[],
  directory: string | undefined,
  scratch: string,
  options: InstallOptions,
): Promise<string> {
  if (directory !== undefined) {
    const file = path.join(directory, wheel.file);
    if ((await stat(file).catch(() => undefined)) === undefined) {
      throw new TensorflowInstallError(
        `${directory} does not contain ${wheel.file}. Fetch the wheel with: pip download ${wheel.requirement}`,
      );
    }
    return file;
  }
  await mkdir(scratch, { recursive: true });
  const report = reporter(options, 'download', wheel.file, wheel.size ?? 0);
  let last = 0;
  const onBytes = (bytes: number) => {
    report(Math.max(0, bytes - last));
    last = Math.max(last, bytes);
  };
  onBytes(0);
  return downloadWheel(await findPip(), {
    wheel,
    platforms,
    directory: scratch,
    signal: options.signal,
    onBytes,
  });
}

/**
 * Selects the entries of a wheel to unpack: the libraries, their licences and the headers of the C API. The native
 * tests compare declarations with these headers.
 */
export function wheelTarget(name: string): string | undefined {
  const rest = /^tensorflow\/(.*)$/.exec(name)?.[1];
  if (rest !== undefined) {
    if (/^libtensorflow[^/]*$/.test(rest) || rest === 'THIRD_PARTY_NOTICES.txt') return name;
    if (rest === 'include/LICENSE') return 'tensorflow/LICENSE';
    return /^include\/(tensorflow\/c\/|xla\/tsl\/c\/|tsl\/platform\/ctstring|tensorflow\/core\/platform\/ctstring)/.test(
      rest,
    )
      ? name
      : undefined;
  }
  if (/^nvidia\/[^/]+\/(lib|bin|nvvm)\//.test(name)) return name;
  const licence = /^(nvidia_[^/]+)\.dist-info\/(?:.*\/)?(licen[sc]e[^/]*)$/i.exec(name);
  return licence ? `nvidia/licenses/${licence[1]}-${licence[2]}` : undefined;
}

/** Returns whether this machine has an NVIDIA driver (`nvidia-smi` runs), so that the `gpu` variant may use a GPU. */
export async function hasNvidiaDriver(): Promise<boolean> {
  return (await output('nvidia-smi', ['-L'])) !== undefined;
}

function tarballPlan(options: InstallOptions): Plan {
  const tarball = options.tarball ?? process.env[TARBALL_VARIABLE];
  if (tarball === undefined || tarball === '') {
    throw new TensorflowInstallError(
      `Expected the path or URL of a libtensorflow archive in ${TARBALL_VARIABLE} but the variable is not set. ` +
        'TensorFlow\'s "Install TensorFlow for C" page lists the official archives',
    );
  }
  const isUrl = /^https?:\/\//.test(tarball);
  const expected = options.sha256 ?? process.env[TARBALL_SHA256_VARIABLE];
  if (isUrl && !expected) {
    throw new TensorflowInstallError(
      `Expected the archive's SHA-256 in ${TARBALL_SHA256_VARIABLE} for a URL but the variable is not set`,
    );
  }
  return {
    version: 'custom',
    source: tarball,
    cuda: false,
    reusable: false,
    async fill(content, scratch) {
      const file = isUrl
        ? path.join(scratch, path.basename(new URL(tarball).pathname))
        : path.resolve(tarball);
      if (isUrl) {
        await mkdir(scratch, { recursive: true });
        // undici is imported only here. The import instantiates WebAssembly, which maps 10 GB. Under a limited address
        // space (`ulimit -v`), an import at the top would end every command.
        const { fetchFile } = await import('./download.js');
        await fetchFile(
          tarball,
          file,
          (total) => reporter(options, 'download', tarball, total),
          options.signal,
        );
      }
      if (expected) await verify(file, tarball, expected, options);
      const target = path.join(content, 'tensorflow');
      const keep = (name: string) => /^(lib|include)(\/|$)|^(LICENSE|THIRD_PARTY)/.test(name);
      reporter(options, 'unpack', tarball, 0)(0);
      if (file.endsWith('.zip')) await unpackZip(file, target, (name) => (keep(name) ? name : undefined));
      else await unpackTarball(file, target, keep);
    },
  };
}

async function directoryPlan(directory: string, wheel: PinnedWheel | undefined): Promise<Plan> {
  const found = await findLibraryIn(directory);
  if ('reason' in found) {
    const or = wheel === undefined ? '' : `, or the wheel ${wheel.file}`;
    throw new TensorflowInstallError(
      `Expected 'pip', 'tarball' or a directory that holds libtensorflow${or} for --from but received ${directory}: ${found.reason}`,
    );
  }
  return {
    version: 'custom',
    source: path.resolve(directory),
    cuda: false,
    reusable: false,
    async fill(content) {
      const target = path.join(content, 'tensorflow');
      await mkdir(target);
      const from = path.dirname(found.path);
      for (const name of await readdir(from)) {
        if (name.startsWith('libtensorflow')) await copyFile(path.join(from, name), path.join(target, name));
        if (/^(LICENSE|THIRD_PARTY)/.test(name)) await cp(path.join(from, name), path.join(target, name));
      }
    },
  };
}

async function verify(file: string, item: string, expected: string, options: InstallOptions): Promise<void> {
  options.onProgress?.({ phase: 'verify', item, bytes: 0, total: 0 });
  const actual = await sha256(file, options.signal);
  if (actual !== expected.toLowerCase()) {
    throw new TensorflowInstallError(
      `${item} is not the pinned file: expected SHA-256 ${expected} but received ${actual}`,
    );
  }
}

/** Returns a function that adds up bytes and reports the sum to `options.onProgress`. */
function reporter(options: InstallOptions, phase: InstallProgress['phase'], item: string, total: number) {
  let bytes = 0;
  return (more: number) => {
    bytes += more;
    options.onProgress?.({ phase, item, bytes, total });
  };
}
