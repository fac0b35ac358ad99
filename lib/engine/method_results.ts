/** Converts between the results of a method and results by name, in which extras have a prefix. */
import type { RaggedTensor } from '../tensor/ragged.js';
import type { Tensor } from '../tensor/tensor.js';

/** The results of a method. `T` is a tensor, a symbolic tensor, or memory for a tensor. */
export interface MethodResults<T> {
  readonly logits: T;
  readonly maps: T;
  readonly extras: Readonly<Record<string, T>>;
}

const PREFIX = 'extras.';

/**
 * Returns results by the names in steps, callbacks and `finishedSteps`: `logits`, `maps`, for example `extras.delta`.
 */
export function byName<T>({ logits, maps, extras = {} }: Partial<MethodResults<T>>): Record<string, T> {
  const named = Object.entries(extras).map(([name, value]): [string, T] => [`${PREFIX}${name}`, value]);
  return Object.fromEntries([
    ...(logits === undefined ? [] : [['logits', logits] as const]),
    ...(maps === undefined ? [] : [['maps', maps] as const]),
    ...named,
  ]);
}

/**
 * Reverses {@link byName}. Empty `extras` are not enumerable, so the enumerable results are then all tensors.
 */
export function fromNames<T>(results: Readonly<Record<string, T>>): MethodResults<T> {
  const { logits, maps } = results as { logits: T; maps: T };
  const extras = Object.entries(results)
    .filter(([name]) => name.startsWith(PREFIX))
    .map(([name, value]) => [name.slice(PREFIX.length), value] as const);
  const value = Object.freeze(Object.fromEntries(extras));
  return Object.defineProperty({ logits, maps, extras: value }, 'extras', { enumerable: extras.length > 0 });
}

/** Releases all tensors of `results`. */
export function releaseResults(results: MethodResults<Tensor | RaggedTensor>): void {
  for (const each of Object.values(byName(results))) each.release();
}
