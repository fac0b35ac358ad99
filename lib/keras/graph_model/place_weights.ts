/** Puts the weights of the manifest into the graph: small values as Consts, large ones as variables. */

import { ModelError } from '../../support/errors.js';
import { encode, isFloating, isNumeric, type NumericDType, viewOf } from '../../tensor/dtype.js';
import { isList, isObject, type Json, type JsonObject } from '../config.js';
import type { TfjsWeight } from '../formats/tfjs_manifest.js';
import type { TfjsWeights } from '../formats/tfjs_weights.js';
import { DATA_TYPES, type DataType } from './graph_def_schema.js';

/** Import shares weights from this size on, and TensorFlow may need the values of smaller ones to infer shapes. */
const LARGE_BYTES = 16 * 1024;

const DTYPES: Readonly<Partial<Record<DataType, NumericDType>>> = {
  DT_FLOAT: 'float32',
  DT_DOUBLE: 'float64',
  DT_HALF: 'float16',
  DT_BFLOAT16: 'bfloat16',
  DT_INT32: 'int32',
  DT_INT64: 'int64',
  DT_UINT8: 'uint8',
  DT_UINT16: 'uint16',
  DT_BOOL: 'bool',
};

export interface PlacedWeights {
  readonly topology: JsonObject;
  /** The weights that are variables of the graph, by the names of their nodes. */
  readonly variables: readonly TfjsWeight[];
}

/**
 * Gives every Const that the manifest names its value. The converter stores int64 as int32 and other floats as float32;
 * the graph has the dtype that its ops need.
 *
 * @throws ModelError (`DATA_LOSS`) if a weight and its node have different dtypes.
 */
export async function placeWeights(topology: JsonObject, weights: TfjsWeights): Promise<PlacedWeights> {
  const byName = new Map(weights.weights.map((weight) => [weight.name, weight]));
  const variables: TfjsWeight[] = [];

  const place = async (node: Json, isTop: boolean): Promise<Json> => {
    if (!isObject(node) || node.op !== 'Const' || typeof node.name !== 'string') return node;
    const weight = byName.get(node.name);
    if (weight === undefined) return node;
    const type = typeOf(node);
    const tensorShape = { dim: weight.shape.map((size) => ({ size: String(size) })) };
    const isLarge = weight.elements * Float32Array.BYTES_PER_ELEMENT >= LARGE_BYTES;
    if (isTop && isLarge && type === 'DT_FLOAT' && weight.dtype === 'float32') {
      variables.push(weight);
      return { name: node.name, op: 'VariableV2', attr: { dtype: { type }, shape: { shape: tensorShape } } };
    }
    const tensor = { dtype: type, tensorShape, ...(await contentOf(weight, type, weights)) };
    return { ...node, attr: { dtype: { type }, value: { tensor } } };
  };
  const placeAll = async (nodes: Json | undefined, isTop: boolean): Promise<Json[]> => {
    const placed: Json[] = [];
    for (const node of isList(nodes) ? nodes : []) placed.push(await place(node, isTop));
    return placed;
  };

  const placed: Record<string, Json> = { ...topology, node: await placeAll(topology.node, true) };
  if (isObject(topology.library) && isList(topology.library.function)) {
    const functions: Json[] = [];
    for (const each of topology.library.function) {
      functions.push(isObject(each) ? { ...each, nodeDef: await placeAll(each.nodeDef, false) } : each);
    }
    placed.library = { ...topology.library, function: functions };
  }
  return { topology: placed, variables };
}

function typeOf(node: JsonObject): DataType {
  const { attr } = node;
  const dtype = isObject(attr) && isObject(attr.dtype) ? attr.dtype.type : undefined;
  const found = Object.entries(DATA_TYPES).find(([name, number]) => dtype === name || dtype === number);
  if (found !== undefined) return found[0] as DataType;
  throw new ModelError('DATA_LOSS', `The graph is damaged: Const '${String(node.name)}' has no dtype.`);
}

async function contentOf(weight: TfjsWeight, type: DataType, weights: TfjsWeights): Promise<JsonObject> {
  if (weight.dtype === 'string' && type === 'DT_STRING') {
    return { stringVal: (await weights.strings(weight)).map(base64) };
  }
  const wanted = DTYPES[type];
  const isStored = weight.dtype === wanted;
  const isWidened =
    wanted !== undefined &&
    ((weight.dtype === 'float32' && isFloating(wanted)) || (weight.dtype === 'int32' && wanted === 'int64'));
  if (wanted === undefined || !isNumeric(weight.dtype) || !(isStored || isWidened)) {
    throw new ModelError(
      'DATA_LOSS',
      `The graph and the weights manifest contradict each other: '${weight.name}' is ${type} in the graph and ` +
        `${weight.dtype} in the manifest.`,
    );
  }
  const pieces: Uint8Array[] = [];
  await weights.read(weight, (bytes) => {
    pieces.push(bytes);
  });
  const bytes = new Uint8Array(Buffer.concat(pieces));
  if (isStored) return { tensorContent: base64(bytes) };
  const stored = viewOf(weight.dtype, bytes.buffer, 0, weight.elements) as ArrayLike<number>;
  const encoded = encode(stored, wanted);
  return { tensorContent: base64(new Uint8Array(encoded.buffer, encoded.byteOffset, encoded.byteLength)) };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
