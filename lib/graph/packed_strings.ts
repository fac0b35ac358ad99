/**
 * Strings in memory that runs can read. Strings of different lengths become rows of one length: 4 bytes hold the number
 * of bytes (little endian), then come the bytes, then zeros. The graph cuts the strings out of the rows again.
 */
import { refused } from '../support/arguments.js';
import { elementsOf } from '../tensor/nested_arrays.js';
import { Tensor } from '../tensor/tensor.js';
import { constant, op } from './operand.js';
import { add, multiply } from './ops/arithmetic.js';
import { squeeze } from './ops/array.js';
import type { Symbolic } from './symbolic.js';

const LENGTH_BYTES = 4;

/** The maximum size of all rows. One long string makes every row long. */
const MOST_BYTES = 2 ** 30;

/**
 * Packs `strings`, the elements of `shape` in row-major order: uint8 `(...shape, L)`. L is a power of two plus 4, so
 * that batches of strings of similar lengths have equal shapes and can be joined.
 *
 * @throws RangeError if the rows have more than 1 GiB. The message names `name`.
 */
export function packStrings(
  name: string,
  strings: readonly (string | Uint8Array)[],
  shape: readonly number[],
): Tensor<'uint8'> {
  const bytes = strings.map((each) => (typeof each === 'string' ? Buffer.from(each) : each));
  const longest = bytes.reduce((most, { length }) => Math.max(most, length), 1);
  const row = LENGTH_BYTES + 2 ** Math.ceil(Math.log2(longest));
  if (row * strings.length > MOST_BYTES) {
    throw refused(
      name,
      `strings that fit into 1 GiB if each has the length of the longest, ${longest} bytes,`,
      `${strings.length} strings`,
      'Pass the strings in smaller batches, for example from a generator.',
    );
  }
  const data = new Uint8Array(row * elementsOf(shape));
  const lengths = new DataView(data.buffer);
  for (const [i, each] of bytes.entries()) {
    lengths.setUint32(i * row, each.length, true);
    data.set(each, i * row + LENGTH_BYTES);
  }
  return new Tensor('uint8', [...shape, row], { data });
}

/** Records ops that return the strings of `rows`, strings of equal length that {@link packStrings} made. */
export function unpackStrings(rows: Symbolic): Symbolic {
  const start = constant(0, 'int32');
  const head = op('Substr', [rows, start, constant(LENGTH_BYTES, 'int32')]);
  const length = squeeze(op('DecodeRaw', [head], { out_type: { dtype: 'int32' }, little_endian: true }), -1);
  // Substr takes a start for every length.
  return op('Substr', [rows, add(multiply(length, 0), LENGTH_BYTES), length]);
}
