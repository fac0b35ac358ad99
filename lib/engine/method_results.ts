/** What a method gives, as the public calls show it and as a step names it: extras behind a prefix. */
import type { RaggedTensor } from '../tensor/ragged.js';
import type { Tensor } from '../tensor/tensor.js';

/** The results of a method: `T` is a tensor with values, a symbolic one, or memory for one. */
export interface MethodResults<T> {
  readonly logits: T;
  readonly maps: T;
  readonly extras: Readonly<Record<string, T>>;
}

const PREFIX = 'extras.';

/** By the names that steps, callbacks and `finishedSteps` use: `logits`, `maps` and, of each extra, `extras.delta`. */
export function byName<T>({ logits, maps, extras = {} }: Partial<MethodResults<T>>): Record<string, T> {
  const named = Object.entries(extras).map(([name, value]): [string, T] => [`${PREFIX}${name}`, value]);
  return Object.fromEntries([
    ...(logits === undefined ? [] : [['logits', logits] as const]),
    ...(maps === undefined ? [] : [['maps', maps] as const]),
    ...named,
  ]);
}

/**
 * What {@link byName} named. Empty `extras` are not enumerable: without extras, the enumerable results are all tensors.
 */
export function fromNames<T>(results: Readonly<Record<string, T>>): MethodResults<T> {
  const { logits, maps } = results as { logits: T; maps: T };
  const extras = Object.entries(results)
    .filter(([name]) => name.startsWith(PREFIX))
    .map(([name, value]) => [name.slice(PREFIX.length), value] as const);
  const value = Object.freeze(Object.fromEntries(extras));
  return Object.defineProperty({ logits, maps, extras: value }, 'extras', { enumerable: extras.length > 0 });
}

/** Gives the memory of all of them back. */
export function releaseResults(results: MethodResults<Tensor | RaggedTensor>): void {
  for (const each of Object.values(byName(results))) each.release();
}
