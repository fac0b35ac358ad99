import { stat } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { escapePath, glob } from 'tinyglobby';

/**
 * The files that the patterns match, each once, sorted by path. A pattern may also be a plain path; absolute ones give
 * absolute paths. Symbolic links are followed.
 */
export async function matchFiles(patterns: readonly string[]): Promise<string[]> {
  const found = new Map<string, string>();
  for (const pattern of patterns) {
    const options = { onlyFiles: true, expandDirectories: false, absolute: isAbsolute(pattern) };
    for (const path of await glob(await toGlob(pattern), options)) found.set(resolve(path), path);
  }
  return [...found.values()].sort();
}

/** A file's own name is no pattern, even if it has brackets in it: `photo [1].jpg`. */
async function toGlob(pattern: string): Promise<string> {
  const isFile = await stat(pattern).then(
    (found) => found.isFile(),
    () => false,
  );
  // Shells of Windows hand backslashes on; a glob knows them as escapes only.
  const portable = process.platform === 'win32' ? pattern.replaceAll('\\', '/') : pattern;
  return isFile ? escapePath(portable) : portable;
}
