import { mkdtemp, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/**
 * Why no file can be made in `directory`, where there is such a reason: it is a file, or not to be written to. A
 * directory that is not there yet is looked at in the nearest one above it, and not made.
 */
export async function whyNotWritable(directory: string): Promise<string | null> {
  for (let place = resolve(directory); ; place = dirname(place)) {
    let isDirectory: boolean;
    try {
      isDirectory = (await stat(place)).isDirectory();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') continue;
      return `'${place}' cannot be looked at (${code})`;
    }
    if (!isDirectory) return `expected a directory, but '${place}' is a file`;
    return tryToWrite(place);
  }
}

/**
 * Permissions do not tell: root may write to /proc by them, and cannot (where `mkdir` would try for ever, with
 * `recursive`); a file system may be mounted read-only.
 */
async function tryToWrite(directory: string): Promise<string | null> {
  try {
    await rmdir(await mkdtemp(join(directory, '.keras-explainable-')));
    return null;
  } catch (error) {
    return `nothing can be written to '${directory}' (${(error as NodeJS.ErrnoException).code})`;
  }
}
