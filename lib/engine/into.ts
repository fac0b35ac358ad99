/** Results that are written into tensors of the caller's. */
import { checkOptions, refused, wrongType } from '../arguments.js';
import { Tensor } from '../tensor.js';

/** Memory for results: tensors from `allocate`, or results that are of no use any more. */
export interface Into {
  /** (N, U). */
  readonly logits?: Tensor;
  /** (N, H, W, U). */
  readonly maps?: Tensor;
}

const NAMES = ['logits', 'maps'];

/** `into` as a record without holes. Throws TypeError, RangeError; sizes beyond that of axis 0 are seen when a step is done. */
export function checkInto(into: unknown, samples: number | null): Readonly<Record<string, Tensor>> {
  if (into === undefined) return {};
  checkOptions('into', into, NAMES);
  const given = Object.entries(into).filter(([, tensor]) => tensor !== undefined);
  for (const [name, tensor] of given) {
    const label = `into.${name}`;
    const mend = 'Make it with `allocate`, or pass what an earlier call gave.';
    if (!(tensor instanceof Tensor)) throw wrongType(label, 'a Tensor', tensor, mend);
    if (tensor.aligned === null) {
      throw refused(
        label,
        'a tensor over native memory',
        tensor.released ? 'a released one' : 'one over an array',
        mend,
      );
    }
    if (samples === null) {
      throw refused(
        'into',
        'an `x` whose number of samples is known',
        'a source that does not tell it',
        'Leave `into` out.',
      );
    }
    if (tensor.shape[0] !== samples) {
      throw refused(label, `${samples} rows, one per sample of \`x\`,`, `shape (${tensor.shape.join(', ')})`);
    }
  }
  const tensors = given.map(([, tensor]) => tensor);
  if (new Set(tensors).size < tensors.length)
    throw refused('into', 'a tensor for each result', 'one for both');
  return Object.fromEntries(given);
}
