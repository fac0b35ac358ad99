import { stat } from 'node:fs/promises';
import { basename, isAbsolute, resolve } from 'node:path';
import { escapePath, glob } from 'tinyglobby';
import { UsageError } from '../failure.js';

/**
 * The files that the patterns match, each once, sorted by path. A pattern may also be a plain path; absolute ones
 * give absolute paths.
 */
export async function findPictures(patterns: readonly string[]): Promise<string[]> {
  const found = new Map<string, string>();
  for (const pattern of patterns) {
    const options = { onlyFiles: true, expandDirectories: false, absolute: isAbsolute(pattern) };
    for (const path of await glob(await toGlob(pattern), options)) found.set(resolve(path), path);
  }
  if (found.size === 0) {
    throw new UsageError(
      `--images: no file matches ${patterns.map((each) => `'${each}'`).join(', ')} (in ${resolve('.')}). ` +
        "Put the pattern in quotes, as --images 'photos/*.jpg'.",
    );
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

/**
 * Gives every picture a name of its own for the files made from it: its base name, with a number after it where
 * that is taken (`a/cat.jpg` and `b/cat.jpg`), compared without case, as some file systems do.
 */
export class OutputNames {
  readonly #taken = new Set<string>();

  next(path: string): string {
    const base = basename(path);
    let name = base;
    for (let i = 2; this.#taken.has(name.toLowerCase()); i++) name = `${base}-${i}`;
    this.#taken.add(name.toLowerCase());
    return name;
  }
}
