import { isSharedInput, type TensorSpec } from '../graph/layer.js';
import { checkInteger, nearNames, outOfRange, wrongType } from '../support/arguments.js';

/**
 * @internal Returns the position of the explained input. Default: the first input that is no scalar. Throws if the
 *   model has no such input, or if the input is a scalar.
 */
export function explainedInput(
  model: { readonly inputs: readonly TensorSpec[] },
  input?: string | number,
): number {
  const samples = model.inputs.findIndex((each) => !isSharedInput(each));
  const position = input === undefined ? Math.max(0, samples) : positionOf(model, input);
  const chosen = model.inputs[position] as TensorSpec;
  if (!isSharedInput(chosen)) return position;
  throw outOfRange('input', 'an input with an axis of samples', chosen.name, 'A scalar has no positions.');
}

function positionOf(model: { readonly inputs: readonly TensorSpec[] }, input: string | number): number {
  const names = model.inputs.map(({ name }) => name);
  if (typeof input === 'number') return checkInteger('input', input, 0, names.length - 1);
  if (typeof input !== 'string') throw wrongType('input', "an input's name or position", input);
  const position = names.indexOf(input);
  if (position >= 0) return position;
  const [near] = nearNames(input, names, 1);
  const mend = near === undefined ? '' : `Did you mean "${near}"?`;
  throw outOfRange('input', `one of the model's inputs (${names.join(', ')})`, input, mend);
}
