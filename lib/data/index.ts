export {
  type Batch,
  DATA_OPTIONS,
  type DataHandler,
  type DataOptions,
  type FedModel,
  type HandlerOptions,
  makeDataHandler,
} from './data_handler.js';
export type { Indices } from './indices.js';
export type { ArrayData, InputArray, Inputs } from './inputs.js';
export type { BatchLike, BatchRecord, Sequence, Source } from './source.js';
