/** The parts of `explain`. */
export { type Batch, type DataHandler, makeDataHandler } from '../data/data_handler.js';
export { type ExplainOptions, type ExplainOptionsFor, type ExplainResultFor, explain } from './explain.js';
export {
  type ExplainBatchesOptions,
  type ExplainBatchesOptionsFor,
  type ExplainedStep,
  explainBatches,
} from './explain_batches.js';
export { type ExplainStepData, explainStep, type StepOptions } from './explain_step.js';
export { type ExplainFunction, type ExplainResult, makeExplainFunction } from './make_explain_function.js';
export type { MethodResults } from './method_results.js';
export { type PartialExplain, partialExplain } from './partial_explain.js';
export type { CommonOptions } from './prepare.js';
export type { StepProgress } from './progress.js';
export type { Destination, Destinations } from './results.js';
export type { RunHooks } from './run_function.js';
