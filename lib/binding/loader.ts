/**
 * Finds the native addon and libtensorflow, at first use and never at import, so that `import` cannot fail and a
 * missing library is an error that says what to do.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LoadError, native } from '../support/errors.js';
import { whyUnsupportedPlatform } from '../tensorflow/platforms.js';
import { resolveTensorflow } from '../tensorflow/resolve.js';
import type { Addon } from './contract.js';
import { loadLibrary } from './library.js';

/** Where cmake-js and node-gyp leave the addon, from the package's root. */
const BUILDS = ['build/cmake/Release', 'build/Release', 'build/cmake/Debug', 'build/Debug'];
const FILE = 'keras_explainable.node';

let addon: Addon | undefined;
/** Where it was found. */
let addonFile = '';
let loading: Promise<Addon> | undefined;

/** The nearest directory above this file that holds package.json: both lib/ and dist/ lie in it. */
function packageRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package.json')) && dirname(directory) !== directory) {
    directory = dirname(directory);
  }
  return directory;
}

/** The files that the addon may be, best first. */
export function addonFiles(): readonly string[] {
  return BUILDS.map((build) => join(packageRoot(), build, FILE));
}

let version: string | undefined;

/** This package's version. */
export function packageVersion(): string {
  version ??= (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string })
    .version;
  return version;
}

/** Loads the addon itself, without TensorFlow. Throws LoadError with every place tried, and on another system. */
export function unloadedAddon(): Addon {
  if (addon !== undefined) return addon;
  const unsupported = whyUnsupportedPlatform();
  if (unsupported !== undefined) throw new LoadError('FAILED_PRECONDITION', unsupported);
  const require = createRequire(import.meta.url);
  const tried: string[] = [];
  let cause: unknown;
  for (const path of addonFiles()) {
    if (!existsSync(path)) {
      tried.push(`${path}: not there`);
      continue;
    }
    try {
      addon = require(path) as Addon;
      addonFile = path;
      return addon;
    } catch (error) {
      cause = error;
      tried.push(`${path}: ${(error as Error).message}`);
    }
  }
  throw new LoadError(
    'NOT_FOUND',
    `The native addon of keras-explainable could not be loaded. Tried:\n  ${tried.join('\n  ')}\n` +
      `Build it with \`npx keras-explainable build\`, or \`npm run build\` in a clone of the project.`,
    { cause },
  );
}

async function load(): Promise<Addon> {
  const loaded = unloadedAddon();
  if (loaded.loadedPath() === null) {
    await resolveTensorflow({ load: (library) => loadLibrary(loaded, addonFile, library) });
  }
  return loaded;
}

/**
 * Loads the addon, and libtensorflow into this process on a background thread (0.2 to 0.6 s the first time).
 * Idempotent; after a failure it tries again, so that an installation can mend it without a restart.
 */
export function ensureTensorflow(): Promise<Addon> {
  loading ??= load().catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

/** The addon where libtensorflow is loaded already. Throws LoadError (`FAILED_PRECONDITION`) where it is not. */
export function loadedAddon(): Addon {
  const loaded = unloadedAddon();
  if (native(() => loaded.loadedPath()) === null) {
    throw new LoadError(
      'FAILED_PRECONDITION',
      'TensorFlow is not loaded yet. Await `loadModel(...)` or `ready()` first.',
    );
  }
  return loaded;
}

/** The addon where it has been used before, else null: for what has nothing to say about an idle library. */
export function addonInUse(): Addon | null {
  return addon !== undefined && addon.loadedPath() !== null ? addon : null;
}
