import { basename, resolve } from 'node:path';
import { glob } from 'tinyglobby';
import { UsageError } from '../failure.js';

/** The files that the patterns match, each once, sorted by path. A pattern may also be a plain path. */
export async function findPictures(patterns: readonly string[]): Promise<string[]> {
  // Shells of Windows hand backslashes on; a glob knows them as escapes only.
  const portable =
    process.platform === 'win32' ? patterns.map((each) => each.replaceAll('\\', '/')) : [...patterns];
  const found = await glob(portable, { onlyFiles: true, expandDirectories: false, absolute: false });
  if (found.length === 0) {
    throw new UsageError(
      `--images: no file matches ${patterns.map((each) => `'${each}'`).join(', ')} (in ${resolve('.')}). ` +
        "Put the pattern in quotes, as --images 'photos/*.jpg'.",
    );
  }
  return found.sort();
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
