/** Inputs of dtype string: texts, or bytes such as encoded pictures and serialised `tf.Example`s. */
import type { TensorSpec } from '../graph/layer.js';
import { packStrings } from '../graph/packed_strings.js';
import { refused, wrongType } from '../support/arguments.js';
import { elementsOf, readNested, readShape } from '../tensor/nested_arrays.js';
import { Tensor } from '../tensor/tensor.js';

/** A string, which is fed in UTF-8, or the bytes of a string. */
export type Text = string | Uint8Array;

/** Strings, nested as deep as the input has axes. */
export type TextArray = readonly (Text | TextArray)[];

const FORMS =
  'strings: an array of strings or Uint8Arrays, nested as the input has axes, or { data, shape } with such an array';

const TEXTS = {
  expected: 'strings or Uint8Arrays',
  includes: (value: unknown): value is Text => typeof value === 'string' || value instanceof Uint8Array,
};

/** Returns whether `value` is an array whose first element, however deep, is a string. */
export function isTextArray(value: unknown): value is TextArray {
  if (!Array.isArray(value)) return false;
  const [first] = value;
  // An array that contains itself is no text.
  return (
    typeof first === 'string' || (Array.isArray(first) && first !== value && typeof first[0] === 'string')
  );
}

/**
 * Returns the strings of `value` for the input `spec`: uint8 (...shape, L), packed. One string per sample fits an input
 * (N, 1), too, as in Keras.
 *
 * @throws TypeError, RangeError that name the argument.
 */
export function packedTexts(name: string, value: unknown, { shape: declared }: TensorSpec): Tensor {
  const { values, shape } = readTexts(name, value);
  const [samples] = shape;
  const isColumn = shape.length === 1 && declared?.length === 2 && declared[1] === 1;
  return packStrings(name, values, isColumn ? [samples as number, 1] : shape);
}

function readTexts(name: string, value: unknown): { values: readonly Text[]; shape: readonly number[] } {
  if (typeof value === 'string') {
    const mend = 'One sample is an array of one string. A batch of a source is [x] or [x, y]: [["text"]].';
    throw wrongType(name, FORMS, value, mend);
  }
  if (Array.isArray(value)) return readNested(name, value, TEXTS);
  const isArrayData = typeof value === 'object' && value !== null && 'data' in value && 'shape' in value;
  if (!isArrayData || value instanceof Tensor) throw wrongType(name, FORMS, value);
  const shape = readShape(`${name}.shape`, value.shape);
  if (!Array.isArray(value.data)) throw wrongType(`${name}.data`, 'an array of strings', value.data);
  const { values } = readNested(`${name}.data`, value.data, TEXTS);
  if (values.length === elementsOf(shape)) return { values, shape };
  const received = `[${shape}], which has ${elementsOf(shape)}`;
  throw refused(`${name}.shape`, `a shape of ${values.length} elements, as \`data\` has,`, received);
}
