export {
  type Batch,
  DATA_OPTIONS,
  type DataHandler,
  type DataOptions,
  type FedModel,
  type HandlerOptions,
  makeDataHandler,
} from './data_handler.js';
export { ImageFiles, type ImageFilesOptions, imageFiles } from './image_files.js';
export type { Indices } from './indices.js';
export type { ArrayData, InputArray, Inputs } from './inputs.js';
export { ModuleSequence, type ModuleSequenceOptions, moduleSequence } from './module_sequence.js';
export { NpyFile, type NpyFileOptions, npyFile, readNpy } from './npy/file.js';
export { readNpz } from './npy/npz.js';
export type { BatchLike, BatchRecord, Sequence, Source } from './source.js';
