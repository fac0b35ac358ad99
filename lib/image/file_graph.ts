/** Ops that read pictures from files. The graph runs on the machine that has the files. */
import { op } from '../graph/operand.js';
import * as ops from '../graph/ops/index.js';
import type { Symbolic } from '../graph/symbolic.js';
import { DECODERS, MOST_FRAMES } from './decode.js';
import { GIF_EXTENSION, GIF_FRAME, GIF_TABLE_BYTES, type ImageFormat } from './image_header.js';

export interface FileLimits {
  readonly maxPixels: number;
  readonly maxBytes: number;
}

/** Height and width are known only when the file has been read. */
const PICTURE = [null, null, 3] as const;

/**
 * Reads the picture in the file `path` (a string) with the ops of `decodeImage`: uint8 `(height, width, 3)`. A file
 * that `decodeImage` refuses by its header is not decoded. Its result is empty, `(0, 0, 3)`, which every resizing op
 * refuses.
 */
export function readPicture(path: Symbolic, limits: FileLimits): Symbolic {
  const contents = op('ReadFile', [path]);
  const header = new Header(contents);
  const fits = ops.logicalAnd(
    ops.lessEqual(header.pixels, limits.maxPixels),
    ops.lessEqual(header.length, limits.maxBytes),
  );
  return FORMATS.reduce(
    (picture, format) => {
      const decoded = () =>
        op('EnsureShape', [DECODERS[format](contents)], { shape: { shape: [...PICTURE] } });
      return when(ops.logicalAnd(fits, header.is[format]), decoded, picture);
    },
    ops.zeros([0, 0, 3], 'uint8'),
  );
}

/** Reads the first bytes of the file `path`, at most `maxBytes` + 1: uint8 `(bytes)`. */
export function readBytes(path: Symbolic, maxBytes: number): Symbolic {
  const contents = op('ReadFile', [path]);
  const start = op('Substr', [contents, ops.constant(0, 'int64'), ops.constant(maxBytes + 1, 'int64')]);
  return op('DecodeRaw', [start], { out_type: { dtype: 'uint8' }, little_endian: true });
}

const FORMATS: readonly ImageFormat[] = ['jpg', 'png', 'gif', 'bmp'];

/** The number of bytes that hold every header field at a fixed place. */
const HEADER = 64;

/**
 * The header of a file, read by ops. It accepts what `readImageHeader` accepts. Numbers are float64, which holds every
 * declared size exactly.
 */
class Header {
  readonly #contents: Symbolic;
  readonly #bytes: Symbolic;
  readonly length: Symbolic;
  readonly is: Readonly<Record<ImageFormat, Symbolic>>;

