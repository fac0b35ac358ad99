import {
  channelsLast,
  fromChannelsLast,
  inputLayoutFor,
  type Layout,
  positionSizes,
} from '../../graph/layout.js';
import type { AnyMethod, MethodArguments, MethodLike } from '../../graph/method.js';
import { constant } from '../../graph/operand.js';
import { add, divide, maximum, multiply } from '../../graph/ops/arithmetic.js';
import { cast, reshape, reverse, shape, stack, unstack } from '../../graph/ops/array.js';
import { where } from '../../graph/ops/comparison.js';
import { forRange } from '../../graph/ops/control.js';
import { RESIZE_METHODS, type ResizeMethod } from '../../graph/ops/image.js';
import { gather } from '../../graph/ops/indexing.js';
import { resizePositions, type Size } from '../../graph/positions.js';
import type { Symbolic } from '../../graph/symbolic.js';
import { checkFunction, checkOptions, nameOf } from '../../support/arguments.js';
import { GraphError } from '../../support/errors.js';
import { commonFloat } from '../../tensor/dtype.js';
import { describeMeta } from '../descriptor.js';
import { boolean, choice, numbers, type ParameterTable, readParameters } from '../parameters.js';
import { around, withInputs } from './transformed.js';

export interface TtaOptions {
  /** Further sizes of the input, as multiples of its size. Default [0.5, 1.5, 2]. */
  readonly scales?: readonly number[];
  /** Whether the mirror image (left to right) of each size is explained too. Default true. */
  readonly hflip?: boolean;
  /** The method that resizes inputs and maps. Signals and volumes allow only 'bilinear'. Default 'bilinear'. */
  readonly resizeMethod?: ResizeMethod;
}

const PARAMETERS = {
  scales: numbers({
    summary: 'further sizes of the input, as multiples of its size',
    default: [0.5, 1.5, 2],
    above: 0,
  }),
  hflip: boolean({
    summary: 'the mirror image (left to right) of each size is explained too',
    default: true,
  }),
  resizeMethod: choice(RESIZE_METHODS, {
    summary: "the method that resizes inputs and maps; signals and volumes allow only 'bilinear'",
    default: 'bilinear',
  }),
} satisfies ParameterTable<TtaOptions>;

/**
 * Test-time augmentation for any method: the average of its logits and maps over several sizes and mirror images of the
 * input. Maps are mirrored back and resized to the size of the input.
 *
 *     (logits, maps) = 1/P · Σ over P = (1 + scales) · (hflip ? 2 : 1) passes of
 *     resize(unflip(method(resize(flip(x)))))
 *
 * Sizes are rounded down. The model must take inputs of other sizes. A model with a Flatten before dense layers does
 * not, and is refused. The passes run one after the other inside the graph, in the memory of the largest pass.
 * `explain` reports each pass to `onProgress` and can be cancelled between two passes.
 *
 * The method's extras are dropped, because they belong to one pass. Without scales and mirroring, the result equals
 * that of the method itself, including extras.
 *
 * Cost: P times the cost of `method`. A scaled pass costs the square of its scale.
 *
 * Source: the Python library keras-explainable, whose average divides by two passes too few.
 *
 * @param method any method. The result takes the same parameters. Its name is, for example, `gradcam_tta`.
 */
