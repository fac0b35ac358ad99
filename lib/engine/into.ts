/** Results that are written into tensors of the caller. */
import { checkIsObject, checkOptions, refused, wrongType } from '../support/arguments.js';
import { Tensor } from '../tensor/tensor.js';
import { byName, type MethodResults } from './method_results.js';

/** Memory for results: tensors from `allocate`, or results that are no longer needed. */
export interface Into {
  /** Shape (N, U). */
  readonly logits?: Tensor;
  /** Shape (N, H, W, U). */
  readonly maps?: Tensor;
  /** Tensors by the names of the method's extras. */
  readonly extras?: Readonly<Record<string, Tensor>>;
}

/**
 * Returns the tensors of `into` by the names of the results. Throws TypeError or RangeError for invalid tensors. Only
 * axis 0 is checked here. The other sizes are checked when the first step is done.
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
    const mend = 'Make it with `allocate`, or pass a result of an earlier call.';
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
        'a source of unknown length',
        'Leave `into` out.',
      );
    }
    if (tensor.shape[0] !== samples) {
      throw refused(label, `${samples} rows, one per sample of \`x\`,`, `shape (${tensor.shape.join(', ')})`);
    }
  }
  const tensors = given.map(([, tensor]) => tensor);
  if (new Set(tensors).size < tensors.length)
    throw refused('into', 'a tensor for each result', 'one tensor for two results');
  return Object.fromEntries(given);
}

/** Throws RangeError if a tensor of `into` is in `read`, or in an array or record in `read`. */
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

/** The tensors that runs in progress write to. */
const lent = new WeakSet<Tensor>();

/**
 * Lends the tensors of `into` to a run. Returns a function that ends the loan. Further calls do nothing.
 *
 * @throws RangeError if a run in progress writes to one of the tensors. The results of both runs would be mixed.
 */
export function lendInto(into: Readonly<Record<string, Tensor>>): () => void {
  const tensors = Object.entries(into);
  for (const [name, tensor] of tensors) {
    if (!lent.has(tensor)) continue;
    throw refused(
      `into.${name}`,
      'a tensor that no other run or step writes to',
      'one that a run or step in progress writes to',
      'Pass a tensor to one run at a time. Reuse it when its results are no longer needed.',
    );
  }
  for (const [, tensor] of tensors) lent.add(tensor);
  let using = true;
  return () => {
    if (using) for (const [, tensor] of tensors) lent.delete(tensor);
    using = false;
  };
}
