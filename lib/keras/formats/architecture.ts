/** The architecture of a model, as the formats store it beside the weights. */
import { ModelError } from '../../support/errors.js';
import { isList, isObject, type JsonObject } from '../config.js';
import { FileRange, type ReadObserver } from './file_range.js';
import { checkJsonSize, parseObject } from './json_text.js';

export interface Architecture {
  readonly architecture: JsonObject;
  /** '' if the text does not have it. */
  readonly kerasVersion: string;
  readonly backend: string;
}

/** Returns whether a value is a serialised model: `class_name`, and `config` as an object or, in Keras 1, as a list. */
export const isSerialised = (value: JsonObject): boolean =>
  typeof value.class_name === 'string' && (isObject(value.config) || isList(value.config));

/**
 * Returns the architecture of a JSON object: a serialised model, the object of `model.to_json()`, or an object with the
 * architecture in `model_config`, as TensorFlow.js files of the converter have it.
 *
 * @param source names the object in messages.
 */
export function architectureOf(value: JsonObject, source: string): Architecture {
  const { model_config: nested } = value;
  const model = typeof nested === 'string' ? parseObject(nested, source) : isObject(nested) ? nested : value;
  if (!isSerialised(model)) {
    throw new ModelError(
      'DATA_LOSS',
      `Expected a serialised Keras model (\`class_name\` and \`config\`) in ${source} but its entries are ` +
        `${Object.keys(model).slice(0, 10).join(', ') || 'none'}.`,
    );
  }
  const text = (name: string) =>
    [value[name], model[name]].find((entry) => typeof entry === 'string') as string | undefined;
  return { architecture: model, kerasVersion: text('keras_version') ?? '', backend: text('backend') ?? '' };
}

/** Reads the JSON text of `model.to_json()`, or the `config.json` of a `.keras` file. */
export function readArchitectureFile(path: string, observer: ReadObserver): Architecture {
  const file = FileRange.open(path, observer);
  try {
    checkJsonSize(file.size, path);
    return architectureOf(parseObject(file.all().toString(), path), path);
  } finally {
    file.close();
  }
}
