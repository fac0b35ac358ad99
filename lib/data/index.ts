/** Sources of inputs: pictures in files, NumPy files, Sequences that threads read. */
export type { DataOptions } from './batch.js';
export { type AutoShard, type ImageFiles, type ImageFilesOptions, imageFiles } from './image_files.js';
export type { Indices } from './indices.js';
export type { ArrayData, InputArray, Inputs, InputValue } from './inputs.js';
export { type ModuleSequence, type ModuleSequenceOptions, moduleSequence } from './module_sequence.js';
export { type NpyFile, type NpyFileOptions, npyFile, readNpy } from './npy/npy_file.js';
export { type ReadNpzOptions, readNpz } from './npy/npz.js';
export type { BatchLike, BatchRecord, Sequence, Source } from './source.js';
export type { Text, TextArray } from './texts.js';
