/** The symbolic tensors in the arguments of a call. */
import { Symbolic } from '../graph/symbolic.js';
import type { Argument, ArgumentObject } from './layer_kind.js';

/** Returns the entries of an object of tensors in the order in which Keras flattens a dict: alphabetical by key. */
export function sortedEntries<T>(object: { readonly [key: string]: T }): [string, T][] {
  return Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Returns the symbolic tensors of an argument, in order. Objects are read as `sortedEntries` returns them. */
export function symbolsIn(argument: Argument | undefined): Symbolic[] {
  if (argument instanceof Symbolic) return [argument];
  if (Array.isArray(argument)) return argument.flatMap(symbolsIn);
  if (typeof argument !== 'object' || argument === null) return [];
  return sortedEntries(argument as ArgumentObject).flatMap(([, each]) => symbolsIn(each));
}
