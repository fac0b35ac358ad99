/** Reads weights of Keras 3 in several files: `model.weights.json` names the HDF5 file of each group of arrays. */
import path from 'node:path';
import { ModelError } from '../../support/errors.js';
import { isList, isObject } from '../config.js';
import type { StoredArray } from '../stored_weights.js';
import type { Architecture } from './architecture.js';
import { FileRange, type ReadObserver } from './file_range.js';
import { Hdf5File } from './hdf5_file.js';
import { defaultVersion, hdf5Reader } from './hdf5_model.js';
import { Hdf5Index, readTree } from './hdf5_weights.js';
import { checkJsonSize, parseObject } from './json_text.js';
import type { ModelReader } from './model_reader.js';
import { findSibling } from './sibling_files.js';

/** The maximum number of files. Keras makes files of some GB. */
const MOST_FILES = 256;

export async function openShardedWeights(
  file: FileRange,
  given: Architecture | null,
  observer: ReadObserver,
): Promise<ModelReader> {
  const source = file.path;
  checkJsonSize(file.size, source);
  const { weight_map: map } = parseObject(file.all().toString(), source);
  file.close();
  if (!isObject(map)) throw new ModelError('DATA_LOSS', `${source} is damaged: \`weight_map\` is no object.`);
  if (given === null) {
    throw new ModelError(
      'INVALID_ARGUMENT',
      `${source} has weights only. Pass the path of the architecture, the text of Keras' \`model.to_json()\`, as ` +
        '`architecture`.',
    );
  }
  const names = new Set(Object.values(map).flatMap((entry) => (isList(entry) ? entry : [entry])));
  if (names.size > MOST_FILES) {
    throw new ModelError(
      'OUT_OF_RANGE',
      `${source} names ${names.size} files. Expected at most ${MOST_FILES}.`,
    );
  }
  const index = new Hdf5Index();
  const arrays = new Map<string, StoredArray>();
  const files: Hdf5File[] = [];
  try {
    for (const name of names) {
      if (typeof name !== 'string')
        throw new ModelError('DATA_LOSS', `${source} is damaged: a file has no name.`);
      const { path: place } = await findSibling(path.dirname(source), name, source);
      const shard = await Hdf5File.open(FileRange.open(place, observer));
      files.push(shard);
      for (const [place, array] of readTree(shard, index)) {
        if (arrays.has(place))
          throw new ModelError('DATA_LOSS', `Two files of ${source} have the array ${place}.`);
        arrays.set(place, array);
      }
    }
  } catch (error) {
    for (const shard of files) shard.close();
    throw error;
  }
  const weights = { layout: 'tree', arrays } as const;
  const { architecture, kerasVersion, backend } = given;
  const format = 'a Keras file with weights in several files (.weights.json)';
  const version = kerasVersion || defaultVersion(weights);
  return hdf5Reader(
    index,
    { format, path: source, architecture, kerasVersion: version, backend, weights },
    files,
  );
}
