import type { AnyMethod, MethodArguments, MethodLike } from '../../graph/method.js';
import { integers } from '../../graph/operand.js';
import { add, divide } from '../../graph/ops/arithmetic.js';
import { cast, stack } from '../../graph/ops/array.js';
import { forRange } from '../../graph/ops/control.js';
import { normal } from '../../graph/ops/random.js';
import { sizeOf } from '../../graph/positions.js';
import type { Symbolic } from '../../graph/symbolic.js';
import { checkFunction, checkOptions, nameOf } from '../../support/arguments.js';
import { GraphError } from '../../support/errors.js';
import { isFloating } from '../../tensor/dtype.js';
import { describeMeta } from '../descriptor.js';
import { integer, number, type ParameterTable, readParameters } from '../parameters.js';
import { around, withInputs } from './transformed.js';

export interface SmoothOptions {
  /** How often the method is run, the pass without noise included. Default 20. */
  readonly repetitions?: number;
  /** Standard deviation of the noise, in the units of the input as the model takes it. Default 0.1. */
  readonly noise?: number;
  /** An int32: the same seed draws the same noise in every run. Default 0. */
  readonly seed?: number;
}

const PARAMETERS = {
  repetitions: integer({
    summary: 'how often the method is run, the pass without noise among them',
    default: 20,
    least: 1,
  }),
  noise: number({
    summary: "standard deviation of the noise, in the input's own units",
    default: 0.1,
    timesInputRange: true,
    least: 0,
  }),
  seed: integer({
    summary: 'the same seed draws the same noise',
    default: 0,
    least: -(2 ** 31),
    most: 2 ** 31 - 1,
  }),
} satisfies ParameterTable<SmoothOptions>;

/**
 * SmoothGrad for any method: the average of its logits and maps over inputs with Gaussian noise.
 *
 *     (logits, maps) = 1/R · ( method(x) + Σ_{r=2..R} method(x + noise_r) ),   noise_r ~ N(0, σ²)
 *
 * The first pass has no noise. All samples of a repetition get the same noise, so that a sample's map depends neither
 * on the others of its batch nor on its place among them. The repetitions run one after the other inside the graph, in
 * the memory of one; `explain` reports them to `onProgress`, and can be cancelled between two of them.
 *
 * The method's extras are dropped: they are those of one pass, and not all may be averaged. One repetition is the
 * method itself.
 *
 * Cost: `repetitions` times that of `method`.
 *
 * Source: Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017, https://arxiv.org/abs/1706.03825.
 *
 * @param method any method; the result takes the same parameters and is named `gradcam_smooth` after gradcam.
 */
export function smooth<M extends AnyMethod>(method: M, options: SmoothOptions = {}): MethodLike<M> {
  checkFunction('method', method, 'Pass a method, as `methods.gradient.gradients`.');
  checkOptions('options', options, Object.keys(PARAMETERS));
  const chosen = readParameters(PARAMETERS, options);
  const { repetitions, noise, seed } = chosen;
  const apply = (args: MethodArguments) => method(args as never);

  return around(method, SMOOTH, chosen, (args: MethodArguments) => {
    const { inputs } = args;
    const first = apply(args);
    if (repetitions === 1) return first;
    const { dtype } = inputs;
    if (!isFloating(dtype)) {
      throw new GraphError(
        'INVALID_ARGUMENT',
        `${nameOf(method)}_smooth adds noise to the input, but the model takes ${inputs}.`,
      );
    }
    const shape = [1, ...Array.from({ length: inputs.rank - 1 }, (_, axis) => sizeOf(inputs, axis + 1))];
    const sums = forRange(
      repetitions - 1,
      (repetition, logits, maps) => {
        const drawn = normal(shape, {
          seed: stack([repetition, integers(seed)]),
          stddev: noise,
          dtype: dtype === 'float64' ? 'float64' : 'float32',
        });
        const noisy = apply(withInputs(args, add(inputs, cast(drawn, dtype))));
        return [add(logits as Symbolic, noisy.logits), add(maps as Symbolic, noisy.maps)];
      },
      [first.logits, first.maps],
    );
    const [logits, maps] = sums.map((sum) => divide(sum, repetitions)) as [Symbolic, Symbolic];
    return { logits, maps };
  });
}

const SMOOTH = describeMeta(smooth, {
  parameters: PARAMETERS,
  passes: ({ forward, backward, backwardTo }, { repetitions }) => ({
    forward: forward * repetitions,
    backward: backward * repetitions,
    backwardTo,
  }),
  times: { symbol: 'R', of: 'repetitions' },
  comparedAround: ['gradcam', 'gradients'],
  formula: 'mean of m(x + noise)',
  take: 'maps that flicker, gradients above all',
  paper: {
    citation: 'Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017',
    year: 2017,
    url: 'https://arxiv.org/abs/1706.03825',
  },
  equals: null,
});
