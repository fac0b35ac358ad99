/** The biases of a model, as expressions over tensors of its graph. */
import type { NativeBiasTerm, NativeModel } from '../binding/contract.js';
import type { TensorSpec } from '../graph/layer.js';
import type { BiasTerm, SymbolicModel } from '../graph/method.js';
import { add, multiply, negative, rsqrt, subtract } from '../graph/ops/arithmetic.js';
import { reshape } from '../graph/ops/array.js';
import type { Symbolic } from '../graph/symbolic.js';
import { hasLayersInside } from './layers.js';

/** @internal The biases between `within` (nothing: the model's inputs) and `outputs`, in the order of the graph. */
export function readBiasTerms(
  native: NativeModel,
  outputs: readonly string[],
  within: readonly string[],
): readonly BiasTerm[] {
  const spec = (name: string) => native.tensorSpec(name) as TensorSpec;
  return native.biasTerms(outputs, within).map((term) => {
    const tensor = spec(term.tensor);
    return {
      tensor,
      operands: term.operands.map(spec),
      value: (operands) => channelsAt(term.axis, biasFrom(term, operands), tensor),
    };
  });
}

function biasFrom({ kind, epsilon }: NativeBiasTerm, operands: readonly Symbolic[]): Symbolic {
  if (kind === 'batchNorm') {
    const [scale, offset, mean, variance] = operands as [Symbolic, Symbolic, Symbolic, Symbolic];
    return subtract(offset, multiply(multiply(mean, scale), rsqrt(add(variance, epsilon))));
  }
  const [bias] = operands as [Symbolic];
  return kind === 'subtract' ? negative(bias) : bias;
}

/** A vector of channels as it broadcasts to a tensor whose channels are not last. */
function channelsAt(axis: number, value: Symbolic, tensor: TensorSpec): Symbolic {
  if (axis === -1 || value.rank !== 1 || tensor.shape === null) return value;
  return reshape(value, [-1, ...tensor.shape.slice(axis + 1).map(() => 1)]);
}

/**
 * @internal The biases that full gradients need: where the model gives further tensors after its logits, as an exposed
 * one does, those of the layers that these come out of; all of the model where that is none.
 */
export function exposedBiasTerms(model: SymbolicModel): readonly BiasTerm[] {
  const [logits, ...others] = model.outputTensors as readonly [string, ...string[]];
  // A model's other heads are no signals on the way to these logits.
  const signals = others.filter((tensor) => model.dependsOn([logits], [tensor]));
  const terms = new Map<string, BiasTerm>();
  for (const signal of signals) {
    const within = inputsOfLayer(model, signal);
    if (within === null) continue;
    for (const term of model.biasTerms([signal], within)) {
      // One sum may have several.
      const names = [term.tensor, ...term.operands].map(({ name }) => name);
      terms.set(names.join(), term);
    }
  }
  return terms.size > 0 ? [...terms.values()] : model.biasTerms([logits], []);
}

/** What enters the layer that `tensor` comes out of; null where that is none. */
function inputsOfLayer(model: SymbolicModel, tensor: string): readonly string[] | null {
  for (const layer of model.layers) {
    // What a nested model gives is what a layer inside of it gives.
    if (hasLayersInside(model, layer)) continue;
    const call = layer.calls.find(({ outputs }) => outputs.some(({ name }) => name === tensor));
    if (call !== undefined) return call.inputs.map(({ name }) => name);
  }
  return null;
}
