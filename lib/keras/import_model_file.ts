/** Loads the formats of this room: Keras files and TensorFlow.js models. */
import type { Addon, NativeModel } from '../binding/contract.js';
import { refused } from '../support/arguments.js';
import { ModelError } from '../support/errors.js';
import { buildModel } from './build_model.js';
import type { CustomObjects } from './custom_objects.js';
import { openModelFile } from './formats/open_model_file.js';

export interface ImportOptions {
  readonly architecture?: string | undefined;
  readonly customObjects?: CustomObjects | undefined;
  readonly inputs?: readonly string[] | undefined;
  readonly outputs?: readonly string[] | undefined;
  readonly fingerprint?: string | undefined;
  /** The names of options that only other formats take, as far as the caller gave them. */
  readonly foreign: readonly string[];
}

/**
 * Loads a model file of a format of this room.
 *
 * @returns null if the content of the path is in no such format, or if there is nothing at the path.
 */
export async function importModelFile(
  addon: Addon,
  path: string,
  { architecture, customObjects = {}, foreign, ...options }: ImportOptions,
): Promise<NativeModel | null> {
  const file = await openModelFile(path, architecture === undefined ? {} : { architecture });
  if (file === null) return null;
  const [option] = foreign;
  if (option !== undefined)
    throw refused(option, 'no value', `a value for ${file.format}`, 'Leave the option out.');
  if (!('architecture' in file)) {
    throw new ModelError(
      'UNIMPLEMENTED',
      `${file.path} is a graph model of TensorFlow.js, which does not load yet.`,
    );
  }
  try {
    return await buildModel(addon, file, { customObjects, ...options });
  } finally {
    await file.close();
  }
}
