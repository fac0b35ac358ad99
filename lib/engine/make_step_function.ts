/** From a step, a function over symbolic tensors, to the function that runs it over batches. */
import type { Batch } from '../data/batch.js';
import type { FeedSpecs } from '../data/feeds.js';
import type { SymbolicModel } from '../graph/method.js';
import { Symbolic } from '../graph/symbolic.js';
import type { Model } from '../model/model.js';
import { describe } from '../support/arguments.js';
import { GraphError } from '../support/errors.js';
import { warnIfUnawaited } from '../support/unawaited.js';
import { compile, type StepSymbols, signatureOf } from './compile.js';
import { Leases } from './leases.js';
import { keyOf } from './params.js';
import type { StepOutputs } from './results.js';
import { type RunHooks, runFunction } from './run_function.js';
import { symbolicModel } from './symbolic_model.js';

/** What a step is given. */
export interface StepArguments extends StepSymbols {
  /** The model, on the batch's inputs where a call does not name others. */
  readonly model: SymbolicModel;
}

/**
 * Records what a batch gives, by name: any number of results, the samples on axis 0 of each. The same batch kind gives
 * the same names.
 */
export type Step = (args: StepArguments) => Readonly<Record<string, Symbolic>>;

export interface StepFunctionOptions {
  /**
   * What the step depends on beside the model's outputs and the kind of the batch: steps of equal keys record the same.
   * Plain data is compared by content, functions by identity. Default: the step itself.
   */
  readonly key?: readonly unknown[];
  /** What the step takes beside inputs and indices. Default: nothing. */
  readonly feeds?: FeedSpecs;
  /** The position of the input that a call of the model with one tensor replaces. Default 0. */
  readonly explained?: number;
  /**
   * true: the step is recorded again for each kind of batch, and compiled unless the very same was compiled before.
   * false: what was compiled for an equal key is taken without recording. Default false.
   */
  readonly force?: boolean;
}

/** Runs a step over batches. It compiles at the first batch of a kind (dtypes, units or none, feeds) and keeps that. */
export interface StepFunction {
  (batch: Batch, hooks?: RunHooks): Promise<StepOutputs>;
  /** What its batches must have. */
  readonly feeds: FeedSpecs;
  /** Lets the model's cache drop what was compiled. Idempotent; the function works on, and may compile again. */
  release(): void;
}

/** @internal The function that runs `step` over batches of `model`. */
export function makeStepFunction(
  model: Model,
  step: Step,
  { key = [step], feeds: specs = {}, explained = 0, force = false }: StepFunctionOptions = {},
): StepFunction {
  const leases = new Leases();
  const record = (symbols: StepSymbols) =>
    checkResults(step({ ...symbols, model: symbolicModel(model, symbols.inputs, explained) }));

  const run = async (given: Batch, hooks: RunHooks = {}): Promise<StepOutputs> => {
    model.checkOpen();
    const signature = signatureOf(model, given, specs);
    const feeds = signature.feeds.map(({ name }) => [name, given.feeds?.[name]]);
    const batch: Batch = { ...given, feeds: Object.fromEntries(feeds) };
    const lease = leases.for(signature, (kind) => {
      const full = keyOf([...key, explained, model.outputTensors, kind]);
      const recalled = force ? null : model.core.functions.recall(full);
      return recalled ?? compile(model, signature, record, full);
    });
    return runFunction(model, lease, batch, hooks);
  };

  return Object.assign(run, { feeds: specs, release: () => leases.release() });
}

function checkResults(results: Readonly<Record<string, Symbolic>>): Readonly<Record<string, Symbolic>> {
  warnIfUnawaited(results, 'The step');
  const isRecord = typeof results === 'object' && results !== null && !(results instanceof Symbolic);
  const [wrong] = isRecord ? Object.entries(results).filter(([, each]) => !(each instanceof Symbolic)) : [];
  if (isRecord && wrong === undefined && Object.keys(results).length > 0) return results;
  const received = wrong === undefined ? describe(results) : `${describe(wrong[1])} as "${wrong[0]}"`;
  throw new GraphError(
    'INVALID_ARGUMENT',
    `Expected the step to return symbolic tensors by name but it returned ${received}.`,
  );
}