  constructor(contents: Symbolic) {
    this.#contents = contents;
    this.#bytes = ops.cast(firstBytes(contents, HEADER), 'float64');
    this.length = ops.cast(op('StringLength', [contents]), 'float64');
    const version = ops.logicalOr(this.#holds(4, '7'), this.#holds(4, '9'));
    this.is = {
      jpg: this.#holds(0, '\xff\xd8'),
      png: ops.logicalAnd(this.#holds(0, '\x89PNG\r\n\x1a\n'), this.#holds(12, 'IHDR')),
      gif: ops.logicalAnd(this.#holds(0, 'GIF8'), ops.logicalAnd(version, this.#holds(5, 'a'))),
      bmp: this.#isPlainBmp(),
    };
  }

  /** The number of pixels that the picture declares. 0 for an unknown format. */
  get pixels(): Symbolic {
    const { jpg, png, gif, bmp } = this.is;
    const empty = ops.zeros([3], 'int32');
    const jpgSize = when(jpg, () => op('ExtractJpegShape', [this.#contents]), empty);
    const [height, width] = ops.unstack(ops.cast(jpgSize, 'float64')) as [Symbolic, Symbolic];
    const bmpHeight = this.#number(22, 4);
    // A BMP whose first row is the top row declares a negative height.
    const rows = ops.minimum(bmpHeight, ops.subtract(2 ** 32, bmpHeight));
    const declared = [
      [jpg, height, width],
      [png, this.#number(16, 4, 'big'), this.#number(20, 4, 'big')],
      [gif, when(gif, () => this.#gifPixels(), ops.constant(0, 'float64')), 1],
      [bmp, rows, this.#number(18, 4)],
    ] as const;
    return declared.reduce<Symbolic>(
      (sum, [is, a, b]) => ops.add(sum, ops.multiply(ops.cast(is, 'float64'), ops.multiply(a, b))),
      ops.constant(0, 'float64'),
    );
  }

  /** The pixels of the largest frame, or the pixels of all frames divided by MOST_FRAMES if that is more. */
  #gifPixels(): Symbolic {
    const contents = op('DecodeRaw', [this.#contents], {
      out_type: { dtype: 'uint8' },
      little_endian: true,
    });
    // Zeros are appended, because a block that begins before the end may read beyond it.
    const bytes = ops.concat([contents, ops.zeros([16], 'uint8')], 0);
    const end = ops.size(contents);
    const byte = (at: Symbolic, offset = 0) =>
      ops.cast(ops.gather(bytes, offset === 0 ? at : ops.add(at, offset)), 'int32');
    const tables = ops.constant([...GIF_TABLE_BYTES], 'int32');
    const within = (at: Symbolic) => ops.minimum(at, end);

    const skipData = (from: Symbolic) => {
      const [at] = ops.whileLoop(
        (_, size) => ops.greater(size as Symbolic, 0),
        (at, size) => {
          const next = within(ops.add(ops.add(at as Symbolic, size as Symbolic), 1));
          return [next, byte(next)];
        },
        [from, byte(from)],
      );
      return within(ops.add(at as Symbolic, 1));
    };

    const begin = within(
      ops.add(ops.gather(tables, ops.cast(ops.slice(this.#bytes, [10], [1]), 'int32')), 13),
    );
    const first = ops.reshape(begin, []);
    const none = ops.constant(0, 'int32');
    const [, , height, width, all] = ops.whileLoop(
      (_, kind) =>
        ops.logicalOr(ops.equal(kind as Symbolic, GIF_FRAME), ops.equal(kind as Symbolic, GIF_EXTENSION)),
      (at, kind, height, width, all) => {
        const place = at as Symbolic;
        const isFrame = ops.equal(kind as Symbolic, GIF_FRAME);
        const size = (offset: number) => {
          const value = ops.add(byte(place, offset), ops.multiply(byte(place, offset + 1), 256));
          return ops.where(isFrame, value, none);
        };
        const [ownWidth, ownHeight] = [size(5), size(7)];
        const pixels = ops.multiply(ops.cast(ownWidth, 'float64'), ops.cast(ownHeight, 'float64'));
        const before = ops.where(
          isFrame,
          ops.add(ops.gather(tables, byte(place, 9)), 11),
          ops.constant(2, 'int32'),
        );
        const next = skipData(within(ops.add(place, before)));
        return [
          next,
          byte(next),
          ops.maximum(height as Symbolic, ownHeight),
          ops.maximum(width as Symbolic, ownWidth),
          ops.add(all as Symbolic, pixels),
        ];
      },
      [first, byte(first), none, none, ops.constant(0, 'float64')],
    ) as [Symbolic, Symbolic, Symbolic, Symbolic, Symbolic];
    const largest = ops.multiply(ops.cast(height, 'float64'), ops.cast(width, 'float64'));
    return ops.maximum(largest, ops.divide(all, MOST_FRAMES));
  }

  /**
   * Whether TensorFlow decodes the BMP correctly. It takes run-length codes for pixels and palette indices for greys.
   */
  #isPlainBmp(): Symbolic {
    const headerSize = this.#number(14, 4);
    const bits = this.#number(28, 2);
    const compression = this.#number(30, 4);
    const [is8, is24, is32] = [8, 24, 32].map((each) => ops.equal(bits, each)) as [
      Symbolic,
      Symbolic,
      Symbolic,
    ];
    const uncompressed = ops.equal(compression, 0);
    const bitFields = ops.logicalAnd(ops.equal(compression, 3), is32);
    const paletteAt = ops.add(headerSize, 14);
    const paletteSize = ops.subtract(this.#number(10, 4), paletteAt);
    const wholeHeader = ops.logicalAnd(ops.greaterEqual(this.length, 54), ops.greaterEqual(headerSize, 40));
    const bmp = ops.logicalAnd(this.#holds(0, 'BM'), wholeHeader);
    const plain = ops.logicalAnd(bmp, ops.logicalOr(uncompressed, bitFields));
    const hasPalette = ops.logicalAnd(ops.logicalAnd(plain, is8), ops.equal(paletteSize, 4 * 256));
    const grey = when(hasPalette, () => this.#isGreyPalette(paletteAt), ops.constant(false));
    return ops.logicalAnd(plain, ops.logicalOr(grey, ops.logicalOr(is24, is32)));
  }

  /** Whether the palette (blue, green, red, 0 per entry) maps every index to itself as a grey. */
  #isGreyPalette(at: Symbolic): Symbolic {
    const size = ops.constant(4 * 256, 'int64');
    const palette = op('Substr', [this.#contents, ops.cast(at, 'int64'), size]);
    const entries = ops.reshape(firstBytes(palette, 4 * 256), [256, 4]);
    const index = ops.reshape(ops.cast(ops.range(256), 'uint8'), [256, 1]);
    return ops.reduceAll(ops.equal(ops.slice(entries, [0, 0], [256, 3]), index));
  }

  #holds(at: number, text: string): Symbolic {
    const expected = [...Buffer.from(text, 'latin1')];
    return ops.reduceAll(ops.equal(ops.slice(this.#bytes, [at], [expected.length]), expected));
  }

  #number(at: number, size: number, order: 'little' | 'big' = 'little'): Symbolic {
    const weights = Array.from({ length: size }, (_, i) => 256 ** i);
    if (order === 'big') weights.reverse();
    return ops.reduceSum(ops.multiply(ops.slice(this.#bytes, [at], [size]), weights));
  }
}

/** Returns the first `count` bytes of a string: uint8 `(count)`. A shorter string is padded with zeros. */
function firstBytes(contents: Symbolic, count: number): Symbolic {
  return op('DecodePaddedRaw', [contents, ops.constant(count, 'int32')], {
    out_type: { dtype: 'uint8' },
    little_endian: true,
  });
}

/** Returns `value()` if `condition` holds, else `otherwise`. `value()` is computed only if `condition` holds. */
function when(condition: Symbolic, value: () => Symbolic, otherwise: Symbolic): Symbolic {
  const shape = otherwise.rank === 3 ? PICTURE : otherwise.shape;
  const [, result] = ops.whileLoop(
    (wanted) => ops.identity(wanted as Symbolic),
    () => [ops.constant(false), value()],
    [condition, otherwise],
    { shapes: [[], shape] },
  );
  return result as Symbolic;
}
