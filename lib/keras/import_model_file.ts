/** Loads the formats of this room: Keras files and TensorFlow.js models. */
import type { Addon, NativeModel } from '../binding/contract.js';
import { refused } from '../support/arguments.js';
import { buildModel } from './build_model.js';
import type { CustomObjects } from './custom_objects.js';
import { openModelFile } from './formats/open_model_file.js';
import { loadGraphModel } from './graph_model/load_graph_model.js';

/** The options of `loadModel` that concern the file, as far as they were given. */
export interface ImportOptions {
  readonly inputs?: readonly string[] | undefined;
  readonly outputs?: readonly string[] | undefined;
  readonly fingerprint?: string | undefined;
  /** For formats that hold layers. */
  readonly architecture?: string | undefined;
  readonly customObjects?: CustomObjects | undefined;
  /** For formats that hold ops. */
  readonly allowOps?: readonly string[] | undefined;
  readonly allowRandom?: boolean | undefined;
  /** For SavedModels. */
  readonly signature?: string | undefined;
  readonly tags?: readonly string[] | undefined;
}

/** Refuses options that a format does not take, if any of them was given. */
export function refuseOptions(options: ImportOptions, format: string): void {
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined)
      throw refused(name, 'no value', `a value for ${format}`, 'Leave the option out.');
  }
}

/**
 * Loads a model file of a format of this room.
 *
 * @returns null if the content of the path is in no such format, or if there is nothing at the path.
 * @throws RangeError for an option that the format does not take. ModelError: the errors of `openModelFile`,
 *   `loadGraphModel` and `buildModel`.
 */
export async function importModelFile(
  addon: Addon,
  path: string,
  options: ImportOptions,
): Promise<NativeModel | null> {
  const { architecture, customObjects, allowOps, allowRandom, signature, tags, ...both } = options;
  const file = await openModelFile(path, architecture === undefined ? {} : { architecture });
  if (file === null) return null;
  if (!('architecture' in file)) {
    refuseOptions({ signature, tags, architecture, customObjects }, 'a graph model of TensorFlow.js');
    return await loadGraphModel(addon, file.path, { allowOps, allowRandom, ...both });
  }
  try {
    refuseOptions({ signature, tags, allowOps, allowRandom }, file.format);
    return await buildModel(addon, file, { customObjects: customObjects ?? {}, ...both });
  } finally {
    await file.close();
  }
}
