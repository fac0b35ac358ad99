/** Keras' wrappers of layers for sequences: `Bidirectional` and `TimeDistributed`. */
import { add, divide, multiply } from '../../graph/ops/arithmetic.js';
import { concat, reshape, reverse, shape } from '../../graph/ops/array.js';
import { gather } from '../../graph/ops/indexing.js';
import { reduceAny } from '../../graph/ops/reduction.js';
import { Symbolic } from '../../graph/symbolic.js';
import type { Config, JsonObject } from '../config.js';
import { isObject } from '../config.js';
import type { BuiltLayer, LayerCall, LayerKind, LayerParts, SublayerSpec } from '../layer_kind.js';
import { sequenceMask, statesOfCall } from './recurrent.js';

const MERGE_MODES = ['concat', 'sum', 'mul', 'ave', 'none'] as const;
type MergeMode = (typeof MERGE_MODES)[number];

/** How the outputs of both directions are joined, each along its last axis. */
const MERGES: Readonly<Record<MergeMode, (x: Symbolic, y: Symbolic) => readonly Symbolic[]>> = {
  concat: (x, y) => [concat([x, y], -1)],
  sum: (x, y) => [add(x, y)],
  mul: (x, y) => [multiply(x, y)],
  ave: (x, y) => [divide(add(x, y), 2)],
  none: (x, y) => [x, y],
};

/** Returns the merge mode. `null` in the file stands for two outputs. */
const mergeModeOf = (config: Config): MergeMode =>
  config.entries.merge_mode === null ? 'none' : config.oneOf('merge_mode', MERGE_MODES, 'concat');

/** Returns the config of the serialised layer that the entry `name` holds. */
function wrappedConfig(config: Config, name = 'layer'): JsonObject {
  const { config: inner } = config.object(name);
  return isObject(inner) ? inner : config.fail(name, 'a serialised layer');
}

/** Returns the layers of both directions, made from the wrapped layer as Keras makes them. */
function directions(config: Config): readonly SublayerSpec[] {
  const layer = config.object('layer');
  const inner = wrappedConfig(config);
  const prefixed = (prefix: string) =>
    `${prefix}_${String(inner.name).replace(new RegExp(`^${prefix}_`), '')}`;
  const forward = { ...layer, config: { ...inner, name: prefixed('forward') } };
  const backward = config.has('backward_layer')
    ? config.object('backward_layer')
    : { ...layer, config: { ...inner, name: prefixed('backward'), go_backwards: !inner.go_backwards } };
  return [
    { attribute: 'forward_layer', layer: withZeroOutput(forward) },
    { attribute: 'backward_layer', layer: withZeroOutput(backward) },
  ];
}

/** Returns the serialised layer with zeros as the output of masked steps: Keras sets this option in both directions. */
function withZeroOutput(layer: JsonObject): JsonObject {
  const config = isObject(layer.config) ? layer.config : {};
  return { ...layer, config: { ...config, zero_output_for_mask: config.return_sequences ?? false } };
}

/** Keras' `Bidirectional`: a recurrent layer in both directions. */
const bidirectional: LayerKind = {
  names: ['Bidirectional'],
  sublayers: directions,
  build({ config, sublayers }) {
    const forward = sublayers.forward_layer as BuiltLayer;
    const backward = sublayers.backward_layer as BuiltLayer;
    const merge = MERGES[mergeModeOf(config)];
    const sequences = forward.config.boolean('return_sequences', false);
    const timeAxis = forward.config.boolean('time_major', false) ? 0 : 1;
    return (inputs, call) => {
      const x = inputs[0] as Symbolic;
      const states = statesOfCall(inputs, call, config);
      const half = states.length / 2;
      const mask = sequenceMask(call);
      const run = (layer: BuiltLayer, initial: readonly Symbolic[]): readonly Symbolic[] => {
        const results = layer.call([x, ...initial], {
          args: [[x, ...initial]],
          kwargs: {},
          masks: [mask, ...initial.map(() => null)],
        });
        return results instanceof Symbolic ? [results] : results;
      };
      const [y, ...forwardStates] = run(forward, states.slice(0, half)) as [Symbolic, ...Symbolic[]];
      const [z, ...backwardStates] = run(backward, states.slice(half)) as [Symbolic, ...Symbolic[]];
      // The backward layer returns its steps from the last to the first.
      const outputs = merge(y, sequences ? reverse(z, timeAxis) : z);
      const all = [...outputs, ...forwardStates, ...backwardStates];
      return all.length === 1 ? (all[0] as Symbolic) : all;
    };
  },
  mask({ config }, _, call) {
    const inner = wrappedConfig(config);
    const mask = inner.return_sequences === true ? sequenceMask(call) : null;
    const outputs = mergeModeOf(config) === 'none' ? [mask, mask] : [mask];
    return inner.return_state === true || outputs.length > 1 ? outputs : mask;
  },
};

