/** The loop of recurrent layers over the time steps of a sequence: Keras' `backend.rnn` for TensorFlow. */
import type { DType, StaticShape } from '../../binding/contract.js';
import { constant, op } from '../../graph/operand.js';
import { add } from '../../graph/ops/arithmetic.js';
import {
  cast,
  expandDims,
  reverse,
  shape,
  stack,
  transpose,
  unstack,
  zeros,
  zerosLike,
} from '../../graph/ops/array.js';
import { less, where } from '../../graph/ops/comparison.js';
import { whileLoop } from '../../graph/ops/control.js';
import { gather } from '../../graph/ops/indexing.js';
import type { Symbolic } from '../../graph/symbolic.js';
import type { Config } from '../config.js';

/** One time step: returns the output (N, ...) and the next states, in the number and shapes of `states`. */
export type Step = (x: Symbolic, states: readonly Symbolic[]) => { output: Symbolic; states: Symbolic[] };

/** The options of a recurrent layer. */
export interface Recurrence {
  /** Whether the steps run from the last to the first. */
  readonly goBackwards: boolean;
  /** Whether the outputs of all steps are returned, in the order of the steps, instead of the last output. */
  readonly returnSequences: boolean;
  /** Whether the states after the last step are returned after the output. */
  readonly returnState: boolean;
  /** Whether the steps are recorded one after the other instead of a loop, if their number is known and not large. */
  readonly unroll: boolean;
  /** Whether sequences are (T, N, ...) instead of (N, T, ...). Keras 2 only. */
  readonly timeMajor: boolean;
  /** Whether the output of a masked step is 0, instead of the output of the step before. */
  readonly zeroOutputForMask: boolean;
}

/** Reads the options of a recurrent layer. Old files lack the newer options. */
export function recurrenceOf(config: Config): Recurrence {
  return {
    goBackwards: config.boolean('go_backwards', false),
    returnSequences: config.boolean('return_sequences', false),
    returnState: config.boolean('return_state', false),
    unroll: config.boolean('unroll', false),
    timeMajor: config.boolean('time_major', false),
    zeroOutputForMask: config.boolean('zero_output_for_mask', false),
  };
}

/** The results of the time steps. */
export interface Recurred {
  /** (N, ...), or the outputs of all steps, (N, T, ...) or (T, N, ...). */
  readonly output: Symbolic;
  readonly states: readonly Symbolic[];
}

/** Returns `x` with its first two axes exchanged: batch and time. */
export function swapBatchAndTime(x: Symbolic): Symbolic {
  return transpose(x, [1, 0, ...Array.from({ length: x.rank - 2 }, (_, i) => i + 2)]);
}

/**
 * Runs `step` over the time steps of `sequence`. A masked step (false in `mask`) keeps the states of its samples.
 *
 * @param sequence (N, T, ...), or (T, N, ...) for `timeMajor`.
 * @param mask bool (N, T), or (T, N) for `timeMajor`; null for no mask.
 */
export function recur(
  step: Step,
  sequence: Symbolic,
  initial: readonly Symbolic[],
  mask: Symbolic | null,
  options: Recurrence,
): Recurred {
  const timeFirst = (x: Symbolic) => (options.timeMajor ? x : swapBatchAndTime(x));
  const ordered = (x: Symbolic) => (options.goBackwards ? reverse(x, 0) : x);
  const x = ordered(timeFirst(sequence));
  const kept = mask === null ? null : ordered(timeFirst(expandDims(cast(mask, 'bool'), -1)));
  const steps = x.shape?.[0] ?? null;
  return options.unroll && steps !== null && steps <= MOST_UNROLLED
    ? unrolled(step, x, kept, initial, options)
    : looped(step, x, kept, initial, options);
}

/** The maximum number of steps that are recorded one after the other. The values of a loop are the same. */
const MOST_UNROLLED = 256;

/** Returns the results of one step whose mask is (N, 1): masked samples keep their states. */
function maskedStep(
  { output, states }: ReturnType<Step>,
  kept: Symbolic | null,
  previous: { output: Symbolic; states: readonly Symbolic[] },
  zeroOutput: boolean,
): { output: Symbolic; states: Symbolic[] } {
  if (kept === null) return { output, states };
  const choose = (next: Symbolic, before: Symbolic) => {
    let condition = kept;
    while (condition.rank < next.rank) condition = expandDims(condition, -1);
    return where(condition, next, before);
  };
  return {
    output: choose(output, zeroOutput ? zerosLike(output) : previous.output),
    states: states.map((state, i) => choose(state, previous.states[i] as Symbolic)),
  };
}

