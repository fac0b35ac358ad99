/** Loads libtensorflow into this process after checks of the library's version and the processor. */
import { execFile } from 'node:child_process';
import { LoadError, nativeAsync } from '../support/errors.js';
import { whyUnsupported } from '../tensorflow/versions.js';
import type { Addon } from './contract.js';

/**
 * Loads the library at the path `library` and returns the library's version. Refuses unsupported releases, for which
 * only `TF_Version` is called. On a processor without AVX, refuses libraries that need AVX.
 *
 * @param file the path of the addon
 * @throws LoadError if the library is refused or cannot be loaded
 */
export async function loadLibrary(addon: Addon, file: string, library: string): Promise<string> {
  if (addon.hasAvx() === false) await tryWithoutAvx(file, library);
  const version = await nativeAsync(() => addon.libraryVersion(library), LoadError);
  const reason = whyUnsupported(version);
  if (reason !== undefined) throw new LoadError('FAILED_PRECONDITION', `it ${reason}`);
  addon.setMemoryLimit(containerMemory());
  return nativeAsync(() => addon.loadLibrary(library), LoadError);
}

/** Returns the control group's memory limit for this process in bytes, or 0 if there is no limit. */
function containerMemory(): number {
  const limit = process.constrainedMemory?.() ?? 0;
  // Node reports the absence of a limit as a number beyond any machine's memory.
  return limit <= Number.MAX_SAFE_INTEGER ? limit : 0;
}

/** The program of the trial process. argv holds the paths of the addon and the library. */
const TRIAL = 'require(process.argv[1]).loadLibrary(process.argv[2]).catch(() => undefined)';

/**
 * Loads the library in a separate process and rejects if the process is ended by a signal. TensorFlow's own builds for
 * x64 use AVX from their first instructions on, and end the process if the processor lacks AVX. Other builds, such as
 * conda-forge's, do not. A library does not report which kind of build it is. The trial costs a second, on processors
 * from before 2011 and in virtual machines that hide the processor's AVX.
 */
export function tryWithoutAvx(file: string, library: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error: Error | null) => {
      const signal = (error as { signal?: NodeJS.Signals } | null)?.signal;
      // Other errors are ignored: loading the library in this process reports them.
      if (signal === undefined || signal === null) return resolve();
      reject(
        new LoadError(
          'FAILED_PRECONDITION',
          `this processor has no AVX, and the library ends the process without AVX (${signal}). Configure the virtual ` +
            "machine to pass the host's CPU through, or use a TensorFlow that is built for this processor",
        ),
      );
    };
    execFile(process.execPath, ['-e', TRIAL, file, library], settle);
  });
}
