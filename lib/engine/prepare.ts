/** Prepares the runs of `explain` and `explainBatches`. */
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
import { stepsPerExecution } from './shards.js';

/** The options that `explain` and `explainBatches` share. */
export interface CommonOptions extends DataOptions, StepOptions, RunOptions {
  /**
   * 'auto': a progress bar on a terminal, otherwise no output. 0: no output. 1: a bar on a terminal, or a line from
   * time to time in a log file and if `CI` is set. 2: one line at the end. Default 'auto'.
   */
  readonly verbose?: Verbosity;
  /** Callbacks of the run, or a `CallbackList` that the caller made. Default: none. */
  readonly callbacks?: readonly CallbackLike[] | CallbackList;
  /**
   * true: the method runs again, so changes of captured values take effect. The recording is compiled unless an equal
   * recording was compiled before. false: a function that was compiled for equal arguments is used. Default true.
   */
  readonly force?: boolean;
  /**
   * Called with the progress of a batch in iterations of its method's outermost loops: `{ step, done, total }`, steps
   * counted from 0. Called at most every 100 ms, and once when the batch is done. Never called for a method without
   * loops (a gradient of one unit). Several batches may run at once. `done` of each batch only grows. `total` is an
   * estimate until all parts of the batch have started. A returned promise is awaited before the next call. An error
   * ends the run.
   */
  readonly onProgress?: (progress: StepProgress) => void;
}

/** The options argument, which is optional unless the method has a required parameter. */
export type OptionalOptions<O> = object extends O ? [options?: O] : [options: O];

/** A checked run that is ready to start. */
export interface Prepared {
  readonly handler: DataHandler;
  /** Returns results by the names of `byName`. */
  readonly step: Step<StepOutputs>;
  readonly loop: LoopOptions;
  /** Lets the model's cache drop the functions that the run has compiled. */
  readonly release: () => void;
}

/** Checks all arguments. Throws TypeError and RangeError that name the argument. */
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
      'A Proxy of a model is not accepted: pass the model itself.',
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
  const axis = params.indicesAxis ?? KERNEL_AXIS;
  const handler = makeDataHandler(
    model,
    x,
    y,
    { ...data, stepsPerExecution: stepsPerExecution(model) },
    axis,
  );
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
