/** Opens the reader of a format. Runs on a thread of its own. */
import { ModelError } from '../../support/errors.js';
import { readArchitectureFile } from './architecture.js';
import { FileRange, type ReadObserver } from './file_range.js';
import { openHdf5Model, refusedArchitecture } from './hdf5_model.js';
import { openKerasArchive, openKerasDirectory } from './keras_archive.js';
import type { ModelReader } from './model_reader.js';
import { openShardedWeights } from './sharded_weights.js';
import { openTfjsModel } from './tfjs_model.js';

/** A file whose format is known. */
export interface ModelFile {
  readonly kind: 'archive' | 'directory' | 'hdf5' | 'tfjs' | 'shards';
  readonly path: string;
  /** The path of an architecture, or null. */
  readonly architecture: string | null;
}

export async function openReader(
  { kind, path, architecture }: ModelFile,
  observer: ReadObserver,
): Promise<ModelReader | 'graph-model'> {
  if (architecture !== null && kind !== 'hdf5' && kind !== 'shards') throw refusedArchitecture(path);
  if (kind === 'directory') return openKerasDirectory(path, observer);
  const given = architecture === null ? null : readArchitectureFile(architecture, observer);
  const file = FileRange.open(path, observer);
  try {
    switch (kind) {
      case 'archive':
        return await openKerasArchive(file, observer);
      case 'hdf5':
        return await openHdf5Model(file, given);
      case 'shards':
        return await openShardedWeights(file, given, observer);
      case 'tfjs':
        return await openTfjsModel(file, observer);
    }
  } catch (error) {
    file.close();
    throw error;
  }
}

/** An error as a message between threads. */
export interface SentError {
  readonly code: string;
  readonly message: string;
}

/** The codes of errors of the file system. */
const CODES: Readonly<Record<string, string>> = {
  ENOENT: 'NOT_FOUND',
  EACCES: 'PERMISSION_DENIED',
  EPERM: 'PERMISSION_DENIED',
};

/** Turns anything that a reader throws into the error of a model file. */
export function sentError(error: unknown): SentError {
  if (error instanceof ModelError) return { code: error.code, message: error.message };
  if (!(error instanceof Error)) return { code: 'DATA_LOSS', message: String(error) };
  const code =
    'code' in error && typeof error.code === 'string' ? (CODES[error.code] ?? 'DATA_LOSS') : 'DATA_LOSS';
  return { code, message: error.message };
}
