/** Explaining for services: single calls, put together in batches. */
export type { CallOptions } from './call.js';
export { QueueFullError } from './errors.js';
export { type CloseOptions, createExplainer, type Explainer } from './explainer.js';
export type { ExplainerOptions, ExplainerOptionsFor, QueueOptions } from './options.js';
export type { ExplainerStats } from './stats.js';
