/** The biases of a model, as expressions over tensors of its graph. */
import type { NativeBiasTerm, NativeModel } from '../binding/contract.js';
import type { TensorSpec } from '../graph/layer.js';
import type { BiasTerm, SymbolicModel } from '../graph/method.js';
import { add, multiply, negative, rsqrt, subtract } from '../graph/ops/arithmetic.js';
import { reshape } from '../graph/ops/array.js';
import type { Symbolic } from '../graph/symbolic.js';
import { hasLayersInside } from './layers.js';

/**
 * @internal Returns the biases between `within` (empty: the model's inputs) and `outputs`, in the order of the graph.
 */
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

/** Reshapes a vector of channels so that it broadcasts to a tensor whose channels are not last. */
function channelsAt(axis: number, value: Symbolic, tensor: TensorSpec): Symbolic {
  if (axis === -1 || value.rank !== 1 || tensor.shape === null) return value;
  return reshape(value, [-1, ...tensor.shape.slice(axis + 1).map(() => 1)]);
}

/**
 * @internal Returns the biases that full gradients need. An exposed model has further outputs after the logits: the
 * biases of the layers with these outputs are returned. Without such biases, all biases of the model are returned.
 */
export function exposedBiasTerms(model: SymbolicModel): readonly BiasTerm[] {
  const [logits, ...others] = model.outputTensors as readonly [string, ...string[]];
  // Outputs that the logits do not depend on are other heads of the model, not signals.
  const signals = others.filter((tensor) => model.dependsOn([logits], [tensor]));
  const terms = new Map<string, BiasTerm>();
  for (const signal of signals) {
    const within = inputsOfLayer(model, signal);
    if (within === null) continue;
    for (const term of model.biasTerms([signal], within)) {
      // One sum may add several biases, so the operands are part of the key.
      const names = [term.tensor, ...term.operands].map(({ name }) => name);
      terms.set(names.join(), term);
    }
  }
  return terms.size > 0 ? [...terms.values()] : model.biasTerms([logits], []);
}

/** Returns the inputs of the layer whose output is `tensor`; null if `tensor` is no layer's output. */
function inputsOfLayer(model: SymbolicModel, tensor: string): readonly string[] | null {
  for (const layer of model.layers) {
    // The output of a nested model is also the output of a layer inside the model.
    if (hasLayersInside(model, layer)) continue;
    const call = layer.calls.find(({ outputs }) => outputs.some(({ name }) => name === tensor));
    if (call !== undefined) return call.inputs.map(({ name }) => name);
  }
  return null;
}
