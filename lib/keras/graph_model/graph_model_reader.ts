/** Reads a TensorFlow.js graph model: a GraphDef as JSON, and its weights in shards. Runs on a thread of its own. */
import { dirname } from 'node:path';
import { fromJson, toBinary } from '@bufbuild/protobuf';
import type { NativeNamedTensor } from '../../binding/contract.js';
import { ModelError } from '../../support/errors.js';
import { openToRead } from '../../support/open_file.js';
import { isList, isObject, type Json, type JsonObject } from '../config.js';
import { readManifest, type TfjsWeight } from '../formats/tfjs_manifest.js';
import { TfjsWeights, type WeightSink } from '../formats/tfjs_weights.js';
import { GraphDefSchema } from './graph_def_schema.js';
import { placeWeights } from './place_weights.js';
import { readSignature } from './signature.js';

/** Far above any real model: the JSON of NASNetLarge has 3 MB. Parsed JSON takes some 10 times the size of its text. */
const MOST_JSON_BYTES = 64 << 20;

export interface GraphModelParts {
  /** A serialised GraphDef. */
  readonly graph: Uint8Array;
  /** The variables of the graph, whose values {@link GraphModelReader.read} reads. */
  readonly variables: readonly TfjsWeight[];
  /** Empty if the file has no signature. */
  readonly inputs: readonly NativeNamedTensor[];
  readonly outputs: readonly NativeNamedTensor[];
}

export class GraphModelReader {
  readonly parts: GraphModelParts;
  readonly #weights: TfjsWeights;

  private constructor(parts: GraphModelParts, weights: TfjsWeights) {
    this.parts = parts;
    this.#weights = weights;
  }

  /**
   * @param path the path of model.json.
   * @throws ModelError for a file that cannot be read (`NOT_FOUND`, ...) or is damaged (`DATA_LOSS`).
   */
  static async open(path: string): Promise<GraphModelReader> {
    const model = await readJson(path);
    const topology = model.modelTopology;
    if (!isObject(topology) || !isList(topology.node)) {
      throw new ModelError(
        'DATA_LOSS',
        `${path} holds no graph: expected a list of nodes for \`modelTopology.node\`. A graph model of TensorFlow.js has one.`,
      );
    }
    const weights = await TfjsWeights.open(readManifest(model.weightsManifest ?? [], path), dirname(path));
    try {
      const placed = await placeWeights(topology, weights);
      const nodes = new Set(topology.node.map((node) => (isObject(node) ? String(node.name) : '')));
      const graph = encodeGraph(placed.topology, path);
      return new GraphModelReader(
        { graph, variables: placed.variables, ...readSignature(model, nodes) },
        weights,
      );
    } catch (error) {
      await weights.close();
      throw error;
    }
  }

  /** Reads the value of a variable, in float32. */
  read(variable: TfjsWeight, sink: WeightSink): Promise<void> {
    return this.#weights.read(variable, sink);
  }

  close(): Promise<void> {
    return this.#weights.close();
  }
}

function encodeGraph(topology: JsonObject, path: string): Uint8Array {
  try {
    return toBinary(
      GraphDefSchema,
      fromJson(GraphDefSchema, topology as never, { ignoreUnknownFields: true }),
    );
  } catch (cause) {
    throw new ModelError('DATA_LOSS', `The graph of ${path} is damaged: ${(cause as Error).message}`, {
      cause,
    });
  }
}

async function readJson(path: string): Promise<JsonObject> {
  const text = await readText(path);
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (cause) {
    const isPointer = text.startsWith('version https://git-lfs');
    const mend = isPointer ? 'It is a Git LFS pointer: run `git lfs pull`.' : (cause as Error).message;
    throw new ModelError('DATA_LOSS', `${path} is no JSON. ${mend}`, { cause });
  }
  if (!isObject(value)) throw new ModelError('DATA_LOSS', `${path} holds no model: expected a JSON object.`);
  return value;
}

async function readText(path: string): Promise<string> {
  try {
    let size = 0;
    const file = await openToRead(path, (found) => {
      if (!found.isFile()) throw new ModelError('NOT_FOUND', `${path} is no file.`);
      size = found.size;
    });
    try {
      if (size > MOST_JSON_BYTES) {
        throw new ModelError(
          'OUT_OF_RANGE',
          `${path} has ${size} bytes, more than the ${MOST_JSON_BYTES} of any model.`,
        );
      }
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof ModelError) throw error;
    const code = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'NOT_FOUND' : 'UNKNOWN';
    throw new ModelError(code, `The model ${path} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
