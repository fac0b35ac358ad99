/** Keras' convolutional LSTM layers. Their cells have convolutions in place of products of matrices. */
import { op } from '../../graph/operand.js';
import { add, multiply } from '../../graph/ops/arithmetic.js';
import { split, zeros } from '../../graph/ops/array.js';
import type { Symbolic } from '../../graph/symbolic.js';
import type { Config } from '../config.js';
import type { LayerKind } from '../layer_kind.js';
import { channelsFirst, channelsLast } from './channels.js';
import { convolve, type Geometry } from './convolution.js';
import { convolutionConfig, convolutionOptions } from './convolutions.js';
import { isChannelsFirst, positiveInteger, positiveIntegers } from './options.js';
import { buildRecurrent, recurrentMask } from './recurrent.js';
import { type CellKind, cellVariables, cellWeights, gateActivationOf } from './recurrent_cells.js';
import { recurrenceOf, zerosAs } from './recurrent_loop.js';

/** The class of the cell, which files do not name. */
const cellName = (rank: number) => `ConvLSTM${rank}DCell`;

/** The size of the kernel: `nb_row` and `nb_col` in Keras 1. */
const kernelSize = (config: Config, rank: number): number[] =>
  config.has('nb_row')
    ? [config.integer('nb_row'), config.integer('nb_col')]
    : positiveIntegers(config, 'kernel_size', rank);

function convLstmCell(rank: number): CellKind {
  const geometryOf = (config: Config): Geometry =>
    convolutionOptions({ config, weights: {}, sublayers: {}, dtype: 'float32', kerasVersion: 3 }, rank)
      .geometry;
  // The state is convolved with the size of the output kept.
  const inner: Geometry = {
    strides: new Array<number>(rank).fill(1),
    dilation: new Array<number>(rank).fill(1),
    padding: 'same',
  };
  return {
    names: [cellName(rank)],
    variables: cellVariables(['i', 'c', 'f', 'o']),
    initialStates(config, x) {
      const current = convolutionConfig(config, rank);
      const isFirst = isChannelsFirst(current);
      const image = isFirst ? channelsLast(x) : x;
      const filters = positiveInteger(current, 'filters');
      const kernel = zeros([...kernelSize(config, rank), image.shape?.at(-1) ?? 0, filters], x.dtype);
      // The state has the size of the output of the convolution of x.
      const state = zerosAs(convolve(image, kernel, geometryOf(config)), image, 0);
      const made = isFirst ? channelsFirst(state) : state;
      return [made, made];
    },
    build(parts) {
      const { geometry, activation } = convolutionOptions(parts, rank);
      const isFirst = isChannelsFirst(convolutionConfig(parts.config, rank));
      const gateActivation = gateActivationOf(parts);
      const { kernel, recurrentKernel, bias } = cellWeights(parts, ['i', 'f', 'c', 'o']);
      return (inputs) => {
        const [x, h, c] = isFirst ? inputs.map(channelsLast) : inputs;
        const input = convolve(x as Symbolic, kernel, geometry);
        const biased = bias === undefined ? input : op('BiasAdd', [input, bias]);
        const sum = add(biased, convolve(h as Symbolic, recurrentKernel, inner));
        const gates = split(sum, 4, rank + 1) as [Symbolic, Symbolic, Symbolic, Symbolic];
        const carry = add(
          multiply(gateActivation(gates[1]), c as Symbolic),
          multiply(gateActivation(gates[0]), activation(gates[2])),
        );
        const output = multiply(gateActivation(gates[3]), activation(carry));
        const results = [output, output, carry];
        return isFirst ? results.map(channelsFirst) : results;
      };
    },
  };
}

/** Keras' `ConvLSTM1D`, `ConvLSTM2D` and `ConvLSTM3D`. */
const convLstm = (rank: number): LayerKind => ({
  names: [`ConvLSTM${rank}D`],
  sublayers: ({ entries }) => [
    {
      attribute: 'cell',
      layer: { class_name: cellName(rank), config: { ...entries, name: 'conv_lstm_cell' } },
    },
  ],
  build(parts) {
    const options = recurrenceOf(parts.config);
    // Keras 2 reads this option in all recurrent layers but these.
    const zeroOutputForMask = options.zeroOutputForMask && parts.kerasVersion >= 3;
    return buildRecurrent(parts, { ...options, zeroOutputForMask });
  },
  mask: recurrentMask,
});

const RANKS = [1, 2, 3];

export const CONV_LSTM_LAYERS: readonly LayerKind[] = [...RANKS.map(convLstmCell), ...RANKS.map(convLstm)];
