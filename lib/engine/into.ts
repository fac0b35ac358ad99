/** Results that are written into tensors of the caller's. */
import { checkIsObject, checkOptions, refused, wrongType } from '../support/arguments.js';
import { Tensor } from '../tensor/tensor.js';
import { byName, type MethodResults } from './method_results.js';

/** Memory for results: tensors from `allocate`, or results that are of no use any more. */
export interface Into {
  /** (N, U). */
  readonly logits?: Tensor;
  /** (N, H, W, U). */
  readonly maps?: Tensor;
  /** By the names that the method gives its extras. */
  readonly extras?: Readonly<Record<string, Tensor>>;
}

/**
 * `into` by the names of results, without holes. Throws TypeError, RangeError; sizes beyond that of axis 0 are seen
 * when a step is done.
 */
export function checkInto(into: unknown, samples: number | null): Readonly<Record<string, Tensor>> {
  if (into === undefined) return {};
  checkOptions('into', into, ['logits', 'maps', 'extras']);
  const { extras = {} } = into as Into;
  checkIsObject('into.extras', extras);
  const named = byName({ ...into, extras } as Partial<MethodResults<Tensor>>);
  const given = Object.entries(named).filter(([, tensor]) => tensor !== undefined);
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

/** Refuses to write over what the run reads: `read`, and what lies in it. Throws RangeError. */
export function refuseInputs(into: Readonly<Record<string, Tensor>>, read: readonly unknown[]): void {
  if (Object.keys(into).length === 0) return;
  const lists = read.filter((each) => typeof each === 'object' && each !== null);
  const fed = new Set(
    lists.flatMap((each) => (each instanceof Tensor ? [each] : Object.values(each as object))),
  );
  for (const [name, tensor] of Object.entries(into)) {
    if (!fed.has(tensor)) continue;
    const mend = 'Make another one with `allocate`.';
    throw refused(`into.${name}`, 'a tensor that the run does not read', 'one of `x` or `y`', mend);
  }
}

/** What runs write to that are under way. */
const lent = new WeakSet<Tensor>();

/**
 * Lends the tensors of `into` to a run; what it returns gives them back, once.
 *
 * @throws RangeError where another run has one of them: what both gave would be mixed in it.
 */
export function lendInto(into: Readonly<Record<string, Tensor>>): () => void {
  const tensors = Object.entries(into);
  for (const [name, tensor] of tensors) {
    if (!lent.has(tensor)) continue;
    throw refused(
      `into.${name}`,
      'a tensor that nothing else is written to',
      'one that a run or step under way writes to',
      'Give each its own, and use them again when their results are no longer needed.',
    );
  }
  for (const [, tensor] of tensors) lent.add(tensor);
  let using = true;
  return () => {
    if (using) for (const [, tensor] of tensors) lent.delete(tensor);
    using = false;
  };
}
