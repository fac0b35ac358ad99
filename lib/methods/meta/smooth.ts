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
import { commonFloat, isFloating } from '../../tensor/dtype.js';
import { describeMeta } from '../descriptor.js';
import { integer, number, type ParameterTable, readParameters } from '../parameters.js';
import { around, withInputs } from './transformed.js';

export interface SmoothOptions {
  /** The number of runs of the method, including the run without noise. Default 20. */
  readonly repetitions?: number;
  /** The standard deviation of the noise, in the units of the model's input. Default 0.1. */
  readonly noise?: number;
  /** An int32. Equal seeds draw equal noise in every run. Default 0. */
  readonly seed?: number;
}

const PARAMETERS = {
  repetitions: integer({
    summary: 'the number of runs of the method, including the run without noise',
    default: 20,
    least: 1,
  }),
  noise: number({
    summary: 'standard deviation of the noise, in the units of the input',
    default: 0.1,
    timesInputRange: true,
    least: 0,
  }),
  seed: integer({
    summary: 'equal seeds draw equal noise',
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
 * The first pass has no noise. All samples of a repetition receive the same noise, so a sample's map depends neither on
 * the other samples of its batch nor on its position in the batch. The repetitions run one after the other inside the
 * graph, in the memory of one repetition. `explain` reports each repetition to `onProgress` and can be cancelled
 * between two repetitions.
 *
 * The method's extras are dropped, because they belong to one pass and not all extras can be averaged. With one
 * repetition, the result equals that of the method itself, including extras.
 *
 * Cost: `repetitions` times the cost of `method`.
 *
 * Source: Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017, https://arxiv.org/abs/1706.03825.
 *
 * @param method any method. The result takes the same parameters. Its name is, for example, `gradcam_smooth`.
 */
export function smooth<M extends AnyMethod>(method: M, options: SmoothOptions = {}): MethodLike<M> {
  checkFunction('method', method, 'Pass a method, for example `methods.gradient.gradients`.');
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
    // Sums and noise of a network in float16 are float32: small numbers would be lost.
    const exact = (x: Symbolic) => cast(x, commonFloat(x.dtype, 'float32'));
    const sums = forRange(
      repetitions - 1,
      (repetition, logits, maps) => {
        const drawn = normal(shape, {
          seed: stack([repetition, integers(seed)]),
          stddev: noise,
          dtype: dtype === 'float64' ? 'float64' : 'float32',
        });
        const noisy = apply(withInputs(args, cast(add(exact(inputs), drawn), dtype)));
        return [add(logits as Symbolic, exact(noisy.logits)), add(maps as Symbolic, exact(noisy.maps))];
      },
      [exact(first.logits), exact(first.maps)],
    );
    const [logits, maps] = sums.map((sum) => divide(sum, repetitions)) as [Symbolic, Symbolic];
    return { logits: cast(logits, first.logits.dtype), maps };
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
  take: 'noisy maps, above all those of gradients',
  paper: {
    citation: 'Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017',
    year: 2017,
    url: 'https://arxiv.org/abs/1706.03825',
  },
  equals: null,
});
