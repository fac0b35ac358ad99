/** Recognises the formats of this room by the content of a path. Reads a few KiB. */
import { constants } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { ModelError } from '../../support/errors.js';
import type { ModelFile } from './open_reader.js';

type Found = Pick<ModelFile, 'kind' | 'path'> | { readonly kind: 'graph-model'; readonly path: string };

/** The bytes that are read of a file's start. */
const SAMPLE = 4096;

const ZIP = 'PK\x03\x04';
const HDF5 = '\x89HDF\r\n\x1a\n';

/** The names of members with which a Keras file begins. The first member's name is at byte 30 of an archive. */
const FIRST_MEMBERS = ['metadata.json', 'config.json', 'model.weights.', 'assets/'];
const NAME_AT = 30;

/** The files of an unpacked Keras file. */
const UNPACKED = ['config.json', 'metadata.json', 'model.weights.h5'];

const ENDINGS = /\.(keras|h5|hdf5)$/i;

/**
 * Returns the model file at the path, or null for anything else. Null also for a path that does not exist or cannot be
 * read: the native importers have the message.
 */
export async function recognise(place: string): Promise<Found | null> {
  const status = await stat(place).catch(() => null);
  if (status === null) return null;
  return status.isDirectory() ? inDirectory(place) : status.isFile() ? ofFile(place) : null;
}

async function inDirectory(directory: string): Promise<Found | null> {
  const names = new Set(await readdir(directory).catch(() => []));
  if (names.has('saved_model.pb') || names.has('saved_model.pbtxt')) return null;
  if (UNPACKED.every((name) => names.has(name))) return { kind: 'directory', path: directory };
  if (names.has('model.json')) {
    const found = await ofFile(path.join(directory, 'model.json')).catch(() => null);
    if (found?.kind === 'tfjs' || found?.kind === 'graph-model') return found;
  }
  const files: Found[] = [];
  for (const name of [...names].filter((each) => ENDINGS.test(each)).sort()) {
    const found = await recognise(path.join(directory, name));
    if (found !== null) files.push(found);
  }
  if (files.length > 1) {
    throw new ModelError(
      'INVALID_ARGUMENT',
      `${directory} has several models: ${files.map((file) => path.basename(file.path)).join(', ')}. Pass the path of one.`,
    );
  }
  return files[0] ?? null;
}

async function ofFile(file: string): Promise<Found | null> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => null);
  if (handle === null) return null;
  try {
    const status = await handle.stat();
    if (!status.isFile()) return null;
    const start = await textAt(handle, 0, SAMPLE);
    if (start.startsWith(ZIP)) {
      const isKeras = FIRST_MEMBERS.some((name) => start.startsWith(name, NAME_AT));
      return isKeras ? { kind: 'archive', path: file } : null;
    }
    if (start.trimStart().startsWith('{')) return ofJson(start, file);
    // The signature is at byte 0, or after a user block at byte 512, 1024, 2048, ...
    for (let at = 0; at < status.size; at = at === 0 ? 512 : 2 * at) {
      if ((await textAt(handle, at, HDF5.length)) === HDF5) return { kind: 'hdf5', path: file };
    }
    return null;
  } finally {
    await handle.close();
  }
}

function ofJson(start: string, file: string): Found | null {
  if (/"format"\s*:\s*"graph-model"/.test(start)) return { kind: 'graph-model', path: file };
  if (/"(modelTopology|weightsManifest)"|"layers-model"/.test(start)) return { kind: 'tfjs', path: file };
  if (start.includes('"weight_map"')) return { kind: 'shards', path: file };
  if (!/"class_name"\s*:/.test(start)) return null;
  throw new ModelError(
    'INVALID_ARGUMENT',
    `${file} has an architecture without weights. Pass the path of the weights, and this file as \`architecture\`.`,
  );
}

async function textAt(handle: FileHandle, position: number, length: number): Promise<string> {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, position);
  return buffer.toString('latin1', 0, bytesRead);
}
