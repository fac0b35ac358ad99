import { checkFunction, listOf, wrongType } from '../support/arguments.js';
import { warnIfUnawaited } from '../support/unawaited.js';
import {
  type BatchProgress,
  Callback,
  type CallbackLike,
  type RunParameters,
  type StepLogs,
} from './callback.js';
import { History } from './history.js';
import { ProgbarLogger } from './progbar_logger.js';

/** `'auto'`: a progress bar on a terminal, else no output. 0: no output. 1: progress. 2: one line at the end. */
export type Verbosity = 'auto' | 0 | 1 | 2;

export function checkVerbose(verbose: unknown): Verbosity {
  if (verbose !== 'auto' && verbose !== 0 && verbose !== 1 && verbose !== 2) {
    throw wrongType('verbose', "'auto', 0, 1 or 2", verbose);
  }
  return verbose;
}

export interface CallbackListOptions {
  /** Whether to add a {@link History}; the property `history` returns the History. */
  readonly addHistory?: boolean;
  /** Whether to add a {@link ProgbarLogger} if `verbose` asks for progress. */
  readonly addProgbar?: boolean;
  readonly model?: unknown;
  readonly verbose?: Verbosity;
  readonly steps?: number | null;
  readonly samples?: number | null;
}

const HOOKS = Object.getOwnPropertyNames(Callback.prototype).filter(
  (name) => name !== 'constructor',
) as (keyof CallbackLike)[];

/** Refuses a hook that is not a function. Such a hook would otherwise end the run late, perhaps after hours. */
function checkHooks(callback: CallbackLike, i: number): void {
  for (const hook of HOOKS) {
    if (callback[hook] !== undefined) checkFunction(`callbacks[${i}].${hook}`, callback[hook]);
  }
}

/** Calls several callbacks in their order. */
export class CallbackList {
  readonly callbacks: readonly CallbackLike[];
  readonly history: History | null;

  constructor(callbacks: readonly CallbackLike[] = [], options: CallbackListOptions = {}) {
    // The list is read once, so that the checked callbacks are the called ones. A longer list is a mistake.
    const all = Array.isArray(callbacks) && callbacks.length < 2 ** 16 ? listOf(callbacks) : [null];
    if (!all.every((each): each is CallbackLike => typeof each === 'object' && each !== null)) {
      throw wrongType('callbacks', 'an array of callbacks, or a CallbackList', callbacks);
    }
    all.forEach(checkHooks);
    const { addHistory = false, addProgbar = false, steps = null, samples = null, model } = options;
    const asked = checkVerbose(options.verbose ?? 'auto');
    const verbose = asked === 'auto' ? (process.stderr.isTTY === true ? 1 : 0) : asked;
    this.history = all.find((each) => each instanceof History) ?? (addHistory ? new History() : null);
    if (this.history !== null && !all.includes(this.history)) all.push(this.history);
    if (addProgbar && verbose !== 0) all.push(new ProgbarLogger());
    this.callbacks = all;
    if (model !== undefined) this.setModel(model);
    this.setParams({ verbose, steps, samples });
  }

  /** Whether a callback other than History and ProgbarLogger may look at the outputs of steps. */
  get observed(): boolean {
    return this.callbacks.some((each) => !(each instanceof History) && !(each instanceof ProgbarLogger));
  }

  /** Whether a callback has a hook for the progress of a batch. */
  get watchesProgress(): boolean {
    const { onPredictBatchProgress: nothing } = Callback.prototype;
    return this.callbacks.some(({ onPredictBatchProgress: hook = nothing }) => hook !== nothing);
  }

  setModel(model: unknown): void {
    for (const each of this.callbacks) warnIfUnawaited(each.setModel?.(model), '`setModel` of a callback');
  }

  setParams(params: RunParameters): void {
    for (const each of this.callbacks) warnIfUnawaited(each.setParams?.(params), '`setParams` of a callback');
  }

  async onPredictBegin(): Promise<void> {
    for (const each of this.callbacks) await each.onPredictBegin?.();
  }

  async onPredictBatchBegin(step: number): Promise<void> {
    for (const each of this.callbacks) await each.onPredictBatchBegin?.(step);
  }

  async onPredictBatchProgress(step: number, progress: BatchProgress): Promise<void> {
    for (const each of this.callbacks) await each.onPredictBatchProgress?.(step, progress);
  }

  async onPredictBatchEnd(endStep: number, logs: StepLogs): Promise<void> {
    for (const each of this.callbacks) await each.onPredictBatchEnd?.(endStep, logs);
  }

  async onPredictEnd(): Promise<void> {
    for (const each of this.callbacks) await each.onPredictEnd?.();
  }

  /**
   * Calls `onPredictError` of every callback, even after one of them has thrown. Then throws the first error, if any.
   */
  async onPredictError(error: unknown): Promise<void> {
    const failures: unknown[] = [];
    for (const each of this.callbacks) {
      try {
        await each.onPredictError?.(error);
      } catch (failure) {
        failures.push(failure);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
