/** Readings of layer configs and weights that several families of layers share. */
import { describeShape, Symbolic } from '../../graph/symbolic.js';
import { ModelError } from '../../support/errors.js';
import { Config } from '../config.js';
import type { Argument, LayerCall, LayerFunction, LayerKind, LayerParts } from '../layer_kind.js';

/**
 * Returns `config` with current names for entries that older versions of Keras named otherwise.
 *
 * @param names the old name of each current name. A current name that the config has keeps its value.
 */
export function withCurrentNames(config: Config, names: Readonly<Record<string, string>>): Config {
  const renamed = Object.entries(names).flatMap(([current, old]) => {
    const value = config.has(current) ? undefined : config.get(old);
    return value === undefined ? [] : [[current, value] as const];
  });
  if (renamed.length === 0) return config;
  return new Config({ ...config.entries, ...Object.fromEntries(renamed) }, config.owner);
}

/** Keras 1's names of the entries that most layers with weights share. */
export const KERAS_1_NAMES = { use_bias: 'bias', units: 'output_dim', padding: 'border_mode' } as const;

/** Returns `count` integers of at least 1. The entry is one integer or a list. */
export function positiveIntegers(config: Config, name: string, count: number, fallback?: number): number[] {
  const values = config.integers(name, count, fallback);
  return values.every((value) => value >= 1) ? values : config.fail(name, 'integers of at least 1');
}

export function positiveInteger(config: Config, name: string, fallback?: number): number {
  const value = config.integer(name, fallback);
  return value >= 1 ? value : config.fail(name, 'an integer of at least 1');
}

/** Returns an entry that is one axis or a list of axes. */
export function axesOf(config: Config, name: string, fallback: number): number[] {
  const value = config.get(name) ?? fallback;
  const list = Array.isArray(value) ? value : [value];
  return list.every((each) => Number.isSafeInteger(each))
    ? (list as number[])
    : config.fail(name, 'an integer or a list of integers');
}

/** Whether the channels of images are axis 1. Keras 1 names the order after the library that prefers the order. */
export function isChannelsFirst(config: Config): boolean {
  const values = ['channels_last', 'channels_first', 'tf', 'th', 'default'] as const;
  const order = withCurrentNames(config, { data_format: 'dim_ordering' }).oneOf('data_format', values, 'tf');
  return order === 'channels_first' || order === 'th';
}

/**
 * Returns a variable of the layer, whose shape is known.
 *
 * @throws ModelError (`DATA_LOSS`) if the variable is absent or has another rank.
 */
export function weightOf(parts: LayerParts, name: string, rank?: number): Symbolic & { shape: number[] } {
  const weight = parts.weights[name];
  const { owner } = parts.config;
  if (weight === undefined) {
    throw new ModelError('DATA_LOSS', `The file has no weight '${name}' for ${owner}.`);
  }
  const { shape } = weight;
  if (shape === null || shape.includes(null) || (rank !== undefined && shape.length !== rank)) {
    const expected = rank === undefined ? 'a known shape' : `${rank} axes`;
    throw new ModelError(
      'DATA_LOSS',
      `Expected a weight '${name}' of ${expected} for ${owner} but the file has ${describeShape(shape)}.`,
    );
  }
  return weight as Symbolic & { shape: number[] };
}

/** Returns a layer that has exactly one input. */
export function ofOneInput(
  { config }: LayerParts,
  layer: (x: Symbolic, call: LayerCall) => Symbolic,
): LayerFunction {
  return (inputs, call) => {
    const [x] = inputs;
    if (x === undefined || inputs.length !== 1) {
      throw new ModelError(
        'DATA_LOSS',
        `Expected 1 input for ${config.owner} but received ${inputs.length}.`,
      );
    }
    return layer(x, call);
  };
}

/** The mask of a layer that passes masks on from Keras 3 on. */
export const passSinceKeras3: LayerKind['mask'] = ({ kerasVersion }, _, { masks }) =>
  kerasVersion >= 3 ? (masks[0] ?? null) : null;

/** A layer that has no effect at inference. */
export const passThrough = (name: string, mask: LayerKind['mask'] = 'pass'): LayerKind => ({
  names: [name],
  build: (parts) => ofOneInput(parts, (x) => x),
  mask,
});

/** Returns the mask of the first input: the argument `mask`, or else the mask that came with the input. */
export function maskOf(call: LayerCall): Symbolic | null {
  const given: Argument | undefined = call.kwargs.mask ?? call.args[1];
  return given instanceof Symbolic ? given : (call.masks[0] ?? null);
}
