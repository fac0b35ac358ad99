/**
 * A HDF5 file, read by the HDF5 library in WebAssembly. The library sees a file system with this one file, so links to
 * other files, external storage and plugins find nothing. The bytes are read where the library asks for them.
 */
import type { ready as LibraryReady } from 'h5wasm';
import type { DType } from '../../binding/contract.js';
import { ModelError } from '../../support/errors.js';
import type { FileRange } from './file_range.js';
import { MOST_JSON, MOST_RANK } from './limits.js';

type Library = Awaited<typeof LibraryReady>;

/** What is known of an array before it is read. */
export interface Hdf5Array {
  readonly path: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly bytes: number;
  /** The shape of a chunk, or null if the elements lie in the file one after another. */
  readonly chunks: readonly number[] | null;
}

/** The size of the pieces that are read. */
const PIECE = 4 * 2 ** 20;

/** The maximum size of chunks that are read at once. A chunk is inflated as a whole. */
const MOST_CHUNKS = 128 * 2 ** 20;

/** The maximum size of an attribute: an architecture, or a list of names. */
const MOST_ATTRIBUTE = MOST_JSON;

/**
 * The file may be read this many times over, and this many bytes beside, before the library counts as lost in a loop.
 */
const MOST_READS = 20;
const READS_BESIDE = 256 * 2 ** 20;

/** The number of files that were opened. Each has a path of its own in the file system of the library. */
let opened = 0;

/** The parts of h5wasm's file system that the types of h5wasm lack. */
interface FileNode {
  stream_ops: Record<string, unknown>;
}
interface FileSystem {
  createFile(parent: string, name: string, properties: object, canRead: boolean, canWrite: boolean): FileNode;
}

export class Hdf5File {
  readonly #source: FileRange;
  readonly #module: Library;
  readonly #file: bigint;
  readonly #name: string;

  private constructor(source: FileRange, module: Library, file: bigint, name: string) {
    this.#source = source;
    this.#module = module;
    this.#file = file;
    this.#name = name;
  }

  static async open(source: FileRange): Promise<Hdf5File> {
    const { ready } = await import('h5wasm');
    const module = await ready;
    const name = mount(module, source);
    module.activate_throwing_error_handler();
    const file = guarded(source.path, () => module.open(name, module.H5F_ACC_RDONLY, false, -1, -1));
    if (file < 0n) throw damaged(source.path, 'the library cannot open the file');
    return new Hdf5File(source, module, file, name);
  }

  get path(): string {
    return this.#source.path;
  }

  /** The size of the file in bytes. */
  get size(): number {
    return this.#source.size;
  }

  /** Returns the names of the links in a group. */
  namesIn(group: string): string[] {
    return this.#guard(() => this.#module.get_names(this.#file, group, false));
  }

  /** Returns what the path leads to. Null if nothing is there. Links to other files lead to 'elsewhere'. */
  kindOf(path: string): 'group' | 'array' | 'elsewhere' | null {
    const module = this.#module;
    switch (this.#guard(() => module.get_type(this.#file, path))) {
      case module.H5G_GROUP:
        return 'group';
      case module.H5G_DATASET:
        return 'array';
      case -1:
        return null;
      default:
        return 'elsewhere';
    }
  }

  attributesOf(path: string): string[] {
    return this.#guard(() => this.#module.get_attribute_names(this.#file, path));
  }

