/** Opens a file with a Keras architecture. */
import { ModelError } from '../../support/errors.js';
import type { KerasModelFile } from '../model_file.js';

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
 * Opens the file, or the file in a directory that has exactly one. The content determines the format, not the name.
 *
 * @returns null if the content is in no format of this room.
 * @throws ModelError (`DATA_LOSS`) for a damaged file, (`NOT_FOUND`) for none, (`INVALID_ARGUMENT`) for a file with
 *   weights only if `architecture` is missing.
 */
export async function openModelFile(
  path: string,
  options: OpenModelFileOptions = {},
): Promise<KerasModelFile | GraphModelFile | null> {
  void options;
  throw new ModelError('UNIMPLEMENTED', `${path} cannot be read yet.`);
}
