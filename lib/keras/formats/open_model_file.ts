/** Opens a file with a Keras architecture. */
import { checkNoNul, checkString } from '../../support/arguments.js';
import type { KerasModelFile } from '../model_file.js';
import { recognise } from './recognise.js';
import { openOnThread } from './threaded_model_file.js';

export interface OpenModelFileOptions {
  /** The path of a JSON text with the architecture (`model.to_json()`), for a file with weights only. */
  readonly architecture?: string;
}

/** A model of TensorFlow.js that is a graph of TensorFlow ops. The importer of graph models reads the files. */
export interface GraphModelFile {
  readonly format: 'graph-model';
  /** The path of `model.json`. */
  readonly path: string;
}

/**
 * Opens the file, or the file in a directory: a `model.json` of TensorFlow.js, the members of a `.keras` file, or the
 * only `.keras` or `.h5` file. The content determines the format of a file, not its name. The file is read on a thread.
 *
 * @returns null if the path does not exist or its content is in no format of this room.
 * @throws ModelError (`DATA_LOSS`) for a damaged file, (`OUT_OF_RANGE`) for a file that asks for more than any model,
 *   (`INVALID_ARGUMENT`) for weights without `architecture`, for `architecture` beside a whole model and for a
 *   directory with several models.
 */
export async function openModelFile(
  path: string,
  { architecture }: OpenModelFileOptions = {},
): Promise<KerasModelFile | GraphModelFile | null> {
  if (architecture !== undefined) {
    checkString('architecture', architecture);
    checkNoNul('architecture', architecture);
  }
  const found = await recognise(path);
  if (found === null) return null;
  const { kind, path: place } = found;
  const file =
    kind === 'graph-model'
      ? kind
      : await openOnThread({ kind, path: place, architecture: architecture ?? null });
  return file === 'graph-model' ? { format: file, path: place } : file;
}
