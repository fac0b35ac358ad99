import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { UsageError } from './failure.js';

/**
 * Refuses a directory that cannot be made or written to, before hours go into what would be written there. Makes nothing.
 *
 * @param flag the option that named it, for the message.
 */
export async function checkOutput(flag: string, directory: string): Promise<void> {
  for (let place = resolve(directory); ; place = dirname(place)) {
    const found = await stat(place).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
      throw new UsageError(`${flag}: '${place}' cannot be looked at (${error.code}).`);
    });
    if (found === null) continue;
    if (!found.isDirectory()) {
      throw new UsageError(`${flag}: expected a directory, but '${place}' is a file. Choose another place.`);
    }
    await access(place, constants.W_OK).catch((error: NodeJS.ErrnoException) => {
      throw new UsageError(`${flag}: nothing can be written to '${place}' (${error.code}).`);
    });
    return;
  }
}
