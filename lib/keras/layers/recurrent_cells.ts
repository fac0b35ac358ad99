/**
 * The cells of recurrent layers. A cell is a layer: its inputs are the input of a time step (N, F) and the states, and
 * its outputs are the output of the step and the next states.
 */
import { constant, op } from '../../graph/operand.js';
import { add, multiply, subtract } from '../../graph/ops/arithmetic.js';
import { concat, reshape, shape, split, transpose, zeros } from '../../graph/ops/array.js';
import { gather } from '../../graph/ops/indexing.js';
import type { Symbolic } from '../../graph/symbolic.js';
import { Config, isObject } from '../config.js';
import type { BuiltLayer, LayerKind, LayerParts, VariableSpec } from '../layer_kind.js';
import { snakeCase } from '../snake_case.js';
import { activationOf } from './activation_functions.js';
import { weightOf } from './options.js';
import type { Step } from './recurrent_loop.js';

/** A layer class whose layers are cells. */
export interface CellKind extends LayerKind {
  /** Returns the states before the first step, zeros, of a cell with this config for the input `x` (N, F) of a step. */
  initialStates(config: Config, x: Symbolic): Symbolic[];
}

/** Returns the initial states of a cell: zeros. Refuses a layer that is no cell. */
export function initialStatesOf(cell: BuiltLayer, x: Symbolic): Symbolic[] {
  const kind = cell.kind as Partial<CellKind>;
  if (kind.initialStates !== undefined) return kind.initialStates(cell.config, x);
  return cell.config.refuse('it is not a known recurrent cell');
}

/** Returns the step function of a cell. */
export const stepOf =
  (cell: BuiltLayer): Step =>
  (x, states) => {
    const results = cell.call([x, ...states], { args: [x, [...states]], kwargs: {}, masks: [null] });
    const [output, ...next] = results as readonly [Symbolic, ...Symbolic[]];
    return { output, states: next };
  };

/** Returns the number of units: `output_dim` in Keras 1. */
export const unitsOf = (config: Config): number =>
  config.has('units') ? config.integer('units') : config.integer('output_dim');

/** Returns the activation of the gates: `inner_activation` in Keras 1. */
export const gateActivationOf = (parts: LayerParts) =>
  activationOf(parts, parts.config.has('inner_activation') ? 'inner_activation' : 'recurrent_activation');

/** Returns (N, units) zeros for each state of a dense cell. */
const zeroStates = (count: number) => (config: Config, x: Symbolic) => {
  const state = zeros([gather(shape(x), constant(0, 'int32')), unitsOf(config)], x.dtype);
  return new Array<Symbolic>(count).fill(state);
};

/** Returns x · kernel for matrices. */
const product = (x: Symbolic, kernel: Symbolic) =>
  op('MatMul', [x, kernel], { transpose_a: false, transpose_b: false });

const biased = (x: Symbolic, bias: Symbolic | undefined) =>
  bias === undefined ? x : op('BiasAdd', [x, bias]);

const hasBias = (config: Config) => config.boolean('use_bias', true);

/**
 * The variables of a cell. Keras 1 stores kernel, recurrent kernel and bias of each gate in `gates`, unless the layer
 * was made for a GPU.
 */
export function cellVariables(gates: readonly string[]) {
  return (config: Config, kerasVersion: number): readonly VariableSpec[] => {
    if (storesGates(config, kerasVersion, gates)) {
      return gates.flatMap((gate) => [`W_${gate}`, `U_${gate}`, `b_${gate}`].map((name) => ({ name })));
    }
    return ['kernel', 'recurrent_kernel', ...(hasBias(config) ? ['bias'] : [])].map((name) => ({ name }));
  };
}

function storesGates(config: Config, kerasVersion: number, gates: readonly string[]): boolean {
  return kerasVersion === 1 && gates.length > 0 && config.get('consume_less') !== 'gpu';
}

/** The matrices of a cell. */
interface CellWeights {
  readonly kernel: Symbolic;
  readonly recurrentKernel: Symbolic;
  readonly bias: Symbolic | undefined;
}

