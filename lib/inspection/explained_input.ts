import type { TensorSpec } from '../graph/layer.js';
import { checkInteger, nearNames, outOfRange, wrongType } from '../support/arguments.js';

/** @internal Returns the position of the explained input. Throws if the model has no such input. */
export function explainedInput(
  model: { readonly inputs: readonly TensorSpec[] },
  input: string | number = 0,
): number {
  const names = model.inputs.map(({ name }) => name);
  if (typeof input === 'number') return checkInteger('input', input, 0, names.length - 1);
  if (typeof input !== 'string') throw wrongType('input', "an input's name or position", input);
  const position = names.indexOf(input);
  if (position >= 0) return position;
  const [near] = nearNames(input, names, 1);
  const mend = near === undefined ? '' : `Did you mean "${near}"?`;
  throw outOfRange('input', `one of the model's inputs (${names.join(', ')})`, input, mend);
}
