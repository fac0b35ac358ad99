import type { NativeLayer, NativeModel } from '../binding/contract.js';
import type { LayerInfo, TensorSpec } from '../graph/layer.js';

/** @internal Returns the layers of a loaded model. Names of tensors and weights are replaced by their specs. */
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
