/** Loads libtensorflow into this process, once what can be known before says that it can be. */
import { execFile } from 'node:child_process';
import { LoadError, nativeAsync } from '../support/errors.js';
import { whyUnsupported } from '../tensorflow/versions.js';
import type { Addon } from './contract.js';

/**
 * Loads the library at the path `library`, and returns its version. Refused are releases that are not supported, before
 * any function but `TF_Version` is called, and, on a processor without AVX, libraries that need it.
 *
 * @param file the addon's.
 * @throws LoadError
 */
export async function loadLibrary(addon: Addon, file: string, library: string): Promise<string> {
  if (addon.hasAvx() === false) await tryWithoutAvx(file, library);
  const version = await nativeAsync(() => addon.libraryVersion(library), LoadError);
  const reason = whyUnsupported(version);
  if (reason !== undefined) throw new LoadError('FAILED_PRECONDITION', `it ${reason}`);
  addon.setMemoryLimit(containerMemory());
  return nativeAsync(() => addon.loadLibrary(library), LoadError);
}

/** What a control group leaves to this process, in bytes; 0 where none limits it. */
function containerMemory(): number {
  const limit = process.constrainedMemory?.() ?? 0;
  // Node tells of no limit by a number that no machine has.
  return limit <= Number.MAX_SAFE_INTEGER ? limit : 0;
}

/** As a program of its own: argv holds the addon and the library. */
const TRIAL = 'require(process.argv[1]).loadLibrary(process.argv[2]).catch(() => undefined)';

/**
 * TensorFlow's own builds for x64 use AVX from their first instructions on, and end the process where there is none;
 * other builds (conda-forge's) do not. Nothing in a library says which it is, so it is tried in a process of its own:
 * that costs a second, on processors from before 2011 and in virtual machines that hide what theirs can do.
 */
export function tryWithoutAvx(file: string, library: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error: Error | null) => {
      const signal = (error as { signal?: NodeJS.Signals } | null)?.signal;
      // What it says by itself is said again, and in its own words, where it is loaded.
      if (signal === undefined || signal === null) return resolve();
      reject(
        new LoadError(
          'FAILED_PRECONDITION',
          `this processor has no AVX, and the library does not run without it: it ends the process (${signal}). Let ` +
            'the virtual machine pass the CPU of its host through, or use a TensorFlow that is built for this one',
        ),
      );
    };
    execFile(process.execPath, ['-e', TRIAL, file, library], settle);
  });
}
