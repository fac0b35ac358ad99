import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/**
 * Opens a file for reading. Opening a pipe normally blocks one of libuv's few threads until a writer appears, and that
 * wait cannot be cancelled. The file is therefore opened without blocking, and `check` refuses what is not a file.
 *
 * @param check receives the status of the opened file and throws to refuse the file.
 */
export async function openToRead(path: string | URL, check: (found: Stats) => void): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    check(await file.stat());
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}
