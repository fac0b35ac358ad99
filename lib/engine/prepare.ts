/** What `explain` and `explainBatches` do before they run. */

import type { CallbackLike } from '../callbacks/callback.js';
import { CallbackList, checkVerbose, type Verbosity } from '../callbacks/callback_list.js';
import { DATA_OPTIONS, type DataHandler, type DataOptions } from '../data/batch.js';
import { makeDataHandler } from '../data/data_handler.js';
import type { Indices } from '../data/indices.js';
import type { Inputs } from '../data/inputs.js';
import type { Source } from '../data/source.js';
import type { AnyMethod, MethodParameters } from '../graph/method.js';
import { KERNEL_AXIS } from '../inspection/axes.js';
import { Model } from '../model/model.js';
import { checkFunction, wrongType } from '../support/arguments.js';
import { checkIsSignal, checkTimeout, type RunOptions } from '../support/signal.js';
import type { StepOptions } from './explain_step.js';
import { checkMethodParameters, explainStepFunction } from './make_explain_function.js';
import type { StepProgress } from './progress.js';
import type { StepOutputs } from './results.js';
import type { LoopOptions, Step } from './run_batches.js';

/** The options that `explain` and `explainBatches` share. */
export interface CommonOptions extends DataOptions, StepOptions, RunOptions {
  /**
   * 'auto' (a progress bar on a terminal, else nothing), 0 (nothing), 1 (a bar on a terminal; in a log file, and where
   * `CI` is set, a line now and then) or 2 (one line at the end). Default 'auto'.
   */
  readonly verbose?: Verbosity;
  readonly callbacks?: readonly CallbackLike[] | CallbackList;
  /**
   * true: run the method again, so that values which it captured are honoured; what it records is compiled unless
   * the very same was compiled before. false: take the function that was compiled for equal arguments. Default true.
   */
  readonly force?: boolean;
  /**
   * Told how far a batch is, in turns of its method's outermost loops: `{ step, done, total }`, steps from 0. Called
   * at most every 100 ms and at last when the batch is done, never for a method without loops (a gradient of one
   * unit). Several batches may be under way at once; `done` of each only grows, `total` is an estimate until all parts
   * of the batch have begun. A promise that it returns is awaited before the next call. What it throws ends the run.
   */
  readonly onProgress?: (progress: StepProgress) => void;
}

/** The options, which may be left out where the method has no parameter that it requires. */
export type OptionalOptions<O> = object extends O ? [options?: O] : [options: O];

/** A run that is checked and ready. */
export interface Prepared {
  readonly handler: DataHandler;
  /** Gives results by the names of `byName`. */
  readonly step: Step<StepOutputs>;
  readonly loop: LoopOptions;
  /** Lets the model's cache drop what the run has compiled. */
  readonly release: () => void;
}

/** Checks all arguments. Throws TypeError, RangeError that name what is wrong. */
export function prepare<M extends AnyMethod>(
  method: M,
  model: Model,
  x: Inputs | Source,
  y: Indices | null | undefined,
  options: CommonOptions,
): Prepared {
  if (!(model instanceof Model)) {
    throw wrongType(
      'model',
      'a model from `loadModel`',
      model,
      'A Proxy of one is none: pass the model itself.',
    );
  }
  model.checkOpen();
  const { verbose = 'auto', callbacks, force = true, signal, timeout, onProgress, ...rest } = options;
  checkVerbose(verbose);
  checkIsSignal(signal);
  checkTimeout(timeout);
  if (onProgress !== undefined) checkFunction('onProgress', onProgress);
  const [data, params] = divide(rest, DATA_OPTIONS) as [DataOptions, StepOptions & MethodParameters<M>];
  const step = explainStepFunction(model, method, params, force);
  checkMethodParameters(method, params);
  const { stepsPerExecution } = model.core;
  const axis = params.indicesAxis ?? KERNEL_AXIS;
  const handler = makeDataHandler(model, x, y, { ...data, stepsPerExecution }, axis);
  const about = { model, verbose, steps: handler.inferredSteps, samples: handler.samples };
  const list =
    callbacks instanceof CallbackList
      ? callbacks
      : new CallbackList(callbacks, { addProgbar: verbose !== 0, ...about });
  return {
    handler,
    step,
    loop: { callbacks: list, counter: model.countSteps(), signal, timeout, onProgress },
    release: step.release,
  };
}

function divide(options: object, names: readonly string[]): [chosen: object, others: object] {
  const entries = Object.entries(options);
  return [
    Object.fromEntries(entries.filter(([name]) => names.includes(name))),
    Object.fromEntries(entries.filter(([name]) => !names.includes(name))),
  ];
}
