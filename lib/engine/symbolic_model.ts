/** The model that methods call with symbolic tensors. */
import type { TensorSpec } from '../graph/layer.js';
import type { AtLeast, SymbolicInputs, SymbolicModel } from '../graph/method.js';
import { Symbolic } from '../graph/symbolic.js';
import { Trace } from '../graph/trace.js';
import { readBiasTerms } from '../inspection/bias_terms.js';
import type { Model } from '../model/model.js';
import { nearNames, wrongType } from '../support/arguments.js';
import { GraphError } from '../support/errors.js';

/**
 * Returns the symbolic model. `batch` holds the inputs of the step. A call with one tensor replaces the input at
 * `explained`. `seed` is the seed of the run, for a model that draws random numbers. `tensors` are outputs in addition
 * to those of the model.
 */
export function symbolicModel(
  model: Model,
  batch: readonly Symbolic[],
  explained = 0,
  seed?: Symbolic,
  tensors: readonly TensorSpec[] = [],
): SymbolicModel {
  const { inputs: specs, outputs, layers, core, outputTensors } = model;

  const inOrder = (given: SymbolicInputs): readonly Symbolic[] => {
    if (given instanceof Symbolic) return batch.map((each, i) => (i === explained ? given : each));
    if (Array.isArray(given)) return given;
    if (typeof given !== 'object' || given === null) {
      throw wrongType('inputs', 'a symbolic tensor, an array or a record of them', given);
    }
    const record = given as Readonly<Record<string, Symbolic>>;
    const names = specs.map(({ name }) => name);
    const stranger = Object.keys(record).find((name) => !names.includes(name));
    if (stranger !== undefined) {
      const [near] = nearNames(stranger, names, 1);
      const mend = near === undefined ? `It has ${names.join(', ')}.` : `Did you mean "${near}"?`;
      throw new GraphError('INVALID_ARGUMENT', `The model has no input "${stranger}". ${mend}`);
    }
    return names.map((name, i) => record[name] ?? (batch[i] as Symbolic));
  };

  const call = <N extends number = 1>(given: SymbolicInputs, atLeast?: N): AtLeast<N> => {
    const inputs = inOrder(given);
    inputs.forEach((input, i) => {
      if (!(input instanceof Symbolic)) throw wrongType(`inputs[${i}]`, 'a symbolic tensor', input);
    });
    if (outputs.length < (atLeast ?? 1)) {
      throw new GraphError(
        'INVALID_ARGUMENT',
        `This method needs a model of ${atLeast} outputs but this model has ${outputs.length}. Expose the activations ` +
          'first: `inspection.expose(model)`.',
      );
    }
    const names = [...outputTensors, ...tensors.map(({ name }) => name)];
    const fed = seed === undefined ? inputs : [...inputs, seed];
    return Trace.current().callModel(core.native, fed, names) as unknown as AtLeast<N>;
  };

  return Object.assign(call, {
    inputs: specs,
    outputs,
    layers,
    outputTensors,
    mixesSamples: model.mixesSamples,
    withTensors: (more: readonly TensorSpec[]) =>
      symbolicModel(model, batch, explained, seed, [...tensors, ...more]),
    dependsOn: (of: readonly string[], from: readonly string[]) => core.native.dependsOn(of, from),
    outputChain: (output: string) => core.native.outputChain(output),
    lastWithPositions: (output: string) => core.native.lastWithPositions(output),
    tensorSpec: (name: string) => core.native.tensorSpec(name),
    biasTerms: (of: readonly string[], within: readonly string[]) => readBiasTerms(core.native, of, within),
  });
}
