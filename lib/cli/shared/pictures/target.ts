import type { Preprocessing } from '../../../image/preprocess.js';
import { type OutputActivation, outputActivation } from '../../../inspection/index.js';
import type { Model } from '../../../model/model.js';
import type { NumericDType } from '../../../tensor/dtype.js';
import { isNumeric } from '../../../tensor/dtype.js';
import { UsageError } from '../failure.js';

/** The options that determine the model's input and the explained units. */
export interface PictureOptions {
  readonly preprocess: Preprocessing;
  readonly size?: readonly [height: number, width: number];
  readonly units?: readonly number[];
}

/** The properties of a model that the handling of pictures needs. */
export interface Target {
  readonly model: Model;
  readonly size: readonly [height: number, width: number];
  readonly channels: 1 | 3;
  /** Whether the input has an axis of channels. Without, the model takes grey pictures (N, height, width). */
  readonly hasChannelAxis: boolean;
  readonly dtype: NumericDType;
  readonly units: number;
  /** The model's final activation, whose results are probabilities. */
  readonly activation: OutputActivation | null;
}

/** Checks that `model` takes one picture and gives one row of outputs, and that the options fit it. */
export function targetOf(model: Model, options: PictureOptions): Target {
  const [input, ...otherInputs] = model.inputs;
  const [output] = model.outputs;
  const rank = input?.shape?.length;
  const isPicture = rank === 3 || rank === 4;
  if (!input?.shape || otherInputs.length > 0 || !isPicture || !isNumeric(input.dtype)) {
    const received = model.inputs.map(({ name, shape }) => `${name} ${shapeText(shape)}`).join(', ');
    throw new UsageError(
      `Expected a model with one input (N, height, width, channels) or (N, height, width) but it has ` +
        `${received || 'none'}.`,
    );
  }
  const units = output?.shape?.at(-1);
  if (output?.shape?.length !== 2 || typeof units !== 'number') {
    throw new UsageError(
      `Expected a model with outputs (N, classes) but it has ${shapeText(output?.shape ?? null)}.`,
    );
  }
  const [, height, width, channels = 1] = input.shape;
  if (channels !== 1 && channels !== 3) {
    throw new UsageError(
      `Expected a model for pictures of 1 or 3 channels but it takes ${shapeText(input.shape)}.`,
    );
  }
  const preprocess = options.preprocess;
  if (channels === 1 && (preprocess === 'torch' || preprocess === 'caffe')) {
    throw new UsageError(
      `--preprocess ${preprocess}: expected a model for 3 channels but this one takes grey pictures.`,
    );
  }
  const unknown = options.units?.find((unit) => unit >= units);
  if (unknown !== undefined) {
    throw new UsageError(`--units: expected classes from 0 to ${units - 1}, received ${unknown}.`);
  }
  return {
    model,
    size: sizeOf(height ?? null, width ?? null, options.size),
    channels,
    hasChannelAxis: rank === 4,
    dtype: input.dtype,
    units,
    activation: outputActivation(model),
  };
}

function sizeOf(
  height: number | null,
  width: number | null,
  asked: PictureOptions['size'],
): readonly [height: number, width: number] {
  if (asked === undefined) {
    if (height !== null && width !== null) return [height, width];
    throw new UsageError('The model takes pictures of any size: choose one with --size, as --size 224.');
  }
  const fits = (height ?? asked[0]) === asked[0] && (width ?? asked[1]) === asked[1];
  if (!fits)
    throw new UsageError(
      `--size: expected ${height}x${width}, which the model takes, received ${asked.join('x')}.`,
    );
  return asked;
}

/** Returns a shape as text, for example `(any, 96)`. */
export function shapeText(shape: readonly (number | null)[] | null, unknown = 'any'): string {
  return shape === null ? 'an unknown shape' : `(${shape.map((size) => size ?? unknown).join(', ')})`;
}