export function tta<M extends AnyMethod>(method: M, options: TtaOptions = {}): MethodLike<M> {
  checkFunction('method', method, 'Pass a method, for example `methods.cams.gradcam`.');
  checkOptions('options', options, Object.keys(PARAMETERS));
  const chosen = readParameters(PARAMETERS, options);
  const { scales, hflip, resizeMethod } = chosen;
  const flips = hflip ? [false, true] : [false];
  const [, ...others] = [1, ...scales].flatMap((scale) => flips.map((flip) => ({ scale, flip })));
  const apply = (args: MethodArguments) => method(args as never);

  return around(method, TTA, chosen, (args: MethodArguments) => {
    const first = apply(args);
    if (others.length === 0) return first;
    const { inputs } = args;
    if (inputs.shape !== null && inputs.rank < 3) {
      throw new GraphError(
        'INVALID_ARGUMENT',
        `${nameOf(method)}_tta resizes and mirrors inputs (N, ...positions, C), but the model takes ${inputs}.`,
      );
    }
    const layout = inputLayoutFor(inputs, args.spatialAxis, first.maps.rank - 2);
    const sizes = positionSizes(inputs, layout);
    const width = layout.positions.at(-1) as number;
    for (const scale of scales) tryAt(args, layout, sizes, scale);
    // Resized maps are float32. Maps that need no resize keep their dtype.
    const dtype = commonFloat(first.maps.dtype, 'float32');
    const whole = cast(resizePositions(first.maps, sizes, resizeMethod), dtype);
    const scaleOf = constant(others.map(({ scale }) => scale));
    const flipOf = constant(
      others.map(({ flip }) => Number(flip)),
      'int32',
    );
    const exact = (x: Symbolic) => cast(x, commonFloat(x.dtype, 'float32'));
    const sums = forRange(
      others.length,
      (pass, logits, maps) => {
        const flip = cast(gather(flipOf, pass), 'bool');
        // The mirror comes first: 'nearest' rounds to one side, so the other order selects other pixels.
        const turned = channelsLast(mirrored(inputs, width, flip), layout);
        const scaled = resizePositions(turned, scaledSizes(sizes, gather(scaleOf, pass)), resizeMethod);
        const seen = apply(withInputs(args, cast(fromChannelsLast(scaled, layout), inputs.dtype)));
        const map = resizePositions(mirrored(seen.maps, seen.maps.rank - 2, flip), sizes, resizeMethod);
        return [plus(logits as Symbolic, exact(seen.logits)), plus(maps as Symbolic, cast(map, dtype))];
      },
      [exact(first.logits), whole],
    );
    const [logits, maps] = sums.map((sum) => divide(sum, others.length + 1)) as [Symbolic, Symbolic];
    return { logits: cast(logits, first.logits.dtype), maps };
  });
}

const TTA = describeMeta(tta, {
  parameters: PARAMETERS,
  passes: ({ forward, backward, backwardTo }, { scales, hflip }) => {
    const times = (scales.length + 1) * (hflip ? 2 : 1);
    return { forward: forward * times, backward: backward * times, backwardTo };
  },
  times: { symbol: 'P', of: 'passes' },
  inputScales: ({ scales = [] }) => scales,
  comparedAround: ['gradcam'],
  formula: 'mean of m over sizes and mirror images',
  take: 'finer outlines of coarse maps',
  paper: {
    citation: 'David, keras-explainable, the Python library',
    year: 2022,
    url: 'https://github.com/lucasdavid/keras-explainable',
  },
  equals: null,
});

/**
 * Calls the model at one scale and drops the outputs, if the size is known. A model that does not take the size is then
 * refused when the graph is built instead of during the run.
 */
function tryAt(
  { model, inputs }: MethodArguments,
  layout: Layout,
  sizes: readonly Size[],
  scale: number,
): void {
  const known = sizes.filter((size) => typeof size === 'number');
  if (known.length < sizes.length) return;
  const scaled = known.map((size) => Math.max(1, Math.floor(Math.fround(scale) * size)));
  const resized = resizePositions(channelsLast(inputs, layout), scaled);
  model(cast(fromChannelsLast(resized, layout), inputs.dtype));
}

/** Returns `sizes` times `scale`, rounded down, at least 1. */
function scaledSizes(sizes: readonly Size[], scale: Symbolic): readonly Symbolic[] {
  const whole = cast(
    stack(sizes.map((size) => (typeof size === 'number' ? constant(size, 'int32') : size))),
    'float32',
  );
  return unstack(maximum(cast(multiply(whole, scale), 'int32'), 1));
}

/** Returns x, reversed along the axis `width` if `flip` is true. */
function mirrored(x: Symbolic, width: number, flip: Symbolic): Symbolic {
  return where(flip, reverse(x, width), x);
}

/** Returns sum + x of equal shapes. The reshape fails for a model that turns positions into samples. */
function plus(sum: Symbolic, x: Symbolic): Symbolic {
  return add(sum, reshape(x, shape(sum)));
}
