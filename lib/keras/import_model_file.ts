/** Loads the formats of this room: Keras files and TensorFlow.js models. */
import type { Addon, NativeModel } from '../binding/contract.js';
import { refused } from '../support/arguments.js';
import { buildModel } from './build_model.js';
import type { CustomObjects } from './custom_objects.js';
import { openModelFile } from './formats/open_model_file.js';
import { loadGraphModel } from './graph_model/load_graph_model.js';

export interface ImportOptions {
  readonly architecture?: string | undefined;
  readonly customObjects?: CustomObjects | undefined;
  readonly inputs?: readonly string[] | undefined;
  readonly outputs?: readonly string[] | undefined;
  readonly fingerprint?: string | undefined;
  /** For graph models of TensorFlow.js, which hold ops, as `allowRandom`. */
  readonly allowOps?: readonly string[] | undefined;
  readonly allowRandom?: boolean | undefined;
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
  { architecture, customObjects = {}, foreign, allowOps, allowRandom, ...options }: ImportOptions,
): Promise<NativeModel | null> {
  const file = await openModelFile(path, architecture === undefined ? {} : { architecture });
  if (file === null) return null;
  const refuse = (option: string, format: string) =>
    refused(option, 'no value', `a value for ${format}`, 'Leave the option out.');
  if (!('architecture' in file)) {
    const given = { architecture, customObjects: Object.keys(customObjects).length > 0 || undefined };
    const ofLayers = Object.entries(given).flatMap(([option, value]) =>
      value === undefined ? [] : [option],
    );
    const [option] = [
      ...foreign.filter((each) => each !== 'allowOps' && each !== 'allowRandom'),
      ...ofLayers,
    ];
    if (option !== undefined) throw refuse(option, 'a graph model of TensorFlow.js');
    return await loadGraphModel(addon, file.path, { allowOps, allowRandom, ...options });
  }
  try {
    const [option] = foreign;
    if (option !== undefined) throw refuse(option, file.format);
    return await buildModel(addon, file, { customObjects, ...options });
  } finally {
    await file.close();
  }
}
