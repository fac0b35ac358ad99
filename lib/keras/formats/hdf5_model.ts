/** Reads HDF5 files of Keras: whole models (`.h5`, `.hdf5`) and weights alone (`.weights.h5`, or `.h5` of Keras 2). */
import { ModelError } from '../../support/errors.js';
import type { StoredArray, StoredWeights } from '../stored_weights.js';
import { type Architecture, architectureOf } from './architecture.js';
import type { FileRange } from './file_range.js';
import { Hdf5File } from './hdf5_file.js';
import { Hdf5Index, hasGroups, MODEL_WEIGHTS, readGroups, readTree } from './hdf5_weights.js';
import { parseObject } from './json_text.js';
import type { ModelReader } from './model_reader.js';

/** The groups by which a file of Keras 3 with weights alone is recognised. */
const TREE_GROUPS = ['layers', '_layer_checkpoint_dependencies', 'vars'];

/**
 * Opens a HDF5 file.
 *
 * @param given the architecture for a file with weights alone, or null.
 */
export async function openHdf5Model(source: FileRange, given: Architecture | null): Promise<ModelReader> {
  const file = await Hdf5File.open(source);
  try {
    const attributes = new Set(file.attributesOf('/'));
    const isWhole = attributes.has('model_config');
    if (isWhole && given !== null) throw refusedArchitecture(source.path);
    const index = new Hdf5Index();
    const weights = readWeights(file, index);
    const { architecture, kerasVersion, backend } = isWhole
      ? ownArchitecture(file)
      : (given ?? missingArchitecture(file));
    const version = attributeOf(file, 'keras_version') ?? (kerasVersion || defaultVersion(weights));
    return hdf5Reader(
      index,
      {
        format: isWhole ? 'an HDF5 file of Keras (.h5)' : 'an HDF5 file of Keras with weights only (.h5)',
        path: source.path,
        architecture,
        kerasVersion: version,
        backend: attributeOf(file, 'backend') ?? backend,
        weights,
      },
      [file],
    );
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Returns the reader of the arrays in `index`. */
export function hdf5Reader(
  index: Hdf5Index,
  model: ModelReader['index'],
  files: readonly Hdf5File[],
): ModelReader {
  return {
    index: model,
    read(stored: StoredArray, take) {
      const place = index.places[stored.index];
      if (place === undefined) throw new RangeError(`There is no array ${stored.index}.`);
      place.file.read(place.array, take);
    },
    close() {
      for (const file of files) file.close();
    },
  };
}

/** Returns the version of Keras that wrote weights without a version, as far as the layout tells. */
export function defaultVersion(weights: StoredWeights): string {
  if (weights.layout !== 'tree') return '1';
  return [...weights.arrays.keys()].some((path) => path.startsWith('_layer_checkpoint_dependencies'))
    ? '2'
    : '3';
}

export const refusedArchitecture = (path: string): ModelError =>
  new ModelError(
    'INVALID_ARGUMENT',
    `\`architecture\` is for files with weights only, but ${path} has an architecture. Omit \`architecture\`.`,
  );

function readWeights(file: Hdf5File, index: Hdf5Index): StoredWeights {
  if (file.kindOf(MODEL_WEIGHTS) === 'group') return readGroups(file, MODEL_WEIGHTS, index);
  if (hasGroups(file, '/')) return readGroups(file, '/', index);
  if (file.namesIn('/').some((name) => TREE_GROUPS.includes(name))) {
    return { layout: 'tree', arrays: readTree(file, index) };
  }
  if (file.attributesOf('/').includes('model_config')) {
    throw new ModelError('DATA_LOSS', `The HDF5 file ${file.path} has an architecture but no weights.`);
  }
  throw new ModelError('UNIMPLEMENTED', `The HDF5 file ${file.path} holds no model of Keras.`);
}

/** Returns the text of an attribute of the model or of its weights. */
function attributeOf(file: Hdf5File, name: string): string | undefined {
  for (const path of ['/', MODEL_WEIGHTS]) {
    if (file.kindOf(path) !== 'group' || !file.attributesOf(path).includes(name)) continue;
    return file.strings(path, name)[0];
  }
  return undefined;
}

function ownArchitecture(file: Hdf5File): Architecture {
  const source = `the attribute \`model_config\` of ${file.path}`;
  return architectureOf(parseObject(file.strings('/', 'model_config')[0] ?? '', source), source);
}

function missingArchitecture(file: Hdf5File): never {
  throw new ModelError(
    'INVALID_ARGUMENT',
    `${file.path} has weights only. Pass the path of the architecture, the text of Keras' \`model.to_json()\`, as ` +
      '`architecture`.',
  );
}
