import { CallbackList } from '../callbacks/callback_list.js';
import { DATA_OPTIONS } from '../data/batch.js';
import { makeDataHandler } from '../data/data_handler.js';
import type { Inputs } from '../data/inputs.js';
import type { Source } from '../data/source.js';
import type { Model, PredictOptions } from '../model/model.js';
import { checkOptions } from '../support/arguments.js';
import { checkIsSignal, checkTimeout } from '../support/signal.js';
import type { RaggedTensor } from '../tensor/ragged.js';
import type { Tensor } from '../tensor/tensor.js';
import { compile, type StepData, signatureOf } from './compile.js';
import { Leases } from './leases.js';
import { keyOf } from './params.js';
import { runBatches } from './run_batches.js';
import { runFunction } from './run_function.js';
import { symbolicModel } from './symbolic_model.js';

/** @internal `Model.predict`. */
export async function predict(
  model: Model,
  x: Inputs | Source,
  options: PredictOptions,
): Promise<Tensor | RaggedTensor | readonly (Tensor | RaggedTensor)[]> {
  model.checkOpen();
  checkOptions('options', options, [...DATA_OPTIONS, 'signal', 'timeout']);
  const { signal, timeout, ...data } = options;
  checkIsSignal(signal);
  checkTimeout(timeout);
  const { stepsPerExecution } = model.core;
  const handler = makeDataHandler(model, x, null, { ...data, stepsPerExecution });
  await handler.validate();
  const names = model.outputs.map((_, i) => String(i));
  const leases = new Leases();
  try {
    const outputs = await runBatches(
      model,
      handler,
      async (batch, hooks) => {
        // A source may give units, too: they say nothing about the outputs.
        const fed = { ...batch, indices: null };
        const signature = signatureOf(model, fed);
        const lease = leases.for(signature, (kind) => {
          const key = keyOf(['predict', model.outputTensors, kind]);
          const record = ({ inputs }: StepData) => symbolicModel(model, inputs)(inputs);
          return model.core.functions.recall(key) ?? compile(model, signature, record, key);
        });
        const tensors = await runFunction(model, lease, fed, hooks, names);
        return Object.fromEntries(tensors.map((tensor, i) => [names[i] as string, tensor]));
      },
      { callbacks: new CallbackList(), counter: { steps: 0 }, signal, timeout },
    );
    const tensors = names.map((name) => outputs[name] as Tensor | RaggedTensor);
    return tensors.length === 1 ? (tensors[0] as Tensor | RaggedTensor) : tensors;
  } finally {
    leases.release();
  }
}
