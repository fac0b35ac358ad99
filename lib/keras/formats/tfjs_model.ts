/** Reads TensorFlow.js layers models: `model.json` with the architecture, and the weights in files beside it. */
import path from 'node:path';
import { ModelError } from '../../support/errors.js';
import { isList, isObject, type JsonObject } from '../config.js';
import type { StoredArray, StoredWeights } from '../stored_weights.js';
import { architectureOf, isSerialised } from './architecture.js';
import type { FileRange, ReadObserver } from './file_range.js';
import { checkJsonSize, parseObject } from './json_text.js';
import type { ModelReader } from './model_reader.js';
import { readManifest, type TfjsWeight } from './tfjs_manifest.js';
import { TfjsWeights } from './tfjs_weights.js';

/**
 * Opens the model of a model.json.
 *
 * @returns 'graph-model' for a graph of TensorFlow ops, which is no Keras model.
 */
export async function openTfjsModel(
  file: FileRange,
  observer: ReadObserver,
): Promise<ModelReader | 'graph-model'> {
  const source = file.path;
  checkJsonSize(file.size, source);
  const model = parseObject(file.all().toString(), source);
  file.close();
  if (isGraphModel(model)) return 'graph-model';
  const { modelTopology: topology, weightsManifest } = model;
  if (!isObject(topology)) throw notAModel(model, source);
  const { architecture, kerasVersion, backend } = architectureOf(topology, `\`modelTopology\` of ${source}`);
  const shards = await TfjsWeights.open(readManifest(weightsManifest, source), path.dirname(source));
  const arrays = new Map(
    shards.weights.map(({ name, dtype, shape, index }) => [name, { name, dtype, shape, index }] as const),
  );
  return {
    index: {
      format: 'a TensorFlow.js layers model (model.json)',
      path: source,
      architecture,
      kerasVersion: kerasVersion || '2',
      backend,
      weights: layoutOf(arrays),
    },
    async read(stored, take) {
      const weight = shards.weights[stored.index] as TfjsWeight;
      observer.begin();
      await shards.read(weight, (bytes) => {
        observer.end();
        take(bytes);
        observer.begin();
      });
      observer.end();
    },
    close: () => shards.close(),
  };
}

/** Returns whether the model is a graph of TensorFlow ops. */
export const isGraphModel = ({ format, modelTopology: topology }: JsonObject): boolean =>
  format === 'graph-model' || (isObject(topology) && isList(topology.node));

/** The converter names the weights of Keras 3 by their paths: 'layers/dense/vars/0'. */
function layoutOf(arrays: ReadonlyMap<string, StoredArray>): StoredWeights {
  const isTree = arrays.size > 0 && [...arrays.keys()].every((name) => /(^|\/)vars\/\d+$/.test(name));
  return { layout: isTree ? 'tree' : 'flat', arrays };
}

function notAModel(model: JsonObject, source: string): ModelError {
  return isSerialised(model)
    ? new ModelError(
        'INVALID_ARGUMENT',
        `${source} has an architecture without weights. Pass the path of the weights, and this file as \`architecture\`.`,
      )
    : new ModelError(
        'UNIMPLEMENTED',
        `${source} holds no model: its entries are ${Object.keys(model).slice(0, 10).join(', ') || 'none'}.`,
      );
}
