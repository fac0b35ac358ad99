/** The thread of a reader: opens a model file, and sends pieces of its arrays. */
import { parentPort, workerData } from 'node:worker_threads';
import type { StoredArray } from '../stored_weights.js';
import type { ModelIndex, ModelReader } from './model_reader.js';
import { type ModelFile, openReader, type SentError, sentError } from './open_reader.js';
import { type Piece, PieceWriter } from './piece_channel.js';

export interface ThreadData {
  readonly file: ModelFile;
  readonly memory: SharedArrayBuffer;
}

/** A request: the arrays to read. */
export type Request = readonly StoredArray[];

export type Answer =
  | { readonly opened: ModelIndex | 'graph-model' }
  | { readonly piece: Piece }
  | { readonly read: true }
  | { readonly failed: SentError };

/** The parts of WebAssembly.Memory that are used here. The types of Node lack WebAssembly. */
interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** The memory that the HDF5 library may take. It holds one piece, and what it keeps of the file's structure. */
const MOST_LIBRARY_BYTES = 512 * 2 ** 20;

const port = parentPort;
if (port === null) throw new Error('This file is the program of a worker thread.');
const post = (answer: Answer) => port.postMessage(answer);
const { file, memory } = workerData as ThreadData;
const writer = new PieceWriter(memory, (piece) => post({ piece }));

limitWebAssembly();

let reader: ModelReader | undefined;
try {
  const opened = await openReader(file, writer);
  if (opened !== 'graph-model') reader = opened;
  post({ opened: opened === 'graph-model' ? opened : opened.index });
} catch (error) {
  post({ failed: sentError(error) });
}

port.on('message', async (arrays: Request) => {
  try {
    for (const array of arrays) await read(array);
    post({ read: true });
  } catch (error) {
    post({ failed: sentError(error) });
  }
});

async function read(array: StoredArray): Promise<void> {
  let offset = 0;
  await reader?.read(array, (piece) => {
    writer.send(array.index, offset, piece);
    offset += piece.length;
  });
}

/** Lets memory of WebAssembly grow to the limit only. The library treats a refusal as a lack of memory. */
function limitWebAssembly(): void {
  const { prototype } = (globalThis as unknown as { WebAssembly: { Memory: { prototype: Memory } } })
    .WebAssembly.Memory;
  const { grow } = prototype;
  prototype.grow = function limited(this: Memory, pages: number): number {
    if (this.buffer.byteLength + pages * 65536 > MOST_LIBRARY_BYTES)
      throw new RangeError('The file needs too much memory.');
    return grow.call(this, pages);
  };
}