/**
 * Returns the matrices of a cell, the gates side by side in the order of `order`.
 *
 * @param order the gates as Keras 1 names them, in the order of later versions.
 */
export function cellWeights(parts: LayerParts, order: readonly string[]): CellWeights {
  if (parts.weights[`W_${order[0]}`] !== undefined) {
    const joined = (kind: string) =>
      concat(
        order.map((gate) => weightOf(parts, `${kind}_${gate}`)),
        -1,
      );
    return { kernel: joined('W'), recurrentKernel: joined('U'), bias: joined('b') };
  }
  return {
    kernel: weightOf(parts, 'kernel'),
    recurrentKernel: weightOf(parts, 'recurrent_kernel'),
    bias: hasBias(parts.config) ? weightOf(parts, 'bias') : undefined,
  };
}

/** Returns the matrices of a dense cell with gates. Weights that have cuDNN's biases are in cuDNN's layout. */
function gateWeights(parts: LayerParts, order: readonly string[]): CellWeights {
  const weights = cellWeights(parts, order);
  const [size, ...more] = weights.bias?.shape ?? [];
  const isCudnn = more.length === 0 && size === 2 * order.length * unitsOf(parts.config);
  return isCudnn ? fromCudnn(weights, order.length) : weights;
}

/**
 * Returns the matrices of cuDNN's layout in Keras' layout. cuDNN stores the transposed matrix of each gate, and two
 * biases of each gate: the bias stays as two rows.
 */
function fromCudnn({ kernel, recurrentKernel, bias }: CellWeights, gates: number): CellWeights {
  const perGate = (matrix: Symbolic, change: (gate: Symbolic) => Symbolic) =>
    concat(split(matrix, gates, 1).map(change), 1);
  return {
    kernel: perGate(kernel, (gate) => {
      const [features, units] = gate.shape as readonly [number, number];
      return transpose(reshape(gate, [units, features]));
    }),
    recurrentKernel: perGate(recurrentKernel, (gate) => transpose(gate)),
    bias: bias === undefined ? undefined : reshape(bias, [2, -1]),
  };
}

/** Keras' `SimpleRNNCell`: activation(x · kernel + bias + state · recurrent_kernel). */
const simpleRnnCell: CellKind = {
  names: ['SimpleRNNCell'],
  variables: cellVariables([]),
  initialStates: zeroStates(1),
  build(parts) {
    const activation = activationOf(parts);
    const { kernel, recurrentKernel, bias } = cellWeights(parts, ['']);
    return ([x, state]) => {
      const h = biased(product(x as Symbolic, kernel), bias);
      const output = activation(add(h, product(state as Symbolic, recurrentKernel)));
      return [output, output];
    };
  },
};

/** Keras' `LSTMCell`. The gates are input, forget, candidate and output. */
const lstmCell: CellKind = {
  names: ['LSTMCell'],
  variables: cellVariables(['i', 'c', 'f', 'o']),
  initialStates: zeroStates(2),
  build(parts) {
    const activation = activationOf(parts);
    const gateActivation = gateActivationOf(parts);
    const { kernel, recurrentKernel, bias: stored } = gateWeights(parts, ['i', 'f', 'c', 'o']);
    const bias = stored?.rank === 2 ? op('Sum', [stored, constant([0], 'int32')]) : stored;
    return ([x, h, c]) => {
      const sum = add(product(x as Symbolic, kernel), product(h as Symbolic, recurrentKernel));
      const gates = split(biased(sum, bias), 4, 1) as [Symbolic, Symbolic, Symbolic, Symbolic];
      const carry = add(
        multiply(gateActivation(gates[1]), c as Symbolic),
        multiply(gateActivation(gates[0]), activation(gates[2])),
      );
      const output = multiply(gateActivation(gates[3]), activation(carry));
      return [output, output, carry];
    };
  },
};

