import { type LoadModelOptions, loadModel } from '../../load_model.js';
import type { Model } from '../../model/model.js';
import { untilAborted } from '../../support/signal.js';

/**
 * Loads a model, calls `use` and closes the model. If `signal` is aborted during the load, the load is abandoned at
 * once and continues in the background, because it cannot be cancelled.
 */
export async function withModel<T>(
  path: string,
  options: LoadModelOptions,
  signal: AbortSignal,
  use: (model: Model) => Promise<T>,
): Promise<T> {
  const loading = loadModel(path, options);
  let model: Model;
  try {
    model = await untilAborted(loading, signal);
  } catch (error) {
    loading.then(
      (late) => late.close(),
      () => undefined,
    );
    throw error;
  }
  try {
    return await use(model);
  } finally {
    model.close();
  }
}
