import { CallbackList } from '../callbacks/callback_list.js';
import { DATA_OPTIONS } from '../data/batch.js';
import { makeDataHandler } from '../data/data_handler.js';
import type { Inputs } from '../data/inputs.js';
import type { Source } from '../data/source.js';
import type { Model, PredictOptions } from '../model/model.js';
import { checkOptions } from '../support/arguments.js';
import { checkSeed } from '../support/seed.js';
import { checkIsSignal, checkTimeout } from '../support/signal.js';
import type { RaggedTensor } from '../tensor/ragged.js';
import type { Tensor } from '../tensor/tensor.js';
import { makeStepFunction, type Step } from './make_step_function.js';
import { runBatches } from './run_batches.js';
import { stepsPerExecution } from './shards.js';

/** A step that returns the model's outputs by their positions. */
const outputsOf: Step = ({ model, inputs }) =>
  Object.fromEntries(model(inputs).map((output, i) => [String(i), output]));

/** @internal `Model.predict`. */
export async function predict(
  model: Model,
  x: Inputs | Source,
  options: PredictOptions,
): Promise<Tensor | RaggedTensor | readonly (Tensor | RaggedTensor)[]> {
  model.checkOpen();
  checkOptions('options', options, [...DATA_OPTIONS, 'signal', 'timeout', 'seed']);
  const { signal, timeout, seed, ...data } = options;
  checkSeed(seed);
  checkIsSignal(signal);
  checkTimeout(timeout);
  const handler = makeDataHandler(model, x, null, { ...data, stepsPerExecution: stepsPerExecution(model) });
  await handler.validate();
  const names = model.outputs.map((_, i) => String(i));
  const step = makeStepFunction(model, outputsOf, { seed });
  try {
    const outputs = await runBatches(
      model,
      handler,
      // A source may yield units too. `predict` ignores them.
      (batch, hooks) => step({ ...batch, indices: null }, hooks),
      { callbacks: new CallbackList(), counter: { steps: 0 }, signal, timeout },
    );
    const tensors = names.map((name) => outputs[name] as Tensor | RaggedTensor);
    return tensors.length === 1 ? (tensors[0] as Tensor | RaggedTensor) : tensors;
  } finally {
    step.release();
  }
}
