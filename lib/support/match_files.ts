import { stat } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { escapePath, glob } from 'tinyglobby';

/**
 * Returns the files that match `patterns`, each once, sorted by path. A pattern may be a plain path. An absolute
 * pattern gives absolute paths. Symbolic links are followed.
 */
export async function matchFiles(patterns: readonly string[]): Promise<string[]> {
  const found = new Map<string, string>();
  for (const pattern of patterns) {
    const options = { onlyFiles: true, expandDirectories: false, absolute: isAbsolute(pattern) };
    for (const path of await glob(await toGlob(pattern), options)) found.set(resolve(path), path);
  }
  return [...found.values()].sort();
}

/** Escapes the pattern if a file has exactly this name: `photo [1].jpg` is a file, not a pattern. */
async function toGlob(pattern: string): Promise<string> {
  const isFile = await stat(pattern).then(
    (found) => found.isFile(),
    () => false,
  );
  return isFile ? escapePath(pattern) : pattern;
}
