/** Fingerprints of models. A fingerprint identifies a model's weights on every machine. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, sep } from 'node:path';
import { ModelError } from '../support/errors.js';

/**
 * Returns the SHA-256 of the names, sizes and bytes of a model's files. The directory's name is not included. A
 * `saved_model.pb` stands for its directory, which holds the weights. So does the JSON file of a TensorFlow.js model,
 * whose name counts, too: a directory may hold several.
 */
export async function fingerprintOf(given: string): Promise<string> {
  const name = basename(given);
  const isJson = extname(name) === '.json';
  const path = name === 'saved_model.pb' || isJson ? dirname(given) : given;
  try {
    const isFile = (await stat(path)).isFile();
    const files = isFile ? [path] : await filesBelow(path);
    const hash = createHash('sha256');
    if (isJson) hash.update(JSON.stringify([name]));
    for (const file of files) {
      const { size } = await stat(file);
      const place = isFile ? '' : relative(path, file).split(sep).join('/');
      hash.update(JSON.stringify([place, size]));
      for await (const block of createReadStream(file, { highWaterMark: 1 << 20 }))
        hash.update(block as Buffer);
    }
    return hash.digest('hex');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const known = code === 'ENOENT' ? 'NOT_FOUND' : 'UNKNOWN';
    throw new ModelError(known, `The model '${given}' cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files: string[] = [];
  for (const entry of entries) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isFile() || (entry.isSymbolicLink() && (await stat(file)).isFile())) files.push(file);
  }
  return files.sort();
}
