/** A model file, opened: its architecture and the index of its weights. */
import type { JsonObject } from './config.js';
import type { StoredArray, StoredWeights } from './stored_weights.js';

/** Receives the bytes of an array, in order and without gaps: `bytes` go to `offset` of the array. */
export type ArraySink = (array: StoredArray, bytes: Uint8Array, offset: number) => void;

/** A file with a Keras architecture. Opened by a reader of `formats/`, which works on a thread of its own. */
export interface KerasModelFile {
  /** As messages name the format, with its article: "a Keras file (.keras)". */
  readonly format: string;
  readonly path: string;
  /** The serialised model: `class_name`, `config`. */
  readonly architecture: JsonObject;
  /** The version of Keras that wrote the file, for example '2.12.0'. Files before 2.0 may lack it: '1'. */
  readonly kerasVersion: string;
  /** The backend of that Keras, for example 'tensorflow'. '' if the file has none. */
  readonly backend: string;
  readonly weights: StoredWeights;
  /**
   * Reads the bytes of the arrays, little-endian, in the dtype of each. `sink` copies the bytes, which are valid during
   * its call, and gets nothing for an array without elements. One call at a time. A call that fails closes the file.
   * Memory: a few MiB beside what `sink` keeps.
   */
  readArrays(arrays: readonly StoredArray[], sink: ArraySink): Promise<void>;
  /** Ends the reader's thread. Idempotent. */
  close(): Promise<void>;
}
