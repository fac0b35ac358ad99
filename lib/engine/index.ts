/** The parts that `explain` is made of. */
export { type Batch, DataHandler, makeDataHandler } from '../data/index.js';
export { type ExplainOptions, type ExplainOptionsFor, explain } from './explain.js';
export { type ExplainStepData, explainStep, type StepOptions } from './explain_step.js';
export { type ExplainFunction, type ExplainResult, makeExplainFunction } from './make_explain_function.js';
export { type PartialExplain, partialExplain } from './partial_explain.js';
export type { StepProgress } from './progress.js';
export type { RunHooks } from './run_function.js';
