import { imageSize } from 'image-size';
import { ImageError } from '../support/errors.js';

/** The formats that TensorFlow decodes. */
export type ImageFormat = 'jpg' | 'png' | 'gif' | 'bmp';

export interface ImageHeader {
  readonly format: ImageFormat;
  readonly width: number;
  readonly height: number;
  /** The pixels of all frames of a GIF. TensorFlow holds every frame while it decodes the first frame. */
  readonly framePixels?: number;
}

const FORMATS: readonly string[] = ['jpg', 'png', 'gif', 'bmp'];

/**
 * Reads the header of a picture without decoding the picture. A file of a kilobyte may declare gigabytes of pixels.
 *
 * @throws ImageError: `UNIMPLEMENTED` for another format, `DATA_LOSS` if the header is not readable.
 */
export function readImageHeader(bytes: Uint8Array): ImageHeader {
  let found: ReturnType<typeof imageSize>;
  try {
    found = imageSize(bytes);
  } catch (error) {
    throw new ImageError(
      'DATA_LOSS',
      'Expected a JPEG, PNG, GIF or BMP but the data is none of these, or damaged.',
      {
        cause: error,
      },
    );
  }
  const { type, width, height } = found;
  if (type === undefined || !FORMATS.includes(type)) {
    throw new ImageError(
      'UNIMPLEMENTED',
      `Expected a JPEG, PNG, GIF or BMP but received a ${type} picture. Convert it.`,
    );
  }
  // A BMP whose first row is the top row declares a negative height.
  const header = { format: type as ImageFormat, width: Math.abs(width), height: Math.abs(height) };
  if (!(header.width > 0 && header.height > 0)) {
    throw new ImageError('DATA_LOSS', `The picture declares a size of ${width} x ${height} pixels.`);
  }
  if (header.format === 'bmp') checkBmp(bytes);
  return header.format === 'gif' ? { ...header, ...readFrames(bytes) } : header;
}

/** The size of a GIF's colour table in bytes, by the value of its flags byte. */
export const GIF_TABLE_BYTES: readonly number[] = Array.from({ length: 256 }, (_, flags) =>
  flags & 0x80 ? 3 << ((flags & 7) + 1) : 0,
);

export const GIF_FRAME = 0x2c;
export const GIF_EXTENSION = 0x21;

/** Reads the frames of a GIF. TensorFlow decodes a GIF to the size of its largest frame and ignores the screen size. */
function readFrames(bytes: Uint8Array): Partial<ImageHeader> {
  const byte = (at: number) => bytes[at] ?? 0;
  let [width, height, framePixels] = [0, 0, 0];
  for (let at = 13 + (GIF_TABLE_BYTES[byte(10)] as number); ; ) {
    const kind = byte(at);
    if (kind === GIF_FRAME) {
      const [frameWidth, frameHeight] = [
        byte(at + 5) + 256 * byte(at + 6),
        byte(at + 7) + 256 * byte(at + 8),
      ];
      width = Math.max(width, frameWidth);
      height = Math.max(height, frameHeight);
      framePixels += frameWidth * frameHeight;
      at += 11 + (GIF_TABLE_BYTES[byte(at + 9)] as number);
    } else if (kind === GIF_EXTENSION) {
      at += 2;
    } else {
      // A GIF without a frame is damaged. Its size stays that of the screen.
      return width > 0 && height > 0 ? { width, height, framePixels } : { framePixels };
    }
    for (; byte(at) > 0; at += byte(at) + 1);
    at += 1;
  }
}

const UNCOMPRESSED = 0;
const BIT_FIELDS = 3;

/**
 * Refuses the kinds of BMP that TensorFlow decodes wrongly without an error: TensorFlow takes run-length codes for
 * pixels and palette indices for grey levels.
 */
function checkBmp(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < 54) throw new ImageError('DATA_LOSS', 'The BMP ends within its header.');
  const pixelsAt = view.getUint32(10, true);
  const headerSize = view.getUint32(14, true);
  const bits = view.getUint16(28, true);
  const compression = view.getUint32(30, true);
  const plain = compression === UNCOMPRESSED || (compression === BIT_FIELDS && bits === 32);
  const grey = bits !== 8 || isGreyPalette(bytes.subarray(14 + headerSize, pixelsAt));
  if (headerSize < 40 || !plain || ![8, 24, 32].includes(bits) || !grey) {
    throw new ImageError(
      'UNIMPLEMENTED',
      `Expected a BMP of 24 or 32 bits, or of 8 bits grey, without compression, but received one of ${bits} bits` +
        `${grey ? '' : ' with a palette'}, compression ${compression}. Convert it to PNG.`,
    );
  }
}

/** Whether the palette (blue, green, red, 0 per entry) maps every index to itself as a grey. */
function isGreyPalette(palette: Uint8Array): boolean {
  if (palette.length !== 256 * 4) return false;
  return palette.every((value, i) => i % 4 === 3 || value === i >> 2);
}
