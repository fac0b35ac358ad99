import { basename, resolve } from 'node:path';
import { matchFiles } from '../../match_files.js';
import { UsageError } from '../failure.js';

/** The files that the patterns match, each once, sorted by path. Throws UsageError where there are none. */
export async function findPictures(patterns: readonly string[]): Promise<string[]> {
  const found = await matchFiles(patterns);
  if (found.length === 0) {
    throw new UsageError(
      `--images: no file matches ${patterns.map((each) => `'${each}'`).join(', ')} (in ${resolve('.')}). ` +
        "Put the pattern in quotes, as --images 'photos/*.jpg'.",
    );
  }
  return found;
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
