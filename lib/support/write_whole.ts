import { randomUUID } from 'node:crypto';
import { rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** An error of writing that says which file: those of a full disk or a broken connection do not. */
export function withPath(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || error.message.includes(path)) return error;
  const { code } = error as NodeJS.ErrnoException;
  return Object.assign(new Error(`${error.message} '${path}'`, { cause: error }), { code, path });
}

/**
 * Writes a file so that it is there whole or not at all, whenever the process ends and whoever writes it at the same
 * time: into a file beside it, which then takes its name. A device or a pipe takes the bytes itself.
 */
export async function writeWhole(path: string, data: Uint8Array): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  if (there?.isFile() === false && !there.isDirectory()) {
    await writeFile(path, data).catch((error) => Promise.reject(withPath(error, path)));
    return;
  }
  await writeWholeBy(path, (unfinished) => writeFile(unfinished, data, { flag: 'wx' }));
}

/** As {@link writeWhole}. `write` receives the path of a file that does not exist, and writes the file. */
export async function writeWholeBy(
  path: string,
  write: (unfinished: string) => Promise<void>,
): Promise<void> {
  // Not the file's own name with an ending: that may be as long as names can be.
  const unfinished = join(dirname(path), `.${randomUUID()}.tmp`);
  try {
    await write(unfinished);
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw withPath(error, path);
  }
}
