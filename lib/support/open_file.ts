import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/**
 * Opens a file to read it. To open a pipe would wait for whoever writes to it, in one of the few threads that do all
 * file work of the process, and nobody could end that. So nothing here waits: `check` sees what it is, and refuses it.
 */
export async function openToRead(path: string | URL, check: (found: Stats) => void): Promise<FileHandle> {
  // Windows has no such flag, nor pipes among its files.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    check(await file.stat());
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}
