/**
 * Explains the predictions of Keras and TensorFlow vision models: locates the evidence for a prediction in the input.
 *
 * @packageDocumentation
 */
export * as callbacks from './callbacks/index.js';
export type {
  ArrayData,
  DataOptions,
  Indices,
  InputArray,
  Inputs,
  InputValue,
  Text,
  TextArray,
} from './data/index.js';
export * as data from './data/index.js';
export * as distribute from './distribute/index.js';
export {
  type ExplainOptions,
  type ExplainOptionsFor,
  type ExplainResultFor,
  explain,
} from './engine/explain.js';
export {
  type ExplainBatchesOptions,
  type ExplainBatchesOptionsFor,
  type ExplainedStep,
  explainBatches,
} from './engine/explain_batches.js';
export { type FinishedSteps, finishedSteps } from './engine/failures/finished_steps.js';
export * as engine from './engine/index.js';
export type { Into } from './engine/into.js';
export type { ExplainResult } from './engine/make_explain_function.js';
export { type PartialExplain, partialExplain } from './engine/partial_explain.js';
export { cam, fullGradients, gradcam, gradcampp, gradients, scorecam } from './engine/shortcuts.js';
export * as graph from './graph/index.js';
export type { LayerCall, LayerInfo, TensorSpec } from './graph/layer.js';
export type {
  AnyMethod,
  Filter,
  Method,
  MethodArguments,
  MethodParameters,
  MethodResult,
} from './graph/method.js';
export * as image from './image/index.js';
export * as inspection from './inspection/index.js';
export type { CustomLayer, CustomObjects } from './keras/custom_objects.js';
export { type LoadModelOptions, loadModel, type Precision, type ThreadOptions } from './load_model.js';
export * as filters from './methods/filters.js';
export * as methods from './methods/index.js';
export type { Model, PredictOptions, PredictResultFor } from './model/model.js';
export {
  type CallOptions,
  type CloseOptions,
  createExplainer,
  type Explainer,
  type ExplainerOptions,
  type ExplainerOptionsFor,
  type ExplainerStats,
  QueueFullError,
} from './serving/index.js';
export {
  CancelledError,
  DataError,
  GraphError,
  ImageError,
  KerasExplainableError,
  LoadError,
  ModelError,
  NumericsError,
  ReaderError,
  ResourceError,
  TimeoutError,
  UnsupportedOpError,
  WorkerError,
} from './support/errors.js';
export type { DType, NumericDType, TypedArray } from './tensor/dtype.js';
export { RaggedTensor } from './tensor/ragged.js';
export {
  allocate,
  type MemoryInfo,
  memory,
  type NestedArray,
  ready,
  Tensor,
  type TensorData,
  tensor,
} from './tensor/tensor.js';
export * as utils from './visualize/index.js';
