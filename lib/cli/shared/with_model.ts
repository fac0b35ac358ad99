import { type LoadModelOptions, loadModel } from '../../load_model.js';
import type { Model } from '../../model/model.js';
import { untilAborted } from '../../support/signal.js';

/**
 * Loads a model for the time of `use`. Where `signal` is aborted meanwhile, loading is given up at once: it cannot be
 * ended, and is left to the background.
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
