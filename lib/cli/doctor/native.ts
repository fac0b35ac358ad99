/** Checks that the addon and libtensorflow exist and work. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { addonFiles } from '../../binding/loader.js';
import { isAccelerator } from '../../distribute/device_kinds.js';
import type { DeviceInfo } from '../../distribute/devices.js';
import { hasNvidiaDriver } from '../../tensorflow/install.js';
import { type ResolveAttempt, TensorflowNotFoundError } from '../../tensorflow/install_errors.js';
import { readManifest } from '../../tensorflow/library_layout.js';
import { DIRECTORY_VARIABLE, resolveTensorflow } from '../../tensorflow/resolve.js';
import { formatBytes } from '../shared/numbers.js';
import type { Finding } from './finding.js';
import { runProbe } from './probing.js';

const BUILD = 'npx keras-explainable build (needs CMake, make and a C++20 compiler)';

/** The finding about the addon, and its file if the addon loads. */
export interface AddonFound {
  readonly finding: Finding;
  readonly path: string | null;
}

export async function addonFinding(signal: AbortSignal): Promise<AddonFound> {
  const tried: string[] = [];
  for (const path of addonFiles()) {
    if (!existsSync(path)) {
      tried.push(`${path}: not there`);
      continue;
    }
    try {
      await runProbe({ kind: 'module', path }, { signal });
      return { path, finding: { check: 'addon', status: 'ok', found: path, facts: { path } } };
    } catch (error) {
      signal.throwIfAborted();
      tried.push(`${path}: ${(error as Error).message}`);
    }
  }
  return {
    path: null,
    finding: {
      check: 'addon',
      status: 'error',
      found: 'the native addon is not built, or cannot be loaded',
      details: tried,
      mend: BUILD,
      facts: { path: null, tried },
    },
  };
}

/** The finding about libtensorflow, and its file if the library loads and computes. */
export interface LibraryFound {
  readonly finding: Finding;
  readonly path: string | null;
  /** The devices of TensorFlow. null if they could not be read. */
  readonly devices: readonly DeviceInfo[] | null;
}

/** Tries each place in the order of the package. @param addon the addon's file, or null if there is none. */
export async function libraryFinding(addon: string | null, signal: AbortSignal): Promise<LibraryFound> {
  let version: string | null = null;
  let devices: readonly DeviceInfo[] | null = null;
  try {
    const { library, place, source, attempts } = await resolveTensorflow({
      load: async (file) => {
        // Without the addon, the library cannot be loaded. Only its existence can be reported.
        if (addon === null) return;
        const probe = { kind: 'library', addon, library: file } as const;
        ({ version, devices } = (await runProbe(probe, { signal })) as {
          version: string;
          devices: readonly DeviceInfo[] | null;
        });
      },
    });
    const variant = await variantOf(library);
    const gpu = await hasNvidiaDriver();
    const works = addon === null ? ', not tried: there is no addon to load it' : ', loads and computes';
    const unused = gpu && variant === 'cpu';
    return {
      path: library,
      devices,
      finding: {
        check: 'tensorflow',
        status: unused ? 'warning' : 'ok',
        found: `${version ?? 'libtensorflow'}${variant === null ? '' : `, built for ${variant.toUpperCase()}`}${works}`,
        details: [library, `found by ${place}`, ...attemptLines(attempts)],
        mend: unused
          ? 'this machine has an NVIDIA GPU: npx keras-explainable install-tensorflow --variant gpu'
          : undefined,
        facts: { version, variant, library, source, place, passedOver: attempts, nvidiaDriver: gpu },
      },
    };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof TensorflowNotFoundError)) throw error;
    const [, mend] = /\nTo fix this, (.*)$/s.exec(error.message) ?? [];
    return {
      path: null,
      devices: null,
      finding: {
        check: 'tensorflow',
        status: 'error',
        found: 'no usable libtensorflow was found',
        details: attemptLines(error.attempts),
        mend: mend ?? `set ${DIRECTORY_VARIABLE}`,
        facts: { version: null, passedOver: error.attempts },
      },
    };
  }
}

/** Returns null if TensorFlow could not be asked. */
export async function devicesFinding(devices: readonly DeviceInfo[] | null): Promise<Finding | null> {
  if (devices === null) return null;
  const gpus = devices.filter(({ type }) => isAccelerator(type)).length;
  const unseen = gpus === 0 && (await hasNvidiaDriver());
  const counted = gpus === 0 ? 'the CPU' : gpus === 1 ? 'one GPU' : `${gpus} GPUs`;
  return {
    check: 'devices',
    status: unseen ? 'warning' : 'ok',
    found: unseen ? 'the CPU: TensorFlow sees no GPU, though there is an NVIDIA driver' : counted,
    details: devices
      .filter(({ type }) => isAccelerator(type))
      .map(({ name, memoryBytes }) => `${name}: ${formatBytes(memoryBytes)}`),
    mend: unseen
      ? 'npx keras-explainable install-tensorflow --variant gpu; and look at CUDA_VISIBLE_DEVICES'
      : undefined,
    facts: { devices },
  };
}

function attemptLines(attempts: readonly ResolveAttempt[]): string[] {
  return attempts.map(({ place, reason }) => `passed over ${place}: ${reason}`);
}

/** Returns the kind of device that a library is built for, from its package: 'cpu', 'gpu', or null if unknown. */
async function variantOf(library: string): Promise<string | null> {
  const directory = dirname(library);
  // A cache entry has the library in its folder `tensorflow`.
  for (const entry of [directory, dirname(directory), dirname(dirname(directory))]) {
    const found = await readManifest(entry);
    if ('manifest' in found) return found.manifest.variant;
  }
  const built = await readFile(join(directory, 'python', 'platform', 'build_info.py'), 'utf8').catch(
    () => '',
  );
  const [, cuda] = /'is_cuda_build', (True|False)/.exec(built) ?? [];
  return cuda === undefined ? null : cuda === 'True' ? 'gpu' : 'cpu';
}