  /** Returns the strings of an attribute: one for a scalar, decoded as UTF-8. */
  strings(path: string, name: string): string[] {
    return this.#guard(() => {
      const module = this.#module;
      const { type, vlen, size, total_size: count } = module.get_attribute_metadata(this.#file, path, name);
      // An empty list of names is stored as numbers.
      if (count === 0) return [];
      if (type !== module.H5T_class_t.H5T_STRING.value) {
        throw damaged(this.#source.path, `the attribute \`${name}\` of ${path} holds no text`);
      }
      const bytes = size * count;
      if (!(bytes <= MOST_ATTRIBUTE))
        throw damaged(this.#source.path, `the attribute \`${name}\` has ${bytes} bytes`);
      const memory = this.#allocate(bytes);
      try {
        module.get_attribute_data(this.#file, path, name, BigInt(memory));
        const text = (at: number, most: number) => textAt(module.HEAPU8, at, most);
        if (!vlen) return Array.from({ length: count }, (_, i) => text(memory + i * size, size));
        const pointers = new DataView(module.HEAPU8.buffer, memory, bytes);
        const found = Array.from({ length: count }, (_, i) => {
          const at = pointers.getUint32(4 * i, true);
          return at === 0 ? '' : text(at, MOST_ATTRIBUTE);
        });
        module.reclaim_vlen_memory(this.#file, path, name, BigInt(memory));
        return found;
      } finally {
        module._free(memory);
      }
    });
  }

  /** Returns what is known of an array. */
  array(path: string): Hdf5Array {
    return this.#guard(() => {
      const metadata = this.#module.get_dataset_metadata(this.#file, path);
      if (metadata.virtual_sources !== undefined) {
        throw damaged(this.#source.path, `the array ${path} lies in other files`);
      }
      const { shape, chunks, size } = metadata;
      if (shape === null) throw damaged(this.#source.path, `the array ${path} is empty`);
      const elements = shape.reduce((product, length) => product * length, 1);
      if (shape.length > MOST_RANK || !Number.isSafeInteger(elements * size)) {
        throw damaged(this.#source.path, `the array ${path} has the shape (${shape.join(', ')})`);
      }
      return { path, dtype: this.#dtype(path, metadata), shape, bytes: elements * size, chunks };
    });
  }

  #dtype(path: string, metadata: ReturnType<Library['get_dataset_metadata']>): DType {
    const { type, size, signed, enum_type } = metadata;
    const types = this.#module.H5T_class_t;
    if (type === types.H5T_FLOAT.value && (size === 2 || size === 4 || size === 8)) {
      return `float${(size * 8) as 16 | 32 | 64}`;
    }
    if (type === types.H5T_INTEGER.value && (size === 1 || size === 2 || size === 4 || size === 8)) {
      return `${signed ? 'int' : 'uint'}${(size * 8) as 8 | 16 | 32 | 64}`;
    }
    // h5py stores booleans as an enumeration.
    if (enum_type !== undefined && size === 1 && enum_type.members.TRUE === 1) return 'bool';
    if (type === types.H5T_OPAQUE.value && size === 2 && this.attributesOf(path).includes('dtype')) {
      if (this.strings(path, 'dtype')[0] === 'bfloat16') return 'bfloat16';
    }
    throw new ModelError(
      'UNIMPLEMENTED',
      `The array ${path} of ${this.#source.path} has elements of HDF5's class ${type} with ${size} bytes. ` +
        'Expected integers, floats or booleans.',
    );
  }

  /** Reads an array piece by piece, in order. A piece is valid until the next one. */
  read(array: Hdf5Array, take: (piece: Uint8Array) => void): void {
    if (array.bytes === 0) return;
    this.#guard(() => {
      const { axis, rows, unit } = cut(array);
      const module = this.#module;
      const memory = this.#allocate(rows * unit);
      try {
        for (const { count, offset } of blocksOf(array.shape, axis, rows)) {
          const strides = count.map(() => 1n);
          const isScalar = array.shape.length === 0;
          const status = isScalar
            ? module.get_dataset_data(this.#file, array.path, null, null, null, BigInt(memory))
            : module.get_dataset_data(this.#file, array.path, count, offset, strides, BigInt(memory));
          if (status < 0) throw damaged(this.#source.path, `the array ${array.path} cannot be read`);
          take(module.HEAPU8.subarray(memory, memory + Number(count[axis] ?? 1n) * unit));
        }
      } finally {
        module._free(memory);
      }
    });
  }

  close(): void {
    this.#module.close_file(this.#file);
    this.#module.FS.unlink(this.#name);
    this.#source.close();
  }

  #allocate(bytes: number): number {
    const memory = this.#module._malloc(bytes);
    if (memory === 0) throw damaged(this.#source.path, `${bytes} bytes are needed at once`);
    return memory;
  }

  #guard<T>(call: () => T): T {
    return guarded(this.#source.path, call);
  }
}

/** Runs a call of the library. All its failures are errors of the file. */
function guarded<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (error instanceof ModelError) throw error;
    throw damaged(path, causeOf(error));
  }
}

/** Returns the innermost error of the library's stack, which names the cause. */
function causeOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const lines = [...message.matchAll(/#\d+: \S+ line \d+ in (\w+)\(\): ([^\n]*)/g)];
  const last = lines.at(-1);
  return last === undefined ? (message.split('\n')[0] as string) : `${last[1]}: ${last[2]}`;
}

const damaged = (path: string, reason: string): ModelError =>
  new ModelError('DATA_LOSS', `The HDF5 file ${path} is damaged or truncated: ${reason}.`);

/** Adds the file to the library's file system, which has no other files but those of the model. Returns its path. */
function mount(module: Library, source: FileRange): string {
  const name = `model_${opened++}.h5`;
  const node = (module.FS as unknown as FileSystem).createFile('/', name, {}, true, false);
  let bytes = 0;
  const most = MOST_READS * source.size + READS_BESIDE;
  Object.defineProperty(node, 'usedBytes', { get: () => source.size });
  const read = (_: unknown, target: Int8Array, offset: number, length: number, position: number) => {
    bytes += length;
    if (bytes > most) throw damaged(source.path, 'its parts refer to each other in a circle');
    const inside = Math.max(0, Math.min(length, source.size - position));
    const count = inside === 0 ? 0 : source.read(target, offset, inside, position);
    // The library would take the bytes behind the end for zeros.
    if (count < inside) throw damaged(source.path, 'the file has become shorter while it was read');
    return count;
  };
  node.stream_ops = { ...node.stream_ops, read };
  return `/${name}`;
}

/** Returns the text at an address, up to its first zero. */
function textAt(heap: Uint8Array, at: number, most: number): string {
  const end = heap.indexOf(0, at);
  return new TextDecoder().decode(heap.subarray(at, Math.min(end < 0 ? heap.length : end, at + most)));
}

/** How an array is cut into pieces: `rows` indices of `axis` at a time, of `unit` bytes each. */
function cut({ shape, chunks, bytes, path }: Hdf5Array): { axis: number; rows: number; unit: number } {
  const most = chunks === null ? PIECE : MOST_CHUNKS;
  let unit = bytes;
  for (let axis = 0; axis < shape.length; axis++) {
    const length = shape[axis] as number;
    unit /= length;
    const step = Math.min(chunks?.[axis] ?? 1, length);
    if (step * unit <= most) {
      const steps = Math.max(1, Math.floor(PIECE / (step * unit)));
      return { axis, rows: Math.min(length, step * steps), unit };
    }
  }
  if (shape.length === 0) return { axis: 0, rows: 1, unit: bytes };
  throw new ModelError('OUT_OF_RANGE', `The array ${path} has chunks of more than ${MOST_CHUNKS} bytes.`);
}

/** Returns the hyperslabs of the pieces in order. */
function* blocksOf(
  shape: readonly number[],
  axis: number,
  rows: number,
): Generator<{ count: bigint[]; offset: bigint[] }> {
  const outer = shape.slice(0, axis).reduce((product, length) => product * length, 1);
  const length = shape[axis] ?? 1;
  for (let at = 0; at < outer; at++) {
    for (let row = 0; row < length; row += rows) {
      const offset = shape.map(() => 0n);
      const count = shape.map((each, i) => (i < axis ? 1n : BigInt(each)));
      for (let i = axis - 1, rest = at; i >= 0; i--) {
        offset[i] = BigInt(rest % (shape[i] as number));
        rest = Math.floor(rest / (shape[i] as number));
      }
      if (shape.length > 0) {
        offset[axis] = BigInt(row);
        count[axis] = BigInt(Math.min(rows, length - row));
      }
      yield { count, offset };
    }
  }
}
