/** Random tensors. With a `seed` every run draws the same numbers; without one, every run draws others. */
import { integers, op } from '../operand.js';
import type { Symbolic } from '../symbolic.js';
import { add, multiply } from './arithmetic.js';
import { cast, type Sizes, sizes } from './array.js';

export type RandomDType = 'float32' | 'float64';

export interface RandomOptions {
  /**
   * An integer; a symbolic int32 scalar (a loop's counter, for other numbers in every round); or a vector of two, both
   * of which count.
   */
  readonly seed?: number | Symbolic;
  readonly dtype?: RandomDType;
}

/** The second half of a stateless op's key: any constant does. */
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

/** Normally distributed numbers. */
export function normal(
  shape: Sizes,
  options: RandomOptions & { mean?: number; stddev?: number } = {},
): Symbolic {
  const { mean = 0, stddev = 1 } = options;
  const drawn = draw('StatelessRandomNormal', 'RandomStandardNormal', shape, options);
  return add(multiply(drawn, stddev), mean);
}

/** Numbers evenly distributed in `[least, most)`. */
export function uniform(
  shape: Sizes,
  options: RandomOptions & { least?: number; most?: number } = {},
): Symbolic {
  const { least = 0, most = 1 } = options;
  const drawn = draw('StatelessRandomUniform', 'RandomUniform', shape, options);
  return add(multiply(drawn, most - least), least);
}
