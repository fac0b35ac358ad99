/**
 * Finds the native addon and libtensorflow at the first use, never at import. `import` therefore cannot fail, and the
 * error for a missing library says how to install the library.
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

/** The folders in which cmake-js and node-gyp build the addon, relative to the package's root. */
const BUILDS = ['build/cmake/Release', 'build/Release', 'build/cmake/Debug', 'build/Debug'];
const FILE = 'keras_explainable.node';

let addon: Addon | undefined;
/** The path of the loaded addon. */
let addonFile = '';
let loading: Promise<Addon> | undefined;

/** Returns the nearest directory above this file with a package.json. lib/ and dist/ are both in this directory. */
function packageRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package.json')) && dirname(directory) !== directory) {
    directory = dirname(directory);
  }
  return directory;
}

/** Returns the possible paths of the addon, in order of preference. */
export function addonFiles(): readonly string[] {
  return BUILDS.map((build) => join(packageRoot(), build, FILE));
}

let version: string | undefined;

/** Returns this package's version. */
export function packageVersion(): string {
  version ??= (JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string })
    .version;
  return version;
}

/**
 * Loads the addon without TensorFlow. Throws a LoadError that lists every path tried. Also throws a LoadError on an
 * unsupported system.
 */
export function unloadedAddon(): Addon {
  if (addon !== undefined) return addon;
  const unsupported = whyUnsupportedPlatform();
  if (unsupported !== undefined) throw new LoadError('FAILED_PRECONDITION', unsupported);
  const require = createRequire(import.meta.url);
  const tried: string[] = [];
  let cause: unknown;
  for (const path of addonFiles()) {
    if (!existsSync(path)) {
      tried.push(`${path}: not found`);
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
 * Loads the addon, and loads libtensorflow into this process on a background thread (0.2 to 0.6 s the first time).
 * Idempotent. A call after a failure tries again, so that an installation takes effect without a restart.
 */
export function ensureTensorflow(): Promise<Addon> {
  loading ??= load().catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

/** Returns the addon if libtensorflow is loaded. Throws a LoadError (`FAILED_PRECONDITION`) otherwise. */
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

/**
 * Returns the addon if libtensorflow is loaded, else null. For callers that have nothing to do before the first use.
 */
export function addonInUse(): Addon | null {
  return addon !== undefined && addon.loadedPath() !== null ? addon : null;
}
