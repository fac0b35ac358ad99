/** Keras' recurrent layers: `RNN` of any cell, `SimpleRNN`, `LSTM` and `GRU`, and the cuDNN layers of Keras 1 and 2. */
import { constant } from '../../graph/operand.js';
import { cast } from '../../graph/ops/array.js';
import { gather } from '../../graph/ops/indexing.js';
import type { Symbolic } from '../../graph/symbolic.js';
import type { Config, JsonObject } from '../config.js';
import type { BuiltLayer, LayerCall, LayerKind, LayerParts } from '../layer_kind.js';
import { snakeCase } from '../snake_case.js';
import { symbolsIn } from '../symbols_in.js';
import { initialStatesOf, stepOf } from './recurrent_cells.js';
import { type Recurrence, recur, recurrenceOf } from './recurrent_loop.js';

/** Returns the mask of a recurrent layer: the argument `mask`, or the mask of the sequence. */
export function sequenceMask(call: LayerCall): Symbolic | null {
  const [given] = symbolsIn(call.kwargs.mask);
  return given ?? call.masks[0] ?? null;
}

/**
 * Returns the initial states that a call passes, or an empty list. Keras 2 appends the states to the inputs. Keras 3
 * has an argument.
 */
export function statesOfCall(inputs: readonly Symbolic[], call: LayerCall, config: Config): Symbolic[] {
  if (inputs.length > 1) return inputs.slice(1);
  const given = call.kwargs.initial_state ?? call.args[1] ?? null;
  const states = symbolsIn(given);
  if (given !== null && states.length === 0)
    config.refuse('its `initial_state` has a value that is no tensor');
  return states;
}

/** Returns the output masks of a recurrent layer: Keras' `RNN.compute_mask`. States have no mask. */
export function recurrentMask(
  { config }: LayerParts,
  _: readonly Symbolic[],
  call: LayerCall,
): Symbolic | null | (Symbolic | null)[] {
  const mask = config.boolean('return_sequences', false) ? sequenceMask(call) : null;
  return config.boolean('return_state', false) ? [mask] : mask;
}

/** Returns a recurrent layer with the cell of its sublayer `cell`. */
export function buildRecurrent(parts: LayerParts, options: Recurrence = recurrenceOf(parts.config)) {
  const { config, sublayers, dtype } = parts;
  const cell = sublayers.cell as BuiltLayer;
  if (config.integer('num_constants', 0) > 0) {
    config.refuse(
      'its cell receives `constants`',
      'Export the model as a SavedModel in Python: model.export(directory).',
    );
  }
  return (inputs: readonly Symbolic[], call: LayerCall): Symbolic | readonly Symbolic[] => {
    const x = inputs[0] as Symbolic;
    const first = gather(x, constant(0, 'int32'), { axis: options.timeMajor ? 0 : 1 });
    const zeros = initialStatesOf(cell, first);
    const given = statesOfCall(inputs, call, config);
    if (given.length > 0 && given.length !== zeros.length) {
      config.refuse(`its cell has ${zeros.length} states but the call passes ${given.length} initial states`);
    }
    const initial = given.length > 0 ? given.map((state) => cast(state, dtype)) : zeros;
    const { output, states } = recur(stepOf(cell), x, initial, sequenceMask(call), options);
    return options.returnState ? [output, ...states] : output;
  };
}

/** Returns the kind of a layer whose config is that of its cell. */
function layerOfCell(names: readonly string[], cell: string, change: JsonObject = {}): LayerKind {
  return {
    names,
    sublayers: ({ entries }) => [
      {
        attribute: 'cell',
        layer: { class_name: cell, config: { ...entries, ...change, name: snakeCase(cell) } },
      },
    ],
    build: (parts) => buildRecurrent(parts),
    mask: recurrentMask,
  };
}

const rnn: LayerKind = {
  names: ['RNN'],
  sublayers: (config) => [{ attribute: 'cell', layer: config.object('cell') }],
  build: (parts) => buildRecurrent(parts),
  mask: recurrentMask,
};

const CUDNN = { activation: 'tanh', recurrent_activation: 'sigmoid', use_bias: true, reset_after: true };

export const RECURRENT_LAYERS: readonly LayerKind[] = [
  rnn,
  layerOfCell(['SimpleRNN'], 'SimpleRNNCell'),
  layerOfCell(['LSTM'], 'LSTMCell'),
  layerOfCell(['GRU'], 'GRUCell'),
  layerOfCell(['CuDNNLSTM'], 'LSTMCell', CUDNN),
  layerOfCell(['CuDNNGRU'], 'GRUCell', CUDNN),
];
