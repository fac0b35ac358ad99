/** An operation of `keras.ops` as a layer kind: a function without weights. */
import type { Symbolic } from '../../graph/symbolic.js';
import type { LayerKind } from '../layer_kind.js';
import { Arguments } from './arguments.js';

/** What an operation computes from its arguments. */
export type Compute = (args: Arguments) => Symbolic | readonly Symbolic[];

/** An operation by the name of its class, for example 'Mean'. */
export interface Operation {
  readonly name: string;
  /** The names of the positional arguments. */
  readonly parameters: readonly string[];
  readonly compute: Compute;
}

/** Returns operations that differ only in what they compute. `parameters` are separated by blanks. */
export function operations(parameters: string, computes: Readonly<Record<string, Compute>>): Operation[] {
  const names = parameters.split(' ');
  return Object.entries(computes).map(([name, compute]) => ({ name, parameters: names, compute }));
}

/** Returns the operation as a layer kind. Operations take the dtypes that they receive. */
export function kindOf({ name, parameters, compute }: Operation): LayerKind {
  return {
    names: [name],
    isOperation: true,
    keepsDtypes: true,
    build:
      ({ config }) =>
      (_, call) =>
        compute(new Arguments(config, parameters, call)),
  };
}
