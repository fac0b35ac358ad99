/** The `weightsManifest` of a TensorFlow.js model.json: which weights the shards hold, and how they are stored. */
import type { DType } from '../../binding/contract.js';
import { describe } from '../../support/arguments.js';
import { ModelError } from '../../support/errors.js';
import { isList, isObject, type Json, type JsonObject } from '../config.js';
import type { StoredArray } from '../stored_weights.js';
import { isWithin } from './sibling_files.js';

/** The dtypes of weights in shards, with bytes per element. A string is stored as its length and its bytes. */
const STORED_BYTES = { float32: 4, float16: 2, int32: 4, uint8: 1, uint16: 2, bool: 1, string: 0 } as const;
export type StoredDType = keyof typeof STORED_BYTES;

/** The values of a quantised weight are `stored * scale + min`. */
export interface Quantisation {
  readonly scale: number;
  readonly min: number;
}

export interface TfjsWeight extends StoredArray {
  readonly stored: StoredDType;
  /** Null: the stored values are the values. float16 is widened to float32 without parameters. */
  readonly quantisation: Quantisation | null;
  readonly elements: number;
  /** The number of stored bytes. Null for strings, whose lengths are in the shards. */
  readonly bytes: number | null;
}

/** Weights that are stored one after another, without gaps, in the concatenation of some shards. */
export interface TfjsGroup {
  /** Paths of the shards, relative to the directory of model.json. */
  readonly paths: readonly string[];
  readonly weights: readonly TfjsWeight[];
}

/** Far above any real model: NASNetLarge has some 1,500 weights in some 100 shards. */
const MOST_WEIGHTS = 1_000_000;
const MOST_SHARDS = 100_000;
/** A file of weights is scanned string by string. */
const MOST_STRINGS = 1_000_000;
/** TensorFlow's highest rank. */
const MOST_AXES = 254;

/**
 * Reads the manifest of the file named `file`. Weights are numbered through all groups.
 *
 * @throws ModelError (`DATA_LOSS`) for a damaged manifest, or a path that leaves the directory; (`UNIMPLEMENTED`) for
 * a dtype without real numbers.
 */
export function readManifest(manifest: Json | undefined, file: string): TfjsGroup[] {
  const damaged = (what: string, expected: string, value: Json | undefined): never => {
    throw new ModelError(
      'DATA_LOSS',
      `The weights manifest of ${file} is damaged: expected ${expected} for ${what} but received ${describe(value)}.`,
    );
  };
  if (!isList(manifest)) return damaged('`weightsManifest`', 'a list of groups', manifest);
  let weights = 0;
  let shards = 0;
  const names = new Set<string>();
  return manifest.map((group, i) => {
    const where = `group ${i}`;
    if (!isObject(group)) return damaged(where, 'an object', group);
    const { paths, weights: entries } = group;
    if (!isList(paths)) return damaged(`\`paths\` of ${where}`, 'a list', paths);
    if (!isList(entries)) return damaged(`\`weights\` of ${where}`, 'a list', entries);
    shards += paths.length;
    if (shards > MOST_SHARDS) return damaged(where, `at most ${MOST_SHARDS} shards`, shards);
    if (weights + entries.length > MOST_WEIGHTS) {
      return damaged(where, `at most ${MOST_WEIGHTS} weights`, weights + entries.length);
    }
    return {
      paths: paths.map((path) =>
        typeof path === 'string' && isWithin(path)
          ? path
          : damaged(`a path of ${where}`, 'a file in the directory of model.json', path),
      ),
      weights: entries.map((entry) => {
        const weight = isObject(entry)
          ? readWeight(entry, weights++, damaged)
          : damaged(where, 'objects', entry);
        if (names.has(weight.name))
          return damaged(`a name in ${where}`, 'a name that is used once', weight.name);
        names.add(weight.name);
        return weight;
      }),
    };
  });
}

type Damaged = (what: string, expected: string, value: Json | undefined) => never;

function readWeight(entry: JsonObject, index: number, damaged: Damaged): TfjsWeight {
  const { name, shape, dtype, quantization } = entry;
  if (typeof name !== 'string' || name === '')
    return damaged(`the name of weight ${index}`, 'a string', name);
  const of = (what: string) => `\`${what}\` of weight '${name}'`;
  if (!isShape(shape)) return damaged(of('shape'), `at most ${MOST_AXES} sizes of at least 0`, shape);
  const elements = shape.reduce((product, size) => product * size, 1);
  if (!Number.isSafeInteger(elements * 8)) return damaged(of('shape'), 'a size that fits into memory', shape);
  if (dtype === 'string' && elements > MOST_STRINGS)
    return damaged(of('shape'), `at most ${MOST_STRINGS} strings`, shape);
  if (dtype === 'complex64') {
    throw new ModelError('UNIMPLEMENTED', `Weight '${name}' has complex numbers, which are not supported.`);
  }
  if (!isStored(dtype)) return damaged(of('dtype'), `one of ${Object.keys(STORED_BYTES).join(', ')}`, dtype);
  const plain = { name, shape, index, elements };
  if (quantization === undefined || quantization === null) {
    const bytes = dtype === 'string' ? null : elements * STORED_BYTES[dtype];
    return { ...plain, dtype, stored: dtype, quantisation: null, bytes };
  }
  if (!isObject(quantization)) return damaged(of('quantization'), 'an object', quantization);
  const { dtype: stored, scale, min } = quantization;
  if (stored !== 'uint8' && stored !== 'uint16' && stored !== 'float16') {
    return damaged(of('quantization.dtype'), 'uint8, uint16 or float16', stored);
  }
  const wanted = stored === 'float16' ? ['float32'] : ['float32', 'int32'];
  if (!wanted.includes(dtype)) return damaged(of('dtype'), wanted.join(' or '), dtype);
  const bytes = elements * STORED_BYTES[stored];
  if (stored === 'float16') return { ...plain, dtype, stored, quantisation: null, bytes };
  if (!isNumber(scale)) return damaged(of('quantization.scale'), 'a number', scale);
  if (!isNumber(min)) return damaged(of('quantization.min'), 'a number', min);
  return { ...plain, dtype: dtype as DType, stored, quantisation: { scale, min }, bytes };
}

function isShape(shape: Json | undefined): shape is readonly number[] {
  const isSize = (size: Json) => Number.isSafeInteger(size) && (size as number) >= 0;
  return isList(shape) && shape.length <= MOST_AXES && shape.every(isSize);
}

function isStored(dtype: Json | undefined): dtype is StoredDType {
  return typeof dtype === 'string' && Object.hasOwn(STORED_BYTES, dtype);
}

function isNumber(value: Json | undefined): value is number {
  return Number.isFinite(value);
}