/** Returns x (N, T, ...) as (N · T, ...). */
function joinSteps(x: Symbolic): Symbolic {
  return reshape(x, [-1, ...sizesFrom(x, 2)]);
}

/** Returns x (N · T, ...) as (N, T, ...), with the sizes of `like`. */
function splitSteps(x: Symbolic, like: Symbolic): Symbolic {
  const [batch = null, time = null] = like.shape ?? [];
  const sizes = sizesFrom(x, 1);
  if (time !== null) return reshape(x, [batch ?? -1, time, ...sizes]);
  return reshape(x, [batch ?? sizeOf(like, 0), sizeOf(like, 1), ...sizes]);
}

const sizeOf = (x: Symbolic, axis: number) => gather(shape(x), axis);

/** Returns the sizes of the axes from `first` on. Sizes that are unknown while recording are read in the run. */
const sizesFrom = (x: Symbolic, first: number) =>
  (x.shape ?? []).slice(first).map((size, i) => size ?? sizeOf(x, i + first));

/** Returns the call of the wrapped layer: the samples are the time steps of all samples. */
function innerCall(inputs: readonly Symbolic[], call: LayerCall): { inputs: Symbolic[]; call: LayerCall } {
  const joined = inputs.map(joinSteps);
  const mask = sequenceMask(call);
  // A mask of whole steps says nothing about the inside of a step.
  const inner = mask === null || mask.rank < 3 ? null : joinSteps(mask);
  const args = joined.length === 1 ? joined : [joined];
  return { inputs: joined, call: { args, kwargs: {}, masks: [inner, ...joined.slice(1).map(() => null)] } };
}

/** Returns the mask of `TimeDistributed`. Keras 3 passes the mask. Keras 2 asks the wrapped layer. */
function distributedMask(parts: LayerParts, inputs: readonly Symbolic[], call: LayerCall): Symbolic | null {
  const mask = sequenceMask(call);
  const x = inputs[0] as Symbolic;
  if (parts.kerasVersion > 2 || x.shape?.[0] !== null) return mask;
  const inner = innerCall(inputs, call);
  const [made = null] = (parts.sublayers.layer as BuiltLayer).masksOf(inner.inputs, inner.inputs, inner.call);
  if (made !== null) return splitSteps(made, x);
  if (mask === null || mask.rank === 2) return mask;
  return reduceAny(
    mask,
    Array.from({ length: mask.rank - 2 }, (_, i) => i + 2),
  );
}

/** Keras' `TimeDistributed`: a layer on every time step, computed at once. */
const timeDistributed: LayerKind = {
  names: ['TimeDistributed'],
  sublayers: (config) => [{ attribute: 'layer', layer: config.object('layer') }],
  build({ sublayers }) {
    const layer = sublayers.layer as BuiltLayer;
    return (inputs, call) => {
      const inner = innerCall(inputs, call);
      const results = layer.call(inner.inputs, inner.call);
      const like = inputs[0] as Symbolic;
      return results instanceof Symbolic
        ? splitSteps(results, like)
        : results.map((result) => splitSteps(result, like));
    };
  },
  mask: distributedMask,
};

export const SEQUENCE_WRAPPERS: readonly LayerKind[] = [bidirectional, timeDistributed];
