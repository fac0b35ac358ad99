/** Watching a run. */
export {
  type BatchProgress,
  Callback,
  type CallbackLike,
  type RunParameters,
  type StepLogs,
} from './callback.js';
export { CallbackList, type CallbackListOptions, type Verbosity } from './callback_list.js';
export { History, type StepRecord } from './history.js';
export { ProgbarLogger, type ProgressStream } from './progbar_logger.js';
