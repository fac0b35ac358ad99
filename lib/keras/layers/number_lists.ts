/** Numbers in configs: a number, nested lists, or an array that Keras 3 serialised. */
import type { NestedArray } from '../../tensor/tensor.js';
import { type Config, isList, isObject, type Json } from '../config.js';

/** Returns the numbers of an entry, or null if the entry is absent. */
export function numbersOf(config: Config, name: string): number | NestedArray | null {
  const value = unwrapped(config.get(name));
  if (value === undefined) return null;
  if (!isNumbers(value)) config.fail(name, 'numbers');
  return value as number | NestedArray;
}

/** Returns the elements of a list of numbers, or null if the entry is absent. */
export function vectorOf(config: Config, name: string): number[] | null {
  const value = unwrapped(config.get(name));
  if (value === undefined) return null;
  const isVector = isList(value) && value.every((each) => typeof each === 'number');
  return isVector ? (value as number[]) : config.fail(name, 'a list of numbers');
}

/** Keras 3 writes an array as `{ class_name: '__numpy__', config: { value: [...], dtype: 'float32' } }`. */
function unwrapped(value: Json | undefined): Json | undefined {
  if (!isObject(value)) return value;
  const { config } = value;
  return isObject(config) ? config.value : value;
}

const isNumbers = (value: Json | undefined): boolean =>
  isList(value) ? value.every(isNumbers) : typeof value === 'number';
