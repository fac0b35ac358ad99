import type { Stats } from 'node:fs';
import { lstat, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { isDynamicPattern } from 'tinyglobby';
import { matchFiles } from '../../../support/match_files.js';
import { UsageError } from '../failure.js';

/**
 * Returns the files that the patterns match, each once, sorted by path. Throws UsageError if no file matches, or if a
 * path does not exist, because the user could overlook a missing file among others. Directories, for example from a
 * shell's `photos/*`, are left out.
 */
export async function findPictures(patterns: readonly string[]): Promise<string[]> {
  for (const pattern of patterns) if (!isDynamicPattern(pattern)) await checkPath(pattern);
  const found = await matchFiles(patterns);
  if (found.length === 0) {
    throw new UsageError(
      `--images: no file matches ${patterns.map((each) => `'${each}'`).join(', ')} (in ${resolve('.')}). ` +
        "Name files, or put a pattern in quotes, as --images 'photos/*.jpg'.",
    );
  }
  return found;
}

/** Throws UsageError for a missing file, a broken link and a pipe. */
async function checkPath(path: string): Promise<void> {
  const refuse = (why: string) => new UsageError(`--images: '${path}' ${why} (in ${resolve('.')}).`);
  let found: Stats;
  try {
    found = await stat(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const isLink = await lstat(path).then(
      (link) => link.isSymbolicLink(),
      () => false,
    );
    if (isLink) throw refuse(`is a link that leads nowhere (${code})`);
    throw refuse(code === 'ENOENT' ? 'is not there' : `cannot be looked at (${code})`);
  }
  if (!found.isFile() && !found.isDirectory()) throw refuse('is no file');
}

/** File systems allow names of 255 bytes. Suffixes need some of them. */
const LONGEST_NAME = 200;

/**
 * Assigns every picture a unique name for its output files. The name is the base name, shortened if it is very long. If
 * the name is taken (`a/cat.jpg` and `b/cat.jpg`), a number is appended. Names are compared without case, because some
 * file systems do so.
 */
export class OutputNames {
  readonly #taken = new Set<string>();

  next(path: string): string {
    const base = shortened(basename(path));
    let name = base;
    for (let i = 2; this.#taken.has(name.toLowerCase()); i++) name = `${base}-${i}`;
    this.#taken.add(name.toLowerCase());
    return name;
  }
}

function shortened(name: string): string {
  const characters = [...name];
  while (Buffer.byteLength(characters.join('')) > LONGEST_NAME) characters.pop();
  return characters.join('');
}
