/** What the reader of a format returns. Readers may block, so they run in a thread of their own. */
import type { KerasModelFile } from '../model_file.js';
import type { StoredArray } from '../stored_weights.js';

/** What is known of a model file before its arrays are read. */
export type ModelIndex = Pick<
  KerasModelFile,
  'format' | 'path' | 'architecture' | 'kerasVersion' | 'backend' | 'weights'
>;

export interface ModelReader {
  readonly index: ModelIndex;
  /** Reads the bytes of an array in order, little-endian. A piece is valid until the next one. */
  read(array: StoredArray, take: (piece: Uint8Array) => void): void | Promise<void>;
  close(): void | Promise<void>;
}
