import { type Batch, DATA_OPTIONS } from '../data/batch.js';
import type { AnyMethod, MethodArguments, MethodParameters } from '../graph/method.js';
import { descriptorOf } from '../methods/descriptor.js';
import type { Lease } from '../model/function_cache.js';
import { Model } from '../model/model.js';
import { checkBoolean, checkFunction, nameOf, wrongType } from '../support/arguments.js';
import type { RaggedTensor } from '../tensor/ragged.js';
import type { Tensor } from '../tensor/tensor.js';
import { compile, type Signature, signatureOf } from './compile.js';
import {
  checkStepOptions,
  explainedInput,
  explainStep,
  STEP_OPTIONS,
  type StepOptions,
} from './explain_step.js';
import { Leases } from './leases.js';
import { checkOwnParameters, keyOf, NotedParameters } from './params.js';
import { type RunHooks, runFunction } from './run_function.js';
import { symbolicModel } from './symbolic_model.js';

/** What `explain` gives. */
export interface ExplainResult<T extends Tensor | RaggedTensor = Tensor> {
  /** The explained units' logits, (N, U). */
  readonly logits: T;
  /** A map per unit, (N, H, W, U). */
  readonly maps: T;
}

/** Explains one batch. It compiles at the first batch of a kind (dtypes, units or none) and keeps what it compiled. */
export interface ExplainFunction {
  (batch: Batch, hooks?: RunHooks): Promise<ExplainResult>;
  /** Lets the model's cache drop what was compiled. Idempotent; the function works on, and may compile again. */
  release(): void;
}

/** Names that `explain` itself takes, for telling what a misspelled option meant. */
const ENGINE_OPTIONS: readonly string[] = [
  ...DATA_OPTIONS,
  ...STEP_OPTIONS,
  'verbose',
  'callbacks',
  'force',
  'signal',
  'timeout',
  'onProgress',
  'into',
];

/**
 * The function that explains batches of `model` with `method`.
 *
 * @param params the method's own parameters beside the {@link StepOptions}.
 * @param force true: `method` runs again (a few ms), so that values which it captured are honoured, and what it
 *   records is compiled unless the very same was compiled before. false (as in the Python library): where this
 *   method was compiled for this model with equal params and dtypes, that function is taken without running it;
 *   functions among the params are compared by identity.
 * @param known the options of the caller's own, for telling what a misspelled one meant.
 */
export function makeExplainFunction<M extends AnyMethod>(
  model: Model,
  method: M,
  params: StepOptions & MethodParameters<M>,
  force = false,
  known: readonly string[] = ENGINE_OPTIONS,
): ExplainFunction {
  if (!(model instanceof Model)) throw wrongType('model', 'a model from `loadModel`', model);
  checkFunction('method', method, 'Pass a method, as `methods.cams.gradcam`.');
  checkBoolean('force', force);
  checkStepOptions(params);
  explainedInput(model, params.input);
  checkOwnParameters(method, ownParameters(params), known);
  const leases = new Leases();

  const leaseFor = (signature: Signature): Promise<Lease> =>
    leases.for(signature, (kind) => {
      const key = keyOf([method, params, model.outputTensors, kind]);
      const recalled = force ? null : model.core.functions.recall(key);
      return recalled ?? record(model, method, params, signature, key, known);
    });

  const run = async (batch: Batch, hooks: RunHooks = {}): Promise<ExplainResult> => {
    model.checkOpen();
    const lease = leaseFor(signatureOf(model, batch));
    const [logits, maps] = await runFunction(model, lease, batch, hooks, ['logits', 'maps']);
    return { logits: logits as Tensor, maps: maps as Tensor };
  };

  return Object.assign(run, { release: () => leases.release() });
}

/** What of `params` is the method's own. */
function ownParameters(params: StepOptions): object {
  const { postprocessing, resizing, spatialAxis, indicesAxis, indicesBatchDims, input, ...own } = params;
  return own;
}

function record<M extends AnyMethod>(
  model: Model,
  method: M,
  params: StepOptions & MethodParameters<M>,
  signature: Signature,
  key: string,
  known: readonly string[],
): Promise<Lease> {
  return compile(
    model,
    signature,
    ({ inputs, indices }) => {
      const symbolic = symbolicModel(model, inputs, explainedInput(model, params.input));
      if (descriptorOf(method) !== undefined) {
        const { logits, maps } = explainStep(symbolic, method, { inputs, indices }, params);
        return [logits, maps];
      }
      const noted = new NotedParameters(ownParameters(params));
      const seen = (args: MethodArguments) => method(noted.note(args) as never);
      Object.defineProperty(seen, 'name', { value: nameOf(method) });
      const { logits, maps } = explainStep(symbolic, seen, { inputs, indices }, params);
      noted.checkAllRead(method, known);
      return [logits, maps];
    },
    key,
  );
}
