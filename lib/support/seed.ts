import { checkInteger } from './arguments.js';

/** The option of everything that runs a model. */
export interface SeedOption {
  /**
   * The seed of all random numbers that the model draws (`loadModel(path, { allowRandom: true })`), an int32. Equal
   * seeds give equal results. Ignored for a model that draws none. Default 0.
   */
  readonly seed?: number;
}

/** Throws TypeError or RangeError for an invalid `seed`. */
export function checkSeed(seed: unknown): void {
  if (seed !== undefined) checkInteger('seed', seed, -(2 ** 31), 2 ** 31 - 1);
}