/** Keras' `GRUCell`. The gates are update, reset and candidate. */
const gruCell: CellKind = {
  names: ['GRUCell'],
  variables: cellVariables(['z', 'r', 'h']),
  initialStates: zeroStates(1),
  build(parts) {
    const { config } = parts;
    const activation = activationOf(parts);
    const gateActivation = gateActivationOf(parts);
    const { kernel, recurrentKernel, bias } = gateWeights(parts, ['z', 'r', 'h']);
    const units = unitsOf(config);
    // A bias of two rows belongs to the input and the recurrent product: cuDNN's layout.
    const [inputBias, recurrentBias] = bias?.rank === 2 ? [row(bias, 0), row(bias, 1)] : [bias, undefined];
    // Files from before the option reset before the product.
    const resetAfter = config.boolean('reset_after', false) || recurrentBias !== undefined;
    const [gateKernel, candidateKernel] = resetAfter
      ? [recurrentKernel, undefined]
      : (split(recurrentKernel, [2 * units, units], 1) as [Symbolic, Symbolic]);

    return ([x, h]) => {
      const state = h as Symbolic;
      const [inputZ, inputR, inputH] = split(biased(product(x as Symbolic, kernel), inputBias), 3, 1) as [
        Symbolic,
        Symbolic,
        Symbolic,
      ];
      const inner = split(biased(product(state, gateKernel), recurrentBias), resetAfter ? 3 : 2, 1);
      const update = gateActivation(add(inputZ, inner[0] as Symbolic));
      const reset = gateActivation(add(inputR, inner[1] as Symbolic));
      const recurrent =
        candidateKernel === undefined
          ? multiply(reset, inner[2] as Symbolic)
          : product(multiply(reset, state), candidateKernel);
      const candidate = activation(add(inputH, recurrent));
      const output = add(multiply(update, state), multiply(subtract(1, update), candidate));
      return [output, output];
    };
  },
};

const row = (matrix: Symbolic, i: number) => gather(matrix, constant(i, 'int32'));

/** The cells of a `StackedRNNCells`, in order. */
const stackedCells = (config: Config) =>
  config
    .list('cells')
    .map((cell) => (isObject(cell) ? cell : config.fail('cells', 'a list of serialised cells')));

/** Returns the attribute by which a `.keras` file names each cell: the class in snake case, numbered if not unique. */
function stackedAttributes(config: Config): string[] {
  const seen = new Map<string, number>();
  return stackedCells(config).map((cell) => {
    const name = snakeCase(String(cell.class_name));
    const count = seen.get(name) ?? 0;
    seen.set(name, count + 1);
    return `cells/${count === 0 ? name : `${name}_${count}`}`;
  });
}

/** Returns the initial states of each cell of a stack. */
function stackedStates(config: Config, x: Symbolic): Symbolic[][] {
  return stackedCells(config).map((cell) => {
    const kind = CELLS.find(({ names }) => names.includes(String(cell.class_name)));
    if (kind !== undefined && isObject(cell.config)) {
      return kind.initialStates(new Config(cell.config, config.owner), x);
    }
    return config.refuse(`\`cells\` has a ${String(cell.class_name)}, which is not a known recurrent cell`);
  });
}

/** Keras' `StackedRNNCells`: the output of each cell is the input of the next. The states of all cells follow. */
const stackedRnnCells: CellKind = {
  names: ['StackedRNNCells'],
  sublayers(config) {
    const attributes = stackedAttributes(config);
    return stackedCells(config).map((layer, i) => ({ attribute: attributes[i] as string, layer }));
  },
  initialStates: (config, x) => stackedStates(config, x).flat(),
  build({ config, sublayers }) {
    const cells = stackedAttributes(config).map((attribute) => sublayers[attribute] as BuiltLayer);
    return ([x, ...states]) => {
      const counts = stackedStates(config, x as Symbolic).map(({ length }) => length);
      let output = x as Symbolic;
      const next: Symbolic[] = [];
      for (const [i, cell] of cells.entries()) {
        const own = states.slice(next.length, next.length + (counts[i] as number));
        const result = stepOf(cell)(output, own);
        output = result.output;
        next.push(...result.states);
      }
      return [output, ...next];
    };
  },
};

const CELLS: readonly CellKind[] = [simpleRnnCell, lstmCell, gruCell, stackedRnnCells];

export const RECURRENT_CELLS: readonly LayerKind[] = CELLS;
