export {
  type Batch,
  DATA_OPTIONS,
  DataHandler,
  type DataOptions,
  type FedModel,
  makeDataHandler,
} from './data_handler.js';
export type { Indices } from './indices.js';
export type { ArrayData, InputArray, Inputs } from './inputs.js';
