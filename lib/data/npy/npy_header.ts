/** Parses the header of NumPy's .npy format, versions 1 to 3. All checks precede the allocation of memory. */
import { DataError } from '../../support/errors.js';
import { bytesPerElement, type NumericDType } from '../../tensor/dtype.js';
import { elementsOf, MOST_AXES } from '../../tensor/nested_arrays.js';

export interface NpyHeader {
  readonly dtype: NumericDType;
  readonly shape: readonly number[];
  /** The first axis varies fastest. */
  readonly fortranOrder: boolean;
  readonly bigEndian: boolean;
  /** The position of the elements in the file, and their length in bytes. */
  readonly offset: number;
  readonly byteLength: number;
}

const MAGIC = '\x93NUMPY';
/** NumPy has the same limit. The headers that NumPy writes for numbers have 128 bytes. */
const MOST_HEADER_BYTES = 10_000;
/** The length of the longest header that is read. */
export const HEADER_BYTES = 12 + MOST_HEADER_BYTES;

const DTYPES: ReadonlyMap<string, NumericDType> = new Map(
  Object.entries({
    b1: 'bool',
    i1: 'int8',
    i2: 'int16',
    i4: 'int32',
    i8: 'int64',
    u1: 'uint8',
    u2: 'uint16',
    u4: 'uint32',
    u8: 'uint64',
    f2: 'float16',
    f4: 'float32',
    f8: 'float64',
  } as const),
);

/** The meaning of the dtype letters that no tensor supports. */
const KINDS: Readonly<Record<string, string>> = {
  O: 'Python objects',
  V: 'raw bytes (NumPy saves bfloat16 as raw bytes)',
  U: 'text',
  S: 'bytes of text',
  a: 'bytes of text',
  c: 'complex numbers',
  M: 'dates',
  m: 'spans of time',
  f: 'floats of another size',
};

/** Reads the header from the first bytes of a file. Throws DataError, without the file's name. */
export function parseNpyHeader(bytes: Buffer): NpyHeader {
  if (bytes.toString('latin1', 0, 6) !== MAGIC) {
    throw new DataError('DATA_LOSS', 'This is not a .npy file: it does not begin with "\\x93NUMPY".');
  }
  if (bytes.length < 10) throw truncated();
  const [major, minor] = [bytes[6] as number, bytes[7] as number];
  if (major < 1 || major > 3 || minor !== 0) {
    throw new DataError('UNIMPLEMENTED', `Version ${major}.${minor} of the .npy format is not supported.`);
  }
  const begin = major === 1 ? 10 : 12;
  if (bytes.length < begin) throw truncated();
  const length = major === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8);
  if (length > MOST_HEADER_BYTES) {
    throw new DataError(
      'UNIMPLEMENTED',
      `The header has ${length} bytes, more than the ${MOST_HEADER_BYTES} of any array of numbers.`,
    );
  }
  if (bytes.length < begin + length) throw truncated();
  const text = bytes.toString(major === 3 ? 'utf8' : 'latin1', begin, begin + length);
  const { descr, fortranOrder, shape } = parseDictionary(text);
  const { dtype, bigEndian } = parseDType(descr);
  return { dtype, bigEndian, fortranOrder, shape, offset: begin + length, byteLength: sizeOf(shape, dtype) };
}

function truncated(): DataError {
  return new DataError('DATA_LOSS', 'The file ends within its header.');
}

function damaged(text: string): DataError {
  return new DataError('DATA_LOSS', `The header is damaged: ${JSON.stringify(text.trim().slice(0, 120))}.`);
}

const VALUES = {
  // A list is a structured dtype, which is refused without further parsing.
  descr: /'(?<text>[^'\\]*)'|"(?<quoted>[^"\\]*)"|(?<list>\[)/y,
  fortran_order: /(?<flag>True|False)/y,
  // Python 2 writes long integers with an L.
  shape: /\((?<sizes>(?:\s*\d+L?\s*,)*(?:\s*\d+L?)?)\s*\)/y,
} as const;

/** Parses the header's Python dictionary, which must have exactly the three keys of `VALUES`. */
function parseDictionary(text: string): { descr: string; fortranOrder: boolean; shape: readonly number[] } {
  const found = new Map<string, Readonly<Record<string, string | undefined>>>();
  let at = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const hit = pattern.exec(text);
    if (hit !== null) at = pattern.lastIndex;
    return hit;
  };
  if (match(/\s*\{\s*/y) === null) throw damaged(text);
  while (match(/\}\s*$/y) === null) {
    const key = match(/['"](descr|fortran_order|shape)['"]\s*:\s*/y)?.[1] as keyof typeof VALUES | undefined;
    if (key === undefined || found.has(key)) throw damaged(text);
    const groups = match(VALUES[key])?.groups;
    if (groups === undefined) throw damaged(text);
    if (groups.list !== undefined) {
      throw new DataError('UNIMPLEMENTED', 'Expected an array of numbers but it is a structured array.');
    }
    found.set(key, groups);
    if (match(/\s*(?:,\s*|(?=\}))/y) === null) throw damaged(text);
  }
  const descr = found.get('descr');
  const fortran = found.get('fortran_order');
  const sizes = found.get('shape')?.sizes;
  if (descr === undefined || fortran === undefined || sizes === undefined) throw damaged(text);
  return {
    descr: descr.text ?? descr.quoted ?? '',
    fortranOrder: fortran.flag === 'True',
    shape: sizes.match(/\d+/g)?.map(Number) ?? [],
  };
}

function parseDType(descr: string): { dtype: NumericDType; bigEndian: boolean } {
  const [, order, kind = '', size = ''] = /^([<>|=]?)([a-zA-Z])(\d*.*)$/.exec(descr) ?? [];
  const dtype = DTYPES.get(`${kind}${size}`);
  if (dtype === undefined) {
    const what = KINDS[kind] === undefined ? '' : `: ${KINDS[kind]}`;
    throw new DataError(
      'UNIMPLEMENTED',
      `Expected an array of numbers but its dtype is '${descr.slice(0, 40)}'${what}. Save it as one of float16, ` +
        'float32, float64, (u)int8 to (u)int64.',
    );
  }
  return { dtype, bigEndian: order === '>' && bytesPerElement(dtype) > 1 };
}

function sizeOf(shape: readonly number[], dtype: NumericDType): number {
  if (shape.length > MOST_AXES) {
    throw new DataError(
      'UNIMPLEMENTED',
      `The header declares ${shape.length} axes, more than the ${MOST_AXES} that a tensor can have.`,
    );
  }
  // In an empty array too, the sizes of the other axes must multiply to a number of bytes that a tensor can have.
  const bytes = elementsOf(shape.filter((size) => size !== 0)) * bytesPerElement(dtype);
  if (!shape.every(Number.isSafeInteger) || !Number.isSafeInteger(bytes)) {
    throw new DataError(
      'DATA_LOSS',
      `The header declares the shape (${shape.join(', ')}), which no file can hold.`,
    );
  }
  return shape.includes(0) ? 0 : bytes;
}
