/** Reads files fetched by the installer: checksums, wheels (zip) and tarballs. Only selected entries are unpacked. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { extract as extractTar } from 'tar';
import { type Entry, openPromise } from 'yauzl';

/** Returns the SHA-256 of a file in hexadecimal. */
export async function sha256(file: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash, { signal });
  return hash.digest('hex');
}

/** Returns the path of an archive's entry relative to the target directory, or undefined to skip the entry. */
export type EntryTarget = (name: string) => string | undefined;

/**
 * Unpacks the entries of a zip file, such as a wheel, for which `target` returns a path. `onBytes` receives the size of
 * every block written. yauzl refuses entry names that point outside the archive's root.
 */
export async function unpackZip(
  file: string,
  directory: string,
  target: EntryTarget,
  onBytes: (bytes: number) => void = () => {},
  signal?: AbortSignal,
): Promise<void> {
  const zip = await openPromise(file);
  try {
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName.endsWith('/')) continue;
      const place = target(entry.fileName);
      if (place === undefined) continue;
      const destination = path.join(directory, place);
      await mkdir(path.dirname(destination), { recursive: true });
      const stream = await zip.openReadStreamPromise(entry);
      stream.on('data', (block: Buffer) => onBytes(block.length));
      const mode = isExecutable(entry) ? 0o755 : 0o644;
      await pipeline(stream, createWriteStream(destination, { mode }), { signal });
    }
  } finally {
    zip.close();
  }
}

// The upper half of a zip's external attributes is the Unix mode.
function isExecutable(entry: Entry): boolean {
  return ((entry.externalFileAttributes >>> 16) & 0o111) !== 0;
}

/** Unpacks the entries of a .tar.gz for which `keep` returns true, including links between these entries. */
export async function unpackTarball(
  file: string,
  directory: string,
  keep: (name: string) => boolean,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  await extractTar({ file, cwd: directory, strict: true, filter: (name) => keep(name.replace(/^\.\//, '')) });
}
