/** Turns a step, which is a function over symbolic tensors, into a function that runs the step over batches. */
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
import { SEED, seedFeed } from './seed.js';
import { symbolicModel } from './symbolic_model.js';

/** The arguments of a step. */
export interface StepArguments extends StepSymbols {
  /** The model. Inputs that a call of the model does not replace are those of the batch. */
  readonly model: SymbolicModel;
}

/**
 * Records the results of a batch, by name. There may be any number of results. Axis 0 of each is the sample axis.
 * Batches of one kind must have the same names.
 */
export type Step = (args: StepArguments) => Readonly<Record<string, Symbolic>>;

export interface StepFunctionOptions {
  /**
   * The values that the step depends on besides the model's outputs and the kind of the batch. Steps with equal keys
   * must record the same ops. Plain data is compared by content, functions by identity. Default: the step itself.
   */
  readonly key?: readonly unknown[];
  /** The feeds that the step takes besides inputs and indices. Default: none. */
  readonly feeds?: FeedSpecs;
  /** The position of the input that a call of the model with one tensor replaces. Default 0. */
  readonly explained?: number;
  /**
   * true: the step is recorded again for each kind of batch, and compiled unless an equal recording was compiled
   * before. false: a function that was compiled for an equal key is used without recording. Default false.
   */
  readonly force?: boolean;
  /**
   * The seed of all random numbers that the model draws, an int32. Ignored if the model draws none. Functions that are
   * compiled for one seed serve all. Default 0.
   */
  readonly seed?: number;
  /** How many of the results, from the first on, are logits, which stay float32 with bfloat16. Default: all. */
  readonly logits?: number;
}

/** Runs a step over batches. Compiles once per kind of batch (dtypes, units or none, feeds). */
export interface StepFunction {
  (batch: Batch, hooks?: RunHooks): Promise<StepOutputs>;
  /** The feeds that every batch must have. */
  readonly feeds: FeedSpecs;
  /**
   * Lets the model's cache drop the compiled functions. Idempotent. The function remains usable and may compile again.
   */
  release(): void;
}

/** @internal Returns the function that runs `step` over batches of `model`. */
export function makeStepFunction(
  model: Model,
  step: Step,
  {
    key = [step],
    feeds: specs = {},
    explained = 0,
    force = false,
    seed = 0,
    logits,
  }: StepFunctionOptions = {},
): StepFunction {
  const leases = new Leases();
  const seeded = seedFeed(model, seed);
  const allSpecs = { ...specs, ...seeded.specs };
  const record = ({ feeds: { [SEED]: seedOfRun, ...feeds }, ...symbols }: StepSymbols) => {
    const called = symbolicModel(model, symbols.inputs, explained, seedOfRun);
    return checkResults(step({ ...symbols, feeds, model: called }));
  };

  const run = async (given: Batch, hooks: RunHooks = {}): Promise<StepOutputs> => {
    model.checkOpen();
    const fed: Batch = { ...given, feeds: { ...given.feeds, ...seeded.feeds } };
    const signature = signatureOf(model, fed, allSpecs);
    const feeds = signature.feeds.map(({ name }) => [name, fed.feeds?.[name]]);
    const batch: Batch = { ...given, feeds: Object.fromEntries(feeds) };
    const lease = leases.for(signature, (kind) => {
      const full = keyOf([...key, explained, model.outputTensors, kind]);
      const recalled = force ? null : model.core.functions.recall(full);
      return recalled ?? compile(model, signature, record, full, logits);
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
