/** Explaining for services: single calls are joined into batches. */
export type { CallOptions } from './call.js';
export { type CloseOptions, createExplainer, type Explainer } from './explainer.js';
export type { ExplainerOptions, ExplainerOptionsFor, QueueOptions } from './explainer_options.js';
export { QueueFullError } from './queue_full_error.js';
export type { ExplainerStats } from './stats.js';
