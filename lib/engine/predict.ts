import { checkOptions } from '../arguments.js';
import { CallbackList } from '../callbacks/callback_list.js';
import { makeDataHandler } from '../data/data_handler.js';
import type { Inputs } from '../data/inputs.js';
import type { Lease } from '../model/function_cache.js';
import type { Model, PredictOptions } from '../model/model.js';
import type { Tensor } from '../tensor.js';
import { compile, signatureOf } from './compile.js';
import { runBatches } from './run_batches.js';
import { runFunction } from './run_function.js';
import { checkIsSignal } from './signal.js';
import { symbolicModel } from './symbolic_model.js';

/** @internal `Model.predict`. */
export async function predict(
  model: Model,
  x: Inputs,
  options: PredictOptions,
): Promise<Tensor | readonly Tensor[]> {
  model.checkOpen();
  checkOptions('options', options, ['batchSize', 'steps', 'signal']);
  const { signal, ...data } = options;
  checkIsSignal(signal);
  const handler = makeDataHandler(model, x, null, data);
  await handler.validate();
  let lease: Promise<Lease> | undefined;
  try {
    const outputs = await runBatches(
      model,
      handler,
      async (batch, hooks) => {
        lease ??= compile(
          model,
          signatureOf(model, batch),
          ({ inputs }) => symbolicModel(model, inputs)(inputs),
          null,
        );
        const tensors = await runFunction(model, lease, batch, hooks);
        return Object.fromEntries(tensors.map((tensor, i) => [String(i), tensor]));
      },
      { callbacks: new CallbackList(), counter: { steps: 0 }, signal },
    );
    const tensors = model.outputs.map((_, i) => outputs[String(i)] as Tensor);
    return tensors.length === 1 ? (tensors[0] as Tensor) : tensors;
  } finally {
    lease?.then(
      ({ release }) => release(),
      () => undefined,
    );
  }
}
