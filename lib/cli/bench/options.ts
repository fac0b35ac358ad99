import { InvalidArgumentError } from 'commander';
import type { LoadFlags } from '../shared/loading.js';

/** The checked options of `keras-explainable bench`. */
export interface BenchOptions extends LoadFlags {
  readonly model: string;
  readonly method: string;
  readonly layer?: string;
  readonly batchSize: readonly number[];
  readonly seconds: number;
  readonly size?: readonly [height: number, width: number];
  readonly threads?: number;
  readonly json: boolean;
}

/** Parses batch sizes without repetition: `1,8`. */
export function batchSizes(text: string): number[] {
  const sizes = text.split(',').map((part) => part.trim());
  if (!sizes.every((size) => /^\d{1,4}$/.test(size) && Number(size) > 0)) {
    throw new InvalidArgumentError("Expected batch sizes from 1 to 9999 with commas between them, as '1,8'.");
  }
  return [...new Set(sizes.map(Number))];
}

/** Parses a time above 0. */
export function duration(text: string): number {
  const seconds = Number(text);
  if (text.trim() === '' || !(seconds > 0 && seconds <= 3600)) {
    throw new InvalidArgumentError('Expected seconds, above 0 and at most 3600.');
  }
  return seconds;
}
