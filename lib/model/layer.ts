import type { NativeLayer, NativeModel } from '../binding/contract.js';
import type { TensorSpec } from '../graph/method.js';

/** One use of a layer ("node" in Keras). A shared layer has several. */
export interface LayerCall {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** A Keras layer of a model. */
export interface LayerInfo {
  /** As `model.summary()` shows it. */
  readonly name: string;
  /** The names of the nested models around it, outermost first, and its own. */
  readonly path: readonly string[];
  /** The Keras class, as 'Conv2D'. */
  readonly type: string;
  /** What enters and leaves its last call. */
  readonly input: readonly TensorSpec[];
  readonly output: readonly TensorSpec[];
  /** All of its calls, in order. */
  readonly calls: readonly LayerCall[];
  readonly weights: readonly TensorSpec[];
}

/** @internal */
export function layersOf(model: NativeModel): readonly LayerInfo[] {
  const weights = new Map(model.weights.map((spec) => [spec.name, spec]));
  const specs = (names: readonly string[]) =>
    names.map((name) => model.tensorSpec(name)).filter((spec): spec is TensorSpec => spec !== null);
  return model.layers.map((layer: NativeLayer) => {
    const calls = layer.calls.map(({ inputs, outputs }) => ({
      inputs: specs(inputs),
      outputs: specs(outputs),
    }));
    const last = calls.at(-1);
    return Object.freeze({
      name: layer.name,
      path: layer.path,
      type: layer.type,
      input: last?.inputs ?? [],
      output: last?.outputs ?? [],
      calls,
      weights: layer.weights
        .map((name) => weights.get(name))
        .filter((spec): spec is TensorSpec => spec !== undefined),
    });
  });
}
