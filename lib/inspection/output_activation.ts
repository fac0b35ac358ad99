/** The softmax or sigmoid at the end of a model. */
import type { TensorSpec } from '../graph/layer.js';
import type { Connected } from './connected.js';

/** A final activation that turns logits into probabilities. */
export type OutputActivation = 'softmax' | 'sigmoid';

/**
 * Returns the final activation of the model's first output: 'softmax', 'sigmoid', or null. The activation may be fused
 * into the last layer (`Dense(10, activation='softmax')`) or be a layer of its own. For a view of `expose`, the first
 * output is the explained tensor.
 */
export function outputActivation(model: Connected): OutputActivation | null {
  const [output] = model.outputTensors;
  if (output === undefined) return null;
  let found = known.get(model);
  if (found === undefined) {
    const first = model.outputChain(output).find(({ kind }) => kind !== 'view');
    found = first?.kind === 'softmax' || first?.kind === 'sigmoid' ? first.kind : null;
    known.set(model, found);
  }
  return found;
}

/** The results of {@link outputActivation}. Services ask after every batch. */
const known = new WeakMap<Connected, OutputActivation | null>();

/**
 * @internal Returns the tensor that enters the final softmax or sigmoid of `output`, in the shape of `output` if the
 * graph has such a tensor. Returns `output` if no such activation leads to it.
 */
export function withoutActivation(model: Connected, output: TensorSpec): TensorSpec {
  const chain = model.outputChain(output.name);
  const activation = chain.findIndex(({ kind }) => kind === 'softmax' || kind === 'sigmoid');
  const start = activation + 1;
  if (activation < 0 || start >= chain.length) return output;
  // A softmax over (N, 1, 1, C) or behind a Reshape: the tensor with the shape of the output is preferred.
  const views = chain.slice(start).findIndex(({ kind }) => kind !== 'view');
  const candidates = chain.slice(start, start + views + 1 || undefined);
  const specs = candidates.map(({ tensor }) => model.tensorSpec(tensor)).filter((spec) => spec !== null);
  const wanted = JSON.stringify(output.shape);
  return specs.find(({ shape }) => JSON.stringify(shape) === wanted) ?? specs[0] ?? output;
}