function unrolled(
  step: Step,
  x: Symbolic,
  kept: Symbolic | null,
  initial: readonly Symbolic[],
  options: Recurrence,
): Recurred {
  const masks = kept === null ? [] : unstack(kept);
  const outputs: Symbolic[] = [];
  let states: readonly Symbolic[] = initial;
  for (const [time, input] of unstack(x).entries()) {
    const next = step(input, states);
    const previous = { output: outputs.at(-1) ?? zerosLike(next.output), states };
    const result = maskedStep(next, masks[time] ?? null, previous, options.zeroOutputForMask);
    outputs.push(result.output);
    states = result.states;
  }
  const last = outputs.at(-1) as Symbolic;
  if (!options.returnSequences) return { output: last, states };
  return { output: stack(outputs, options.timeMajor ? 0 : 1), states };
}

function looped(
  step: Step,
  x: Symbolic,
  kept: Symbolic | null,
  initial: readonly Symbolic[],
  options: Recurrence,
): Recurred {
  const steps = x.shape?.[0] ?? null;
  const count = steps === null ? gather(shape(x), constant(0, 'int32')) : constant(steps, 'int32');
  const inputs = new List(x);
  const masks = kept === null ? null : new List(kept);
  // The shape and dtype of the output are known after a step. The values of this step are not used.
  const sample = step(gather(x, constant(0, 'int32')), initial).output;
  const written = options.returnSequences ? emptyList(sample, count) : zerosAs(sample, x, 1);
  const before = kept === null ? [] : [options.returnSequences ? zerosAs(sample, x, 1) : written];

  const body = (...variables: Symbolic[]): readonly Symbolic[] => {
    const [i, outputs, ...rest] = variables as [Symbolic, Symbolic, ...Symbolic[]];
    const states = rest.slice(before.length);
    const next = step(inputs.at(i), states);
    const previous = { output: rest[0] as Symbolic, states };
    const result = maskedStep(next, masks?.at(i) ?? null, previous, options.zeroOutputForMask);
    const { output } = result;
    const kind = options.returnSequences ? op('TensorListSetItem', [outputs, i, output]) : output;
    return [add(i, 1), kind, ...before.map(() => output), ...result.states];
  };
  const shapes = [[], ...[written, ...before, ...initial].map((variable) => variable.shape)];
  const [, outputs, ...rest] = whileLoop(
    (i) => less(i as Symbolic, count),
    body,
    [constant(0, 'int32'), written, ...before, ...initial],
    { shapes, count },
  ) as [Symbolic, Symbolic, ...Symbolic[]];
  const states = rest.slice(before.length);
  if (!options.returnSequences) return { output: outputs, states };
  const all = op('TensorListStack', [outputs, sizesOf(sample.shape)], {
    element_dtype: { dtype: sample.dtype },
    num_elements: { int: steps ?? -1 },
  });
  return { output: options.timeMajor ? all : swapBatchAndTime(all), states };
}

/** The time steps of a tensor (T, N, ...) as a TensorList, from which the body of a loop reads. */
class List {
  readonly #handle: Symbolic;
  readonly #element: StaticShape;
  readonly #dtype: DType;

  constructor(x: Symbolic) {
    this.#element = x.shape?.slice(1) ?? null;
    this.#dtype = x.dtype;
    this.#handle = op('TensorListFromTensor', [x, sizesOf(this.#element)]);
  }

  /** Returns element `i`. The sizes are recorded in the body, where shape inference sees their values. */
  at(i: Symbolic): Symbolic {
    return op('TensorListGetItem', [this.#handle, i, sizesOf(this.#element)], {
      element_dtype: { dtype: this.#dtype },
    });
  }
}

/** Returns a shape as TensorList ops take it: -1 for an unknown size or rank. */
function sizesOf(shape: StaticShape): Symbolic {
  return constant(shape === null ? -1 : shape.map((size) => size ?? -1), 'int32');
}

/** Returns a TensorList of `count` elements of the shape and dtype of `element`, of which none is written. */
function emptyList(element: Symbolic, count: Symbolic): Symbolic {
  return op('TensorListReserve', [sizesOf(element.shape), count], {
    element_dtype: { dtype: element.dtype },
  });
}

/**
 * Returns zeros of the shape of `element` (N, ...). If only N is unknown, `element` is not computed: N is the size of
 * `axis` of x.
 */
export function zerosAs(element: Symbolic, x: Symbolic, axis: number): Symbolic {
  const [, ...sizes] = element.shape ?? [null, null];
  if (!sizes.every((size) => size !== null)) return zerosLike(element);
  return zeros([gather(shape(x), constant(axis, 'int32')), ...sizes], element.dtype);
}
