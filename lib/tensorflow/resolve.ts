/** Finds libtensorflow on this machine. install.ts installs the library. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { INSTALL_COMMAND, type ResolveAttempt, TensorflowNotFoundError } from './install_errors.js';
import { cacheEntry, cacheRoot, findLibraryIn, MANIFEST, readManifest } from './library_layout.js';
import { pythonInterpreters, pythonTensorflows, systemPlaces } from './system.js';
import { whyUnsupported } from './versions.js';

/** The environment variable with a directory that holds libtensorflow. If set, no other place is searched. */
export const DIRECTORY_VARIABLE = 'KERAS_EXPLAINABLE_TENSORFLOW_DIR';

/** The kind of place in which a library was found. */
export type TensorflowSource = 'environment' | 'cache' | 'python' | 'system';

export interface ResolvedTensorflow {
  /** The library's file. */
  readonly library: string;
  readonly source: TensorflowSource;
  /** The place in words, for error messages. */
  readonly place: string;
  /** The places searched before, and the reason why each was skipped. */
  readonly attempts: readonly ResolveAttempt[];
}

export interface ResolveOptions {
  /** Defaults to `process.env`. */
  readonly env?: NodeJS.ProcessEnv;
  /** The package's cache; defaults to the user's. */
  readonly cacheDirectory?: string;
  /**
   * Loads a candidate. If `load` rejects, the reason is recorded and the next place is tried, so that a broken library
   * does not hide a usable library. Without `load`, the first candidate is returned and not loaded.
   */
  readonly load?: (library: string) => Promise<unknown>;
}

interface Candidate {
  readonly source: TensorflowSource;
  readonly place: string;
  readonly found: { readonly path: string } | { readonly reason: string };
}

/**
 * Finds libtensorflow. The places in order: `KERAS_EXPLAINABLE_TENSORFLOW_DIR`, the package's cache, an installed
 * Python TensorFlow (found by its metadata, not imported), the system. An unusable `KERAS_EXPLAINABLE_TENSORFLOW_DIR`
 * is an error and is never skipped. The search takes a millisecond if one of the first two places has the library, and
 * some tenths of a second otherwise.
 *
 * @throws TensorflowNotFoundError with every searched place, the reason for each, and the command that fixes the
 *   problem.
 */
export async function resolveTensorflow(options: ResolveOptions = {}): Promise<ResolvedTensorflow> {
  const attempts: ResolveAttempt[] = [];
  for await (const { source, place, found } of candidates(options)) {
    let reason = 'reason' in found ? found.reason : undefined;
    if ('path' in found) {
      try {
        await options.load?.(found.path);
        return { library: found.path, source, place, attempts };
      } catch (error) {
        reason = `${path.basename(found.path)} could not be loaded: ${(error as Error).message}`;
      }
    }
    attempts.push({ place, reason: reason ?? 'not usable' });
    if (source === 'environment') {
      throw new TensorflowNotFoundError(
        attempts,
        `set ${DIRECTORY_VARIABLE} to a directory that holds libtensorflow, or unset it and run: ${INSTALL_COMMAND}`,
      );
    }
  }
  throw new TensorflowNotFoundError(attempts);
}

async function* candidates(options: ResolveOptions): AsyncGenerator<Candidate> {
  const env = options.env ?? process.env;
  const directory = env[DIRECTORY_VARIABLE];
  if (directory !== undefined && directory !== '') {
    const place = `${DIRECTORY_VARIABLE}=${directory}`;
    yield { source: 'environment', place, found: await findLibraryIn(directory) };
    return;
  }
  yield* cacheCandidates(options.cacheDirectory ?? cacheRoot());
  yield* pythonCandidates(env);
  for (const { place, directory: found } of await systemPlaces()) {
    yield found === undefined
      ? { source: 'system', place, found: { reason: 'has no libtensorflow' } }
      : { source: 'system', place: `${place} (${found})`, found: await findLibraryIn(found) };
  }
}

/** Yields the cache's entries. The entry of the most recent install command comes first. */
async function* cacheCandidates(root: string): AsyncGenerator<Candidate> {
  const entries = [
    ...['cpu', 'gpu'].map((variant) => cacheEntry(root, variant)),
    ...['cpu', 'gpu'].map((variant) => cacheEntry(root, variant, 'custom')),
  ];
  const dated = await Promise.all(
    entries.map(async (entry) => {
      const info = await stat(path.join(entry, MANIFEST)).catch(() => undefined);
      return { entry, installed: info?.mtimeMs };
    }),
  );
  const installed = dated.filter((item) => item.installed !== undefined);
  if (installed.length === 0) {
    yield {
      source: 'cache',
      place: `the package's cache (${root})`,
      found: { reason: 'nothing is installed there' },
    };
  }
  for (const { entry } of installed.sort((a, b) => (b.installed ?? 0) - (a.installed ?? 0))) {
    const manifest = await readManifest(entry);
    const found = 'reason' in manifest ? manifest : await findLibraryIn(entry);
    yield { source: 'cache', place: `the package's cache (${entry})`, found };
  }
}

async function* pythonCandidates(env: NodeJS.ProcessEnv): AsyncGenerator<Candidate> {
  const seen = new Set<string>();
  for (const interpreter of pythonInterpreters(env)) {
    const packages = await pythonTensorflows(interpreter);
    const place = `Python (${interpreter})`;
    if (packages === undefined) {
      yield { source: 'python', place, found: { reason: 'cannot be run' } };
    } else if (packages.length === 0) {
      yield { source: 'python', place, found: { reason: 'has no tensorflow package' } };
    }
    for (const { version, directory } of packages ?? []) {
      if (seen.has(directory)) continue;
      seen.add(directory);
      // The version is checked before loading, because a library that is refused after loading stays in the process.
      const reason = whyUnsupported(version);
      yield {
        source: 'python',
        place: `Python's TensorFlow ${version} (${directory})`,
        found: reason === undefined ? await findLibraryIn(directory) : { reason },
      };
    }
  }
}
