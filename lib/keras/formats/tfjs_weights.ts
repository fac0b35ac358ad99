/** The values of the weights of a TensorFlow.js model, read from shards and dequantised piece by piece. */
import type { FileHandle } from 'node:fs/promises';
import { ModelError } from '../../support/errors.js';
import { openToRead } from '../../support/open_file.js';
import { halvesToFloats } from './half_floats.js';
import { findSibling } from './sibling_files.js';
import type { TfjsGroup, TfjsWeight } from './tfjs_manifest.js';

/** Receives the bytes of a weight, little-endian, in order and without gaps: `bytes` go to `offset`. */
export type WeightSink = (bytes: Uint8Array, offset: number) => void | Promise<void>;

/** The number of stored bytes that are read at once, a multiple of the size of every element. */
const PIECE = 1 << 20;
const LENGTH_BYTES = 4;

interface Shard {
  readonly path: string;
  /** The offset of the shard's first byte in its group. */
  readonly begin: number;
  readonly end: number;
}

interface Place {
  readonly shards: readonly Shard[];
  readonly begin: number;
  readonly end: number;
}

/**
 * The shards of a model. Sizes are checked against shapes when the shards are opened, so that memory for a weight is
 * only allocated for bytes that exist. Reads one weight after another; one file is open at a time.
 */
export class TfjsWeights {
  /** In the order of the manifest. `index` is the position in this list. */
  readonly weights: readonly TfjsWeight[];
  readonly #places: readonly Place[];
  #open: { readonly shard: Shard; readonly file: FileHandle } | null = null;

  private constructor(weights: readonly TfjsWeight[], places: readonly Place[]) {
    this.weights = weights;
    this.#places = places;
  }

  /**
   * @param directory the directory of model.json.
   * @throws ModelError: `NOT_FOUND` for a missing shard, `DATA_LOSS` if the shards are shorter than the weights.
   */
  static async open(groups: readonly TfjsGroup[], directory: string): Promise<TfjsWeights> {
    const places: Place[] = [];
    const opened = new TfjsWeights(
      groups.flatMap(({ weights }) => weights),
      places,
    );
    try {
      for (const { paths, weights } of groups) {
        const shards = await findShards(paths, directory);
        let begin = 0;
        for (const weight of weights) {
          const end = await opened.#endOf(weight, shards, begin);
          places.push({ shards, begin, end });
          begin = end;
        }
      }
      return opened;
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  /** Reads the values of a weight that has no strings, in its own dtype. Memory: two pieces of 1 MiB stored bytes. */
  async read(weight: TfjsWeight, sink: WeightSink): Promise<void> {
    const { shards, begin, end } = this.#place(weight);
    let offset = 0;
    for (let at = begin; at < end; at += PIECE) {
      const values = dequantise(await this.#bytes(shards, at, Math.min(end, at + PIECE), weight), weight);
      await sink(values, offset);
      offset += values.byteLength;
    }
  }

  /** Reads the values of a weight of strings. */
  async strings(weight: TfjsWeight): Promise<Uint8Array[]> {
    const { shards, begin, end } = this.#place(weight);
    const bytes = await this.#bytes(shards, begin, end, weight);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const strings: Uint8Array[] = [];
    for (let at = 0; strings.length < weight.elements; ) {
      const from = at + LENGTH_BYTES;
      at = from + view.getUint32(at, true);
      strings.push(bytes.subarray(from, at));
    }
    return strings;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    const open = this.#open;
    this.#open = null;
    await open?.file.close();
  }

  #place(weight: TfjsWeight): Place {
    const place = this.#places[weight.index];
    if (place === undefined) throw new RangeError(`These shards have no weight of index ${weight.index}.`);
    return place;
  }

  async #endOf(weight: TfjsWeight, shards: readonly Shard[], begin: number): Promise<number> {
    if (weight.bytes !== null) {
      checkEnd(shards, begin + weight.bytes, weight);
      return begin + weight.bytes;
    }
    // A length precedes every string, so a shape is never larger than the bytes allow.
    checkEnd(shards, begin + weight.elements * LENGTH_BYTES, weight);
    let end = begin;
    for (let i = 0; i < weight.elements; ++i) {
      const length = await this.#bytes(shards, end, end + LENGTH_BYTES, weight);
      end += LENGTH_BYTES + new DataView(length.buffer, length.byteOffset).getUint32(0, true);
      checkEnd(shards, end, weight);
    }
    return end;
  }

  /** Returns the bytes of a group from `begin` to `end` (excluded). */
  async #bytes(
    shards: readonly Shard[],
    begin: number,
    end: number,
    weight: TfjsWeight,
  ): Promise<Uint8Array> {
    checkEnd(shards, end, weight);
    const bytes = new Uint8Array(end - begin);
    for (const shard of shards) {
      for (let at = Math.max(begin, shard.begin); at < Math.min(end, shard.end); ) {
        const file = await this.#file(shard);
        const wanted = Math.min(end, shard.end) - at;
        const { bytesRead } = await file.read(bytes, at - begin, wanted, at - shard.begin);
        if (bytesRead === 0) throw truncated(shards, weight);
        at += bytesRead;
      }
    }
    return bytes;
  }

