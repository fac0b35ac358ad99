/** Files that a model file names. They must lie in the directory of the model file. */
import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { ModelError } from '../../support/errors.js';
import { MOST_NAME } from './limits.js';

/** A file beside the model file. */
export interface Sibling {
  readonly path: string;
  readonly size: number;
}

/**
 * Finds the file that `owner`, a file in `directory`, names. The name is a relative path with slashes, as in a URL, but
 * is not decoded.
 *
 * @throws ModelError (`DATA_LOSS`) if the name leads out of the directory, also over a symbolic link, and (`NOT_FOUND`)
 *   if the file does not exist.
 */
export async function findSibling(directory: string, name: string, owner: string): Promise<Sibling> {
  if (!isWithin(name)) {
    throw new ModelError(
      'DATA_LOSS',
      `${owner} names the file ${JSON.stringify(name.slice(0, 200))}. Expected a path within the directory of the model.`,
    );
  }
  const file = path.join(directory, name);
  let real: string;
  try {
    real = await realpath(file);
  } catch (error) {
    throw new ModelError('NOT_FOUND', `${owner} names the file ${name}, which cannot be found beside it.`, {
      cause: error,
    });
  }
  if (!real.startsWith(path.join(await realpath(directory), path.sep))) {
    throw new ModelError(
      'DATA_LOSS',
      `${owner} names the file ${name}, a link out of the directory of the model.`,
    );
  }
  const found = await stat(real);
  if (!found.isFile()) throw new ModelError('DATA_LOSS', `${owner} names ${name}, which is no regular file.`);
  return { path: real, size: found.size };
}

/** Returns whether a name stays in the directory, as it is and if a reader of URLs decodes it. */
export function isWithin(name: string): boolean {
  if (name.length > MOST_NAME) return false;
  return [name, decoded(name)].every(
    (text) =>
      text !== '' &&
      !/[\\\0]/.test(text) &&
      !/^(\/|[a-z][a-z\d+.-]*:)/i.test(text) &&
      !text.split('/').some((part) => part === '..'),
  );
}

/** Returns the name without percent-encoding, however often it was encoded. */
function decoded(name: string): string {
  let text = name;
  for (;;) {
    let next: string;
    try {
      next = decodeURIComponent(text);
    } catch {
      return text;
    }
    if (next === text) return text;
    text = next;
  }
}
