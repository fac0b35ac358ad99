/** Random tensors. With a `seed`, every run draws the same numbers. Without a seed, every run draws other numbers. */
import { integers, op } from '../operand.js';
import type { Symbolic } from '../symbolic.js';
import { add, multiply } from './arithmetic.js';
import { cast, type Sizes, sizes } from './array.js';

/** The dtypes of random numbers. */
export type RandomDType = 'float32' | 'float64';

export interface RandomOptions {
  /**
   * An int32 number, a symbolic scalar, or a symbolic vector of two elements. Symbolic seeds are cast to int32. The
   * counter of a loop as seed draws other numbers in every round. Two draws of one seed return the same numbers.
   * Default: none.
   */
  readonly seed?: number | Symbolic;
  /** The dtype of the result. Default: float32. */
  readonly dtype?: RandomDType;
}

/** The second half of the key of a stateless op. The value is arbitrary. */
const KEY = 0x6b65;

function draw(
  stateless: string,
  stateful: string,
  shape: Sizes,
  { seed, dtype = 'float32' }: RandomOptions,
): Symbolic {
  if (seed === undefined) {
    return op(stateful, [sizes(shape)], { dtype: { dtype }, seed: { int: 0 }, seed2: { int: 0 } });
  }
  return op(stateless, [sizes(shape), keyOf(seed)], { dtype: { dtype } });
}

function keyOf(seed: number | Symbolic): Symbolic {
  if (typeof seed === 'number') return integers([seed, KEY]);
  const value = cast(seed, 'int32');
  return value.rank === 1 ? value : sizes([value, KEY]);
}

/**
 * Returns normally distributed numbers.
 *
 * @param shape the sizes, each at least 0.
 * @param options `mean` (0) and `stddev` (1) of the distribution, `seed` and `dtype`.
 * @returns a tensor of `shape` and `dtype`.
 * @throws GraphError (`INVALID_ARGUMENT`) for a negative size, a symbolic `seed` of another shape, and an integer
 *   `dtype`. RangeError for a `seed` that is not an int32.
 * @example
 * const noisy = ops.add(inputs, ops.random.normal(ops.shape(inputs), { stddev: 0.1, seed: 7 }));
 */
export function normal(
  shape: Sizes,
  options: RandomOptions & { mean?: number; stddev?: number } = {},
): Symbolic {
  const { mean = 0, stddev = 1 } = options;
  const drawn = draw('StatelessRandomNormal', 'RandomStandardNormal', shape, options);
  return add(multiply(drawn, stddev), mean);
}

/**
 * Returns numbers that are evenly distributed from `least` up to `most`. `most` is excluded, but rounding can produce
 * `most` if the range is small compared with the bounds.
 *
 * @param shape the sizes, each at least 0.
 * @param options `least` (0) and `most` (1), `seed` and `dtype`.
 * @returns a tensor of `shape` and `dtype`.
 * @throws GraphError (`INVALID_ARGUMENT`) for a negative size, a symbolic `seed` of another shape, and an integer
 *   `dtype`. RangeError for a `seed` that is not an int32.
 */
export function uniform(
  shape: Sizes,
  options: RandomOptions & { least?: number; most?: number } = {},
): Symbolic {
  const { least = 0, most = 1 } = options;
  const drawn = draw('StatelessRandomUniform', 'RandomUniform', shape, options);
  return add(multiply(drawn, most - least), least);
}