  async #file(shard: Shard): Promise<FileHandle> {
    if (this.#open?.shard !== shard) {
      await this.close();
      this.#open = { shard, file: (await openShard(shard.path)).file };
    }
    return (this.#open as { readonly file: FileHandle }).file;
  }
}

async function findShards(paths: readonly string[], directory: string): Promise<Shard[]> {
  const shards: Shard[] = [];
  let begin = 0;
  for (const relative of paths) {
    const { path, size } = await findSibling(directory, relative, 'model.json');
    shards.push({ path, begin, end: begin + size });
    begin += size;
  }
  return shards;
}

async function openShard(path: string): Promise<{ file: FileHandle; size: number }> {
  let size = 0;
  try {
    const file = await openToRead(path, (found) => {
      if (!found.isFile())
        throw new ModelError('DATA_LOSS', `The weights ${path} are not in a regular file.`);
      size = found.size;
    });
    return { file, size };
  } catch (error) {
    if (error instanceof ModelError) throw error;
    const code = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'NOT_FOUND' : 'UNKNOWN';
    throw new ModelError(
      code,
      `The weights ${path} cannot be read: ${(error as Error).message}. Every file that \`weightsManifest\` of ` +
        'model.json names must be present.',
      { cause: error },
    );
  }
}

function checkEnd(shards: readonly Shard[], end: number, weight: TfjsWeight): void {
  if (end > (shards.at(-1)?.end ?? 0)) throw truncated(shards, weight);
}

function truncated(shards: readonly Shard[], weight: TfjsWeight): ModelError {
  const files = shards.map(({ path, begin, end }) => `${path} (${end - begin} bytes)`);
  const listed = files.length > 3 ? [...files.slice(0, 3), `${files.length - 3} more`] : files;
  return new ModelError(
    'DATA_LOSS',
    `The weights are truncated: '${weight.name}' [${weight.shape.join(', ')}] of ${weight.stored} ends behind ` +
      `${listed.join(', ') || 'a group without files'}. A file of some 130 bytes is a Git LFS pointer: run \`git lfs pull\`.`,
  );
}

function dequantise(bytes: Uint8Array, { stored, dtype, quantisation }: TfjsWeight): Uint8Array {
  if (stored === 'bool') return bytes.map((value) => (value === 0 ? 0 : 1));
  if (stored === 'float16' && dtype === 'float32') return bytesOf(halvesToFloats(elementsOf(bytes)));
  if (quantisation === null) return bytes;
  const quantised = stored === 'uint8' ? bytes : elementsOf(bytes);
  const { scale, min } = quantisation;
  const values = dtype === 'int32' ? new Int32Array(quantised.length) : new Float32Array(quantised.length);
  const isWhole = dtype === 'int32';
  for (let i = 0; i < quantised.length; ++i) {
    const value = (quantised[i] as number) * scale + min;
    values[i] = isWhole ? Math.round(value) : value;
  }
  return bytesOf(values);
}

/** Returns the elements of two bytes. `bytes` are a whole, aligned buffer. */
function elementsOf(bytes: Uint8Array): Uint16Array {
  return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
}

function bytesOf(values: Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
