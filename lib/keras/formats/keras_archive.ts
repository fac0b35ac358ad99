/**
 * Reads `.keras` files: a zip archive with the architecture (`config.json`), the version (`metadata.json`) and the
 * weights (`model.weights.h5`). Keras stores members as they are, so the weights are read where they lie in the
 * archive. Also reads a directory with these files, which Keras writes with `zipped=False`.
 */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { type Entry, fromFdPromise, type ZipFile } from 'yauzl';
import { ModelError } from '../../support/errors.js';
import { architectureOf } from './architecture.js';
import { FileRange, type ReadObserver } from './file_range.js';
import { Hdf5File } from './hdf5_file.js';
import { defaultVersion, hdf5Reader } from './hdf5_model.js';
import { Hdf5Index, readTree } from './hdf5_weights.js';
import { checkJsonSize, parseObject } from './json_text.js';
import { MOST_ENTRIES, MOST_EXPANSION, SMALL_BYTES } from './limits.js';
import type { ModelReader } from './model_reader.js';

const CONFIG = 'config.json';
const METADATA = 'metadata.json';
const WEIGHTS = 'model.weights.h5';
const MEMBERS = [CONFIG, METADATA, WEIGHTS];

/** The bytes that are read at once for a checksum. */
const PIECE = 2 ** 20;

/** Opens a `.keras` archive. */
export async function openKerasArchive(file: FileRange, observer: ReadObserver): Promise<ModelReader> {
  const members = await openMembers(file, observer);
  return openMembersModel(file.path, 'a Keras file (.keras)', members);
}

/** Opens a directory with the members of a `.keras` archive. */
export async function openKerasDirectory(directory: string, observer: ReadObserver): Promise<ModelReader> {
  const members = new Map<string, FileRange>();
  for (const name of MEMBERS) members.set(name, FileRange.open(path.join(directory, name), observer));
  return openMembersModel(directory, 'an unpacked Keras file', members);
}

async function openMembersModel(
  source: string,
  format: string,
  members: ReadonlyMap<string, FileRange>,
): Promise<ModelReader> {
  const json = (name: string) => {
    const member = memberOf(members, name, source);
    checkJsonSize(member.size, member.path);
    return parseObject(member.all().toString(), member.path);
  };
  const { architecture } = architectureOf(json(CONFIG), `${CONFIG} of ${source}`);
  const { keras_version: version } = json(METADATA);
  const file = await Hdf5File.open(memberOf(members, WEIGHTS, source));
  try {
    const index = new Hdf5Index();
    const weights = { layout: 'tree', arrays: readTree(file, index) } as const;
    const kerasVersion = typeof version === 'string' ? version : defaultVersion(weights);
    return hdf5Reader(index, { format, path: source, architecture, kerasVersion, backend: '', weights }, [
      file,
    ]);
  } catch (error) {
    file.close();
    throw error;
  }
}

function memberOf(members: ReadonlyMap<string, FileRange>, name: string, source: string): FileRange {
  const member = members.get(name);
  if (member === undefined) throw new ModelError('DATA_LOSS', `The Keras file ${source} has no ${name}.`);
  return member;
}

/** Finds the members of the archive that belong to the model. */
async function openMembers(file: FileRange, observer: ReadObserver): Promise<Map<string, FileRange>> {
  const members = new Map<string, FileRange>();
  const zip = await reading(file, () => fromFdPromise(file.fd, { autoClose: false }));
  if (zip.entryCount > MOST_ENTRIES) {
    throw new ModelError(
      'OUT_OF_RANGE',
      `${file.path} has ${zip.entryCount} members. Expected at most ${MOST_ENTRIES}.`,
    );
  }
  const entries: Entry[] = [];
  await reading(file, async () => {
    for await (const entry of zip.eachEntry()) entries.push(entry);
  });
  for (const entry of entries) {
    const name = entry.fileName;
    if (name === 'model.weights.npz') {
      throw new ModelError(
        'UNIMPLEMENTED',
        `${file.path} has its weights in ${name}. Save the model again with Keras.`,
      );
    }
    if (!MEMBERS.includes(name)) continue;
    if (members.has(name))
      throw new ModelError('DATA_LOSS', `${file.path} has two members with the name ${name}.`);
    members.set(name, await openMember(file, zip, entry, observer));
  }
  return members;
}

async function openMember(
  file: FileRange,
  zip: ZipFile,
  entry: Entry,
  observer: ReadObserver,
): Promise<FileRange> {
  const { fileName, compressedSize, uncompressedSize, compressionMethod } = entry;
  const name = `${fileName} of ${file.path}`;
  if (entry.isEncrypted()) {
    throw new ModelError('UNIMPLEMENTED', `${name} is encrypted. Pack the archive without a password.`);
  }
  if (uncompressedSize > Math.max(SMALL_BYTES, MOST_EXPANSION * compressedSize)) {
    throw new ModelError(
      'DATA_LOSS',
      `${name} declares ${uncompressedSize} bytes compressed to ${compressedSize}.`,
    );
  }
  if (compressionMethod !== 0) return inflated(file, zip, entry, name, observer);
  if (compressedSize !== uncompressedSize) {
    throw new ModelError(
      'DATA_LOSS',
      `${name} is stored with ${compressedSize} bytes but declares ${uncompressedSize}.`,
    );
  }
  const { fileDataStart } = await reading(file, () =>
    zip.readLocalFileHeaderPromise(entry, { minimal: true }),
  );
  const member = file.within(fileDataStart, uncompressedSize, name);
  checkSum(member, entry.crc32);
  return member;
}

/** HDF5 has no checksums of weights, so the archive's is checked. */
function checkSum(member: FileRange, expected: number): void {
  const bytes = Buffer.allocUnsafe(Math.min(PIECE, member.size));
  let sum = 0;
  for (let at = 0; at < member.size; ) {
    const count = member.read(bytes, 0, bytes.length, at);
    if (count === 0)
      throw new ModelError('DATA_LOSS', `${member.path} has become shorter while it was read.`);
    sum = crc32(bytes.subarray(0, count), sum);
    at += count;
  }
  if (sum !== expected) throw wrongSum(member.path);
}

const wrongSum = (name: string): ModelError =>
  new ModelError('DATA_LOSS', `The checksum of ${name} is wrong: the archive is damaged.`);

/** Inflates a compressed member into a file without a name, which ends with this process. */
async function inflated(
  file: FileRange,
  zip: ZipFile,
  entry: Entry,
  name: string,
  observer: ReadObserver,
): Promise<FileRange> {
  const directory = mkdtempSync(path.join(tmpdir(), 'keras-explainable-'));
  try {
    const target = path.join(directory, 'member');
    const fd = openSync(target, 'wx', 0o600);
    try {
      await reading(file, async () => {
        const stream = await zip.openReadStreamPromise(entry);
        let sum = 0;
        observer.begin();
        for await (const chunk of stream as AsyncIterable<Buffer>) {
          observer.end();
          sum = crc32(chunk, sum);
          for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
          observer.begin();
        }
        observer.end();
        if (sum !== entry.crc32) throw wrongSum(name);
      });
    } finally {
      closeSync(fd);
    }
    return FileRange.open(target, observer).within(0, entry.uncompressedSize, name);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Turns errors of yauzl and zlib into errors of the file. Errors of the file system stay unchanged. */
async function reading<T>(file: FileRange, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ModelError || !(error instanceof Error) || 'syscall' in error) throw error;
    throw new ModelError('DATA_LOSS', `The archive ${file.path} cannot be read: ${error.message}.`, {
      cause: error,
    });
  }
}
